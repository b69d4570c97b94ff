//! Media over TCP: frames in both directions through a running SFU, and what
//! becomes of connections that are nobody's.
#![allow(clippy::unwrap_used, clippy::panic)]

use conclave_sfu::drop::DropReason;
use conclave_sfu::metrics::Counter;
use conclave_sfu::{Config, EventReceiver, Handle, start};
use conclave_wire::control::{Command, Event, Sending, SlotAssignment, Source, SourceOf};
use conclave_wire::id::{Mid, ParticipantId, RoomId};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite, SeqNo};
use str0m::{Candidate, Rtc, RtcConfig};

/// What nothing here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// An SFU that is reached over TCP only: nothing answers at its UDP address.
struct World {
    sfu: Handle,
    events: EventReceiver,
    listener: TcpListener,
    request: u64,
}

impl World {
    fn new() -> Self {
        str0m::crypto::from_feature_flags().install_process_default();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let nowhere = "192.0.2.1:9".parse().unwrap();
        let (sfu, events) = start(&Config::new(any, vec![nowhere])).unwrap();
        let listener = TcpListener::bind(any).unwrap();
        let address = listener.local_addr().unwrap();
        sfu.announce_tcp(&[address]).unwrap();
        Self {
            sfu,
            events,
            listener,
            request: 0,
        }
    }

    /// A connection that the SFU has taken over.
    fn open(&self) -> TcpStream {
        let stream = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        let (taken, _) = self.listener.accept().unwrap();
        self.sfu.take_stream(taken, &[]).unwrap();
        stream
    }

    fn until(&self, what: &str, mut done: impl FnMut(&Handle) -> bool) {
        let begin = Instant::now();
        while !done(&self.sfu) {
            assert!(
                begin.elapsed() < PATIENCE,
                "{what}: {:?}",
                self.sfu.snapshot()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.sfu.snapshot().drops_of(reason)
    }

    /// A client with a microphone and a slot for sound, which finds its way.
    fn join(&mut self, index: u8) -> Client {
        let stream = self.open();
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        let local = stream.local_addr().unwrap();
        let mut rtc: Rtc = RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .set_rtp_mode(true)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, Protocol::Tcp).unwrap());
        let mut api = rtc.sdp_api();
        let microphone = api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let slot = api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        let participant = ParticipantId([index; 16]);
        self.request += 1;
        self.sfu
            .send(Command::Connect {
                room: RoomId([1; 16]),
                participant,
                request: self.request,
                offer: offer.to_sdp_string(),
                sending: vec![Sending {
                    mid: mid(microphone),
                    source: Source::Microphone,
                }],
                discreet: false,
            })
            .unwrap();
        let answer = loop {
            match self.events.blocking_recv().unwrap() {
                Event::Answer { answer, .. } => break answer,
                Event::Refused { code, .. } => panic!("{code:?}"),
                _ => {}
            }
        };
        let answer = str0m::change::SdpAnswer::from_sdp_string(&answer).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        Client {
            rtc,
            participant,
            stream,
            local,
            remote: self.listener.local_addr().unwrap(),
            microphone,
            slot: mid(slot),
            inbound: Vec::new(),
            connected: false,
            received: HashMap::new(),
            seq: 100,
        }
    }

    fn assign(&self, to: &Client, of: &Client) {
        let carries = Some(SourceOf {
            participant: of.participant,
            source: Source::Microphone,
        });
        self.sfu
            .send(Command::Assign {
                participant: to.participant,
                slots: vec![SlotAssignment {
                    mid: to.slot.clone(),
                    carries,
                    show: Default::default(),
                }],
            })
            .unwrap();
    }
}

fn mid(mid: str0m::media::Mid) -> Mid {
    mid.to_string().parse().unwrap()
}

/// Frames datagrams and takes them out of frames (RFC 4571).
struct Client {
    rtc: Rtc,
    participant: ParticipantId,
    stream: TcpStream,
    local: SocketAddr,
    remote: SocketAddr,
    microphone: str0m::media::Mid,
    slot: Mid,
    inbound: Vec<u8>,
    connected: bool,
    received: HashMap<Vec<u8>, usize>,
    seq: u64,
}

impl Client {
    fn step(&mut self) {
        let now = Instant::now();
        self.rtc.handle_input(str0m::Input::Timeout(now)).unwrap();
        loop {
            match self.rtc.poll_output().unwrap() {
                str0m::Output::Timeout(_) => break,
                str0m::Output::Transmit(transmit) => {
                    if transmit.destination == self.remote {
                        let len = transmit.contents.len() as u16;
                        // In pieces, as a network may cut it.
                        let frame = [&len.to_be_bytes()[..], &transmit.contents].concat();
                        let (head, tail) = frame.split_at(frame.len() / 3);
                        self.stream.write_all(head).unwrap();
                        self.stream.write_all(tail).unwrap();
                    }
                }
                str0m::Output::Event(event) => match event {
                    str0m::Event::Connected => self.connected = true,
                    str0m::Event::RtpPacket(packet) => {
                        *self.received.entry(packet.payload.to_vec()).or_default() += 1;
                    }
                    _ => {}
                },
            }
        }
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => panic!("closed"),
            Ok(len) => self.inbound.extend_from_slice(&chunk[..len]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        while let Some((len, rest)) = self.inbound.split_first_chunk::<2>() {
            let len = usize::from(u16::from_be_bytes(*len));
            let Some(datagram) = rest.get(..len) else {
                break;
            };
            let receive = Receive::new(Protocol::Tcp, self.remote, self.local, datagram).unwrap();
            let input = str0m::Input::Receive(Instant::now(), receive);
            self.rtc.handle_input(input).unwrap();
            self.inbound.drain(..2 + len);
        }
    }

    fn speak(&mut self, payload: &[u8]) {
        let params = self.rtc.codec_config().params().to_vec();
        let opus = params.iter().find(|p| p.spec().codec == Codec::Opus);
        let pt = opus.unwrap().pt();
        self.seq += 1;
        let (seq, timestamp) = (SeqNo::from(self.seq), self.seq as u32 * 960);
        let mut api = self.rtc.direct_api();
        let tx = api.stream_tx_by_mid(self.microphone, None).unwrap();
        tx.write_rtp(
            RtpWrite::new(pt, seq, timestamp, Instant::now(), payload.to_vec())
                .ext_vals(ExtensionValues::default()),
        );
    }
}

/// Two clients that have heard each other fifty times.
fn talking() -> (World, [Client; 2]) {
    let mut world = World::new();
    let mut clients = [world.join(1), world.join(2)];
    let begin = Instant::now();
    while !clients.iter().all(|client| client.connected) {
        clients.iter_mut().for_each(Client::step);
        assert!(begin.elapsed() < PATIENCE, "{:?}", world.sfu.snapshot());
        std::thread::sleep(Duration::from_millis(1));
    }
    world.assign(&clients[0], &clients[1]);
    world.assign(&clients[1], &clients[0]);
    while clients.iter().any(|client| client.received.len() < 50) {
        for (index, client) in clients.iter_mut().enumerate() {
            let payload = format!("{index} says {}", client.seq);
            client.speak(payload.as_bytes());
            client.step();
        }
        assert!(begin.elapsed() < PATIENCE, "{:?}", world.sfu.snapshot());
        std::thread::sleep(Duration::from_millis(5));
    }
    (world, clients)
}

#[test]
fn two_clients_that_have_tcp_alone_hear_each_other() {
    let (world, clients) = talking();
    for (client, other) in clients.iter().zip(["1 says ", "0 says "]) {
        let theirs = |payload: &Vec<u8>| payload.starts_with(other.as_bytes());
        assert!(client.received.keys().all(theirs));
    }
    // A connection that ends is no longer sent to, and the call goes on.
    let [first, mut second] = clients;
    drop(first);
    let sent = |sfu: &Handle| sfu.snapshot().count_of(Counter::Sent);
    for _ in 0..20 {
        second.speak(b"is somebody there?");
        second.step();
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(sent(&world.sfu) > 0);
    assert_eq!(world.dropped(DropReason::StreamMalformed), 0);
}

#[test]
fn a_client_that_is_silent_over_tcp_is_not_sent_to() {
    let (world, [silent, mut other]) = talking();
    let begin = Instant::now();
    // Its connection stands, and whatever is in it is taken by the kernel.
    while world.dropped(DropReason::NoConsent) < 50 {
        other.speak(b"is somebody there?");
        other.step();
        assert!(begin.elapsed() < PATIENCE, "{:?}", world.sfu.snapshot());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(
        begin.elapsed() >= Duration::from_secs(8),
        "it may be silent"
    );
    assert_eq!(world.sfu.snapshot().connections, 2, "it may come back");
    drop(silent);
}

/// What is read until the other end closes.
fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut read = Vec::new();
    match stream.read_to_end(&mut read) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    read
}

#[test]
fn what_does_not_begin_with_a_check_or_is_too_long_is_closed() {
    let world = World::new();
    let mut check = vec![0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    let mut too_long = check.clone();
    too_long.extend([0xff, 0xff, 0]);
    let cases: [&[u8]; 4] = [&[0, 4, 1, 2, 3, 4], &[0, 0], &[5, 255, 0, 1], &too_long];
    for (count, bytes) in cases.iter().enumerate() {
        let mut stream = world.open();
        stream.write_all(bytes).unwrap();
        if count == 2 {
            // It is not whole: that it is none shows when the rest is there.
            stream.write_all(&[0; 1600]).unwrap();
        }
        assert!(until_closed(stream).is_empty());
        let malformed = count as u64 + 1;
        world.until("counted", |_| {
            world.dropped(DropReason::StreamMalformed) == malformed
        });
    }
}

#[test]
fn strangers_are_few_and_do_not_stay() {
    let world = World::new();
    let begin = Instant::now();
    let streams: Vec<_> = (0..20).map(|_| world.open()).collect();
    world.until("four refused", |_| {
        world.dropped(DropReason::StreamRefused) == 4
    });
    for stream in streams {
        until_closed(stream);
    }
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!(world.sfu.snapshot().count_of(Counter::StreamsOpened), 16);
}
