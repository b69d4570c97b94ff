//! A shard with one publisher and any number of subscribers, all connected for
//! real (ICE, DTLS, SRTP by another implementation), without a network: what is
//! measured is the shard alone, from a datagram in to datagrams out.

#![allow(clippy::unwrap_used, clippy::panic)]

pub mod floor;

use conclave_sfu::config::Limits;
use conclave_sfu::dtls::Identity;
use conclave_sfu::metrics::{Counter, Metrics};
use conclave_sfu::shard::{Clock, Input, Output, Parts, Shard};
use conclave_wire::control::{Command, Event, Sending, Show, SlotAssignment, Source, SourceOf};
use conclave_wire::id::{Mid, ParticipantId, RoomId};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, SeqNo};
use str0m::{Candidate, Rtc, RtcConfig};

const ROOM: RoomId = RoomId([1; 16]);

/// Bytes of a measured packet's payload: a full packet of a video frame.
pub const PAYLOAD_LEN: usize = 1100;

/// The shard and its clients.
#[derive(Debug)]
pub struct Rig {
    shard: Shard,
    metrics: Arc<Metrics>,
    now: Instant,
    sfu: SocketAddr,
    clients: Vec<Client>,
    next: u64,
}

#[derive(Debug)]
struct Client {
    rtc: Rtc,
    address: SocketAddr,
    mid: str0m::media::Mid,
    connected: bool,
}

impl Rig {
    /// A publisher and its subscribers, connected and assigned.
    pub fn new(subscribers: usize) -> Self {
        str0m::crypto::from_feature_flags().install_process_default();
        let now = Instant::now();
        let sfu = SocketAddr::from(([10, 0, 0, 1], 7000));
        let metrics = Arc::new(Metrics::default());
        let shard = Shard::new(Parts {
            identity: Arc::new(Identity::generate().unwrap()),
            candidates: vec![sfu],
            limits: Limits::default(),
            metrics: metrics.clone(),
            clock: Clock { start: now, ntp: 0 },
        });
        let mut rig = Self {
            shard,
            metrics,
            now,
            sfu,
            clients: Vec::new(),
            next: 1,
        };
        rig.join(Direction::SendOnly);
        for _ in 0..subscribers {
            rig.join(Direction::RecvOnly);
        }
        while rig.clients.iter().any(|client| !client.connected) {
            rig.step(Duration::from_millis(5));
        }
        for client in 1..=subscribers {
            let mid: Mid = rig.clients[client].mid.to_string().parse().unwrap();
            let source = SourceOf {
                participant: participant(0),
                source: Source::Camera,
            };
            rig.command(Command::Assign {
                participant: participant(client),
                slots: vec![SlotAssignment {
                    mid,
                    carries: Some(source),
                    show: Show::default(),
                }],
            });
        }
        let keyframe = rig.packets(1);
        rig.feed(&keyframe[0]);
        let forwarded = rig.metrics.snapshot().count_of(Counter::Forwarded);
        assert_eq!(forwarded, subscribers as u64, "everybody receives");
        rig
    }

    /// The publisher's next packets as they come from the network. They are
    /// sealed for this rig and each can be fed once, in order.
    pub fn packets(&mut self, count: usize) -> Vec<Vec<u8>> {
        let publisher = &mut self.clients[0];
        let params = publisher.rtc.codec_config().params();
        let vp9 = params.iter().find(|p| p.spec().codec == Codec::Vp9);
        let pt = vp9.unwrap().pt();
        let mut packets = Vec::with_capacity(count);
        for _ in 0..count {
            let seq = self.next;
            self.next += 1;
            let mut payload = vec![0x5a; PAYLOAD_LEN];
            let flags = if seq == 1 { 0xa8 } else { 0xe8 };
            payload[..5].copy_from_slice(&[flags, 0x80, seq as u8, 0, seq as u8]);
            let mut api = publisher.rtc.direct_api();
            let stream = api.stream_tx_by_mid(publisher.mid, None).unwrap();
            let write = RtpWrite::new(pt, SeqNo::from(seq), seq as u32 * 3000, self.now, payload);
            stream.write_rtp(write.marker(true));
            // The library paces by its own timer.
            let timeout = str0m::Input::Timeout(self.now);
            publisher.rtc.handle_input(timeout).unwrap();
            loop {
                match publisher.rtc.poll_output().unwrap() {
                    str0m::Output::Timeout(_) => break,
                    str0m::Output::Transmit(transmit) if transmit.contents.len() > PAYLOAD_LEN => {
                        packets.push(transmit.contents.to_vec());
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(packets.len(), count);
        packets
    }

    /// One packet in, everything out; gives how many datagrams came out.
    pub fn feed(&mut self, packet: &[u8]) -> usize {
        let from = self.clients[0].address.into();
        self.shard.handle_input(
            self.now,
            Input::Datagram {
                from,
                bytes: packet,
            },
        );
        let mut out = 0;
        loop {
            match self.shard.poll_output() {
                Output::Transmit { bytes, .. } => {
                    std::hint::black_box(bytes);
                    out += 1;
                }
                Output::Event(_) | Output::Wake(_) => {}
                Output::Timeout(_) => return out,
            }
        }
    }

    fn join(&mut self, direction: Direction) {
        let index = self.clients.len();
        let config = RtcConfig::new()
            .clear_codecs()
            .enable_vp9(true)
            .set_rtp_mode(true);
        let mut rtc = config.build(self.now);
        let [high, low] = (index as u16).to_be_bytes();
        let address = SocketAddr::from(([10, 1, high, low], 5000));
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        let mut api = rtc.sdp_api();
        let mid = api.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        let sending = (direction == Direction::SendOnly).then(|| Sending {
            mid: mid.to_string().parse().unwrap(),
            source: Source::Camera,
        });
        let connect = Command::Connect {
            room: ROOM,
            participant: participant(index),
            request: index as u64,
            offer: offer.to_sdp_string(),
            sending: sending.into_iter().collect(),
            discreet: false,
        };
        self.shard.handle_input(self.now, Input::Command(connect));
        let answer = loop {
            match self.shard.poll_output() {
                Output::Event(Event::Answer { answer, .. }) => break answer,
                Output::Timeout(_) => panic!("no answer"),
                _ => {}
            }
        };
        let answer = str0m::change::SdpAnswer::from_sdp_string(&answer).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.clients.push(Client {
            rtc,
            address,
            mid,
            connected: false,
        });
    }

    fn command(&mut self, command: Command) {
        self.shard.handle_input(self.now, Input::Command(command));
        self.settle();
    }

    fn step(&mut self, duration: Duration) {
        self.now += duration;
        for client in &mut self.clients {
            let timeout = str0m::Input::Timeout(self.now);
            client.rtc.handle_input(timeout).unwrap();
        }
        self.shard.handle_input(self.now, Input::Timeout);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for client in &mut self.clients {
                loop {
                    match client.rtc.poll_output().unwrap() {
                        str0m::Output::Timeout(_) => break,
                        str0m::Output::Transmit(transmit) => {
                            moved = true;
                            let input = Input::Datagram {
                                from: client.address.into(),
                                bytes: &transmit.contents,
                            };
                            self.shard.handle_input(self.now, input);
                        }
                        str0m::Output::Event(str0m::Event::Connected) => client.connected = true,
                        str0m::Output::Event(_) => {}
                    }
                }
            }
            loop {
                let (to, bytes) = match self.shard.poll_output() {
                    Output::Transmit { to, bytes, .. } => (to, bytes.to_vec()),
                    Output::Event(_) | Output::Wake(_) => continue,
                    Output::Timeout(_) => break,
                };
                moved = true;
                if let Some(client) = self.clients.iter_mut().find(|c| to == c.address) {
                    let receive =
                        Receive::new(Protocol::Udp, self.sfu, client.address, &bytes).unwrap();
                    let input = str0m::Input::Receive(self.now, receive);
                    client.rtc.handle_input(input).unwrap();
                }
            }
            if !moved {
                return;
            }
        }
    }
}

fn participant(index: usize) -> ParticipantId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(index as u64 + 1).to_be_bytes());
    ParticipantId(id)
}
