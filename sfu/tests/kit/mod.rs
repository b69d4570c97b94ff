//! A room in memory: the shard under test, or several, and clients made of another WebRTC
//! implementation (str0m), joined by a network without delay whose packets a
//! test may drop or read. Time is virtual.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

pub mod layered;

use conclave_sfu::config::Limits;
use conclave_sfu::dtls::Identity;
use conclave_sfu::layer::Target;
use conclave_sfu::link::{self, Link};
use conclave_sfu::metrics::{Metrics, Snapshot};
use conclave_sfu::placement::{Order, Placement};
use conclave_sfu::shard::{Clock, Input, Output, Parts, Shard};
use conclave_wire::control::{
    Command, Event, Sending, Show, ShownAs, SlotAssignment, Source, SourceOf,
};
use conclave_wire::id::{Mid, ParticipantId, RoomId};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, SeqNo};
use str0m::{Candidate, Rtc, RtcConfig};

/// The Dependency Descriptor's URI.
pub const DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Names of a simulcast's encodings, lowest first.
pub const RIDS: [&str; 3] = ["q", "h", "f"];

pub const ROOM: RoomId = RoomId([1; 16]);
const STEP: Duration = Duration::from_millis(5);

/// Which way a datagram goes, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    ToSfu(usize),
    FromSfu(usize),
}

/// Whether a datagram arrives.
pub type Filter = Box<dyn FnMut(Way, &[u8]) -> bool>;

pub struct World {
    pub shard: Shard,
    /// Further shards that the room may span.
    pub others: Vec<Shard>,
    /// Who lives where, if there are any.
    pub placement: Placement,
    /// Shards that wait for others to be told.
    pub woken: u64,
    /// Whether shards are kept from seeing what others sent.
    pub held: bool,
    pub now: Instant,
    pub start: Instant,
    pub clients: Vec<Client>,
    pub events: Vec<Event>,
    pub filter: Filter,
    pub sfu: SocketAddr,
    /// How many encodings of cameras clients that join send; none is one,
    /// without a name.
    pub simulcast: usize,
    /// Whether clients that join offer VP8, too.
    pub vp8: bool,
    /// Whether clients that join estimate what they may send, and pace.
    pub estimates: bool,
    /// How loud sounds say that they are, in dBov; nothing if they do not.
    pub level: Option<i8>,
    /// Whether sound of clients that join says as little of itself as it can.
    pub discreet: bool,
    metrics: Vec<Arc<Metrics>>,
    request: u64,
}

pub struct Stream {
    pub source: Source,
    pub mid: str0m::media::Mid,
    pub seq: u64,
    pub timestamp: u32,
    pub picture_id: u16,
    pub tl0: u8,
}

pub struct Client {
    pub rtc: Rtc,
    pub id: ParticipantId,
    pub address: SocketAddr,
    /// What its address looks like from outside.
    pub outside: SocketAddr,
    pub streams: Vec<Stream>,
    pub audio_slots: Vec<Mid>,
    pub video_slots: Vec<Mid>,
    pub received: Vec<RtpPacket>,
    pub keyframe_requests: usize,
    pub estimates: usize,
    pub connected: bool,
    pub offer: String,
    pub answer: String,
    outgoing: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Client {
    /// Takes what the library has to send and to say.
    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                str0m::Output::Timeout(_) => return,
                str0m::Output::Transmit(transmit) => self
                    .outgoing
                    .push_back((transmit.destination, transmit.contents.to_vec())),
                str0m::Output::Event(event) => match event {
                    str0m::Event::Connected => self.connected = true,
                    str0m::Event::RtpPacket(packet) => self.received.push(packet),
                    str0m::Event::KeyframeRequest(_) => self.keyframe_requests += 1,
                    str0m::Event::EgressBitrateEstimate(_) => self.estimates += 1,
                    _ => {}
                },
            }
        }
    }
}

impl World {
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> Self {
        Self::spanning(limits, 1, usize::MAX, link::all(1))
    }

    /// A world of that many shards, of which each may have so many clients more
    /// than another.
    pub fn of_shards(shards: usize, spill: usize) -> Self {
        Self::spanning(Limits::default(), shards, spill, link::all(shards))
    }

    /// The same with links of one's own.
    pub fn spanning(
        limits: Limits,
        shards: usize,
        spill: usize,
        links: Vec<Vec<Option<Link>>>,
    ) -> Self {
        str0m::crypto::from_feature_flags().install_process_default();
        let start = Instant::now();
        let sfu: SocketAddr = "10.0.0.1:7000".parse().unwrap();
        let metrics: Vec<_> = (0..shards).map(|_| Arc::new(Metrics::default())).collect();
        let identity = Arc::new(Identity::generate().unwrap());
        let mut all = links.into_iter().enumerate().map(|(index, links)| {
            let mut shard = Shard::new(Parts {
                identity: identity.clone(),
                candidates: vec![port(sfu, index)],
                limits,
                metrics: metrics[index].clone(),
                clock: Clock {
                    start,
                    ntp: 0x1234_5678_0000_0000,
                },
            });
            shard.set_index(index);
            shard.set_links(links);
            shard
        });
        let shard = all.next().unwrap();
        Self {
            shard,
            others: all.collect(),
            placement: Placement::new(shards, spill),
            woken: 0,
            held: false,
            now: start,
            start,
            clients: Vec::new(),
            events: Vec::new(),
            filter: Box::new(|_, _| true),
            sfu,
            simulcast: 0,
            vp8: false,
            estimates: false,
            level: Some(-30),
            discreet: false,
            metrics,
            request: 0,
        }
    }

    pub fn metrics(&self) -> Snapshot {
        let shards = self.metrics.iter().map(|metrics| metrics.snapshot());
        let sum = shards.reduce(|mut sum, shard| {
            sum.add(&shard);
            sum
        });
        sum.unwrap()
    }

    /// The counters of one shard.
    pub fn metrics_of(&self, shard: usize) -> Snapshot {
        self.metrics[shard].snapshot()
    }

    pub fn shard_at(&mut self, index: usize) -> &mut Shard {
        match index {
            0 => &mut self.shard,
            _ => &mut self.others[index - 1],
        }
    }

    pub fn command(&mut self, command: Command) {
        self.tell(command);
        self.settle();
    }

    /// Has a command carried out by the shards it is for.
    fn tell(&mut self, command: Command) {
        for (shard, order) in self.placement.orders(command) {
            let input = match order {
                Order::Command(command) => Input::Command(command),
                Order::Spans { room, others } => Input::Spans { room, others },
            };
            let now = self.now;
            self.shard_at(shard).handle_input(now, input);
        }
    }

    /// Joins a client that sends `sources` and opens slots; does not wait until
    /// it is connected.
    pub fn join(&mut self, sources: &[Source], audio: usize, video: usize) -> usize {
        let id = ParticipantId([self.clients.len() as u8 + 1; 16]);
        self.join_as(id, sources, audio, video)
    }

    /// The same as a participant of a client that was there before.
    pub fn join_as(
        &mut self,
        id: ParticipantId,
        sources: &[Source],
        audio: usize,
        video: usize,
    ) -> usize {
        let index = self.clients.len();
        let config = RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp9(true)
            .enable_vp8(self.vp8)
            .set_extension(12, layered::extension())
            .set_rtp_mode(true);
        let config = match self.estimates {
            true => config.enable_bwe(Some(str0m::bwe::Bitrate::kbps(800))),
            false => config,
        };
        let mut rtc = config.build(self.now);
        let address = SocketAddr::from(([10, 0, 1, index as u8], 5000));
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        let mut api = rtc.sdp_api();
        let kind = |source| match source {
            Source::Microphone | Source::ScreenAudio => MediaKind::Audio,
            Source::Camera | Source::Screen => MediaKind::Video,
        };
        let rids = || {
            let mut simulcast = Simulcast::new();
            for rid in &RIDS[..self.simulcast] {
                simulcast.add_send_layer(SimulcastLayer::new(rid));
            }
            simulcast
        };
        let simulcast = self.simulcast > 0;
        let streams: Vec<_> = sources
            .iter()
            .map(|source| Stream {
                source: *source,
                mid: api.add_media(
                    kind(*source),
                    Direction::SendOnly,
                    None,
                    None,
                    (simulcast && *source == Source::Camera).then(rids),
                ),
                seq: 1000,
                timestamp: 77_000,
                picture_id: 0x7ff0,
                tl0: 250,
            })
            .collect();
        let mut slots = |kind, count| -> Vec<Mid> {
            (0..count)
                .map(|_| {
                    let mid = api.add_media(kind, Direction::RecvOnly, None, None, None);
                    mid.to_string().parse().unwrap()
                })
                .collect()
        };
        let audio_slots = slots(MediaKind::Audio, audio);
        let video_slots = slots(MediaKind::Video, video);
        let (offer, pending) = api.apply().unwrap();
        let offer = offer.to_sdp_string();
        let sending: Vec<_> = streams
            .iter()
            .map(|stream| Sending {
                mid: stream.mid.to_string().parse().unwrap(),
                source: stream.source,
            })
            .collect();
        let answer = self.connect(id, &offer, sending).expect("an answer");
        let parsed = str0m::change::SdpAnswer::from_sdp_string(&answer).expect("valid answer");
        rtc.sdp_api()
            .accept_answer(pending, parsed)
            .expect("accepted");
        self.clients.push(Client {
            rtc,
            id,
            address,
            outside: address,
            streams,
            audio_slots,
            video_slots,
            received: Vec::new(),
            keyframe_requests: 0,
            estimates: 0,
            connected: false,
            offer,
            answer,
            outgoing: VecDeque::new(),
        });
        index
    }

    /// Sends a Connect and gives the answer or the refusal.
    pub fn connect(
        &mut self,
        participant: ParticipantId,
        offer: &str,
        sending: Vec<Sending>,
    ) -> Result<String, conclave_wire::code::Code> {
        self.request += 1;
        let request = self.request;
        self.command(Command::Connect {
            room: ROOM,
            participant,
            request,
            offer: offer.to_owned(),
            sending,
            discreet: self.discreet,
        });
        for event in &self.events {
            match event {
                Event::Answer {
                    request: r, answer, ..
                } if *r == request => return Ok(answer.clone()),
                Event::Refused {
                    request: r, code, ..
                } if *r == request => return Err(*code),
                _ => {}
            }
        }
        panic!("neither answer nor refusal");
    }

    /// Restarts a client's ICE, on the same connection.
    pub fn restart_ice(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let mut api = client.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        let offer = offer.to_sdp_string();
        let sending = client.streams.iter().map(|stream| Sending {
            mid: stream.mid.to_string().parse().unwrap(),
            source: stream.source,
        });
        let (id, sending) = (client.id, sending.collect());
        let answer = self.connect(id, &offer, sending).expect("an answer");
        let parsed = str0m::change::SdpAnswer::from_sdp_string(&answer).expect("valid answer");
        let client = &mut self.clients[index];
        client
            .rtc
            .sdp_api()
            .accept_answer(pending, parsed)
            .expect("accepted");
        client.answer = answer;
    }

    /// Two connected clients, the second of which sees and hears the first.
    pub fn pair() -> Self {
        let mut world = Self::new();
        world.join(&[Source::Microphone, Source::Camera], 1, 1);
        world.join(&[Source::Microphone, Source::Camera], 1, 1);
        world.until_connected();
        world.assign(1, Slot::Video(0), Some((0, Source::Camera)));
        world.assign(1, Slot::Audio(0), Some((0, Source::Microphone)));
        world
    }

    pub fn until_connected(&mut self) {
        for _ in 0..1000 {
            if self.clients.iter().all(|client| client.connected) {
                return;
            }
            self.run(STEP);
        }
        panic!("not connected: {:?}", self.metrics());
    }

    pub fn assign(&mut self, client: usize, slot: Slot, carries: Option<(usize, Source)>) {
        let mid = match slot {
            Slot::Audio(index) => self.clients[client].audio_slots[index].clone(),
            Slot::Video(index) => self.clients[client].video_slots[index].clone(),
        };
        let carries = carries.map(|(of, source)| SourceOf {
            participant: ParticipantId([of as u8 + 1; 16]),
            source,
        });
        self.command(Command::Assign {
            participant: self.clients[client].id,
            slots: vec![SlotAssignment {
                mid,
                carries,
                show: Show::default(),
            }],
        });
    }

    /// Lets a sound slot carry whoever is heard.
    pub fn float(&mut self, client: usize, slot: usize) {
        self.command(Command::Assign {
            participant: self.clients[client].id,
            slots: vec![SlotAssignment {
                mid: self.clients[client].audio_slots[slot].clone(),
                carries: None,
                show: Show {
                    height: 0,
                    rank: ShownAs::Speaker,
                },
            }],
        });
    }

    /// Sends one packet of a source; gives its payload.
    pub fn send(&mut self, client: usize, source: Source, packet: Packet) -> Vec<u8> {
        let (now, level) = (self.now, self.level);
        let sender = &mut self.clients[client];
        let index = sender
            .streams
            .iter()
            .position(|stream| stream.source == source)
            .unwrap();
        let stream = &mut sender.streams[index];
        let video = matches!(source, Source::Camera | Source::Screen);
        let mut payload = Vec::new();
        if video {
            if packet.begins {
                stream.picture_id = (stream.picture_id + 1) & 0x7fff;
                stream.tl0 = stream.tl0.wrapping_add(1);
                stream.timestamp = stream.timestamp.wrapping_add(3000);
            }
            let mut flags = 0xa0;
            if !packet.keyframe {
                flags |= 0x40;
            }
            if packet.begins {
                flags |= 0x08;
            }
            payload.push(flags);
            payload.extend((stream.picture_id | 0x8000).to_be_bytes());
            payload.extend([0, stream.tl0]);
        } else {
            stream.timestamp = stream.timestamp.wrapping_add(960);
        }
        payload.extend(&packet.body);
        let codec = if video { Codec::Vp9 } else { Codec::Opus };
        let (seq, timestamp, mid) = (stream.seq, stream.timestamp, stream.mid);
        stream.seq += 1;
        let pt = {
            let params = sender.rtc.codec_config().params();
            params
                .iter()
                .find(|params| params.spec().codec == codec)
                .unwrap()
                .pt()
        };
        let mut exts = ExtensionValues::default();
        if !video {
            exts.audio_level = level;
            exts.voice_activity = level.map(|_| true);
        }
        let mut api = sender.rtc.direct_api();
        let tx = api.stream_tx_by_mid(mid, None).expect("a stream");
        tx.write_rtp(
            RtpWrite::new(pt, SeqNo::from(seq), timestamp, now, payload.clone())
                .marker(packet.ends)
                .nackable(video)
                .ext_vals(exts),
        );
        // The library sends when it is told the time.
        sender.rtc.handle_input(str0m::Input::Timeout(now)).unwrap();
        self.settle();
        payload
    }

    /// Sends a packet of a camera that is sent in layers, of one encoding if
    /// it is a simulcast.
    pub fn send_layered(&mut self, client: usize, rid: Option<&str>, packet: &layered::Packet) {
        let now = self.now;
        let sender = &mut self.clients[client];
        let camera = |stream: &&Stream| stream.source == Source::Camera;
        let mid = sender.streams.iter().find(camera).unwrap().mid;
        let mut params = sender.rtc.codec_config().params().iter();
        let offered = params.find(|params| params.spec().codec == packet.codec);
        let pt = offered.unwrap().pt();
        let mut exts = ExtensionValues::default();
        if let Some(descriptor) = &packet.descriptor {
            exts.user_values.set(descriptor.clone());
        }
        let mut api = sender.rtc.direct_api();
        let rid = rid.map(Rid::from);
        let tx = api.stream_tx_by_mid(mid, rid).expect("a stream");
        tx.write_rtp(
            RtpWrite::new(
                pt,
                SeqNo::from(packet.seq),
                packet.timestamp,
                now,
                packet.payload.clone(),
            )
            .marker(packet.marker)
            .nackable(true)
            .ext_vals(exts),
        );
        sender.rtc.handle_input(str0m::Input::Timeout(now)).unwrap();
        self.settle();
    }

    /// Says what a client's slot is to take.
    pub fn aim(&mut self, client: usize, slot: usize, target: Target) {
        let mid = self.clients[client].video_slots[slot].clone();
        let id = self.clients[client].id;
        self.shard.aim(id, &mid, target);
        for shard in &mut self.others {
            shard.aim(id, &mid, target);
        }
    }

    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.now += STEP.min(end - self.now);
            for client in &mut self.clients {
                client
                    .rtc
                    .handle_input(str0m::Input::Timeout(self.now))
                    .unwrap();
            }
            for shard in 0..=self.others.len() {
                let now = self.now;
                self.shard_at(shard).handle_input(now, Input::Timeout);
            }
            self.settle();
        }
    }

    /// Moves datagrams until nobody has any.
    pub fn settle(&mut self) {
        loop {
            let mut moved = false;
            for index in 0..self.clients.len() {
                while let Some((to, bytes)) = self.poll_client(index) {
                    moved = true;
                    let mut shards = 0..=self.others.len();
                    let shard = shards.find(|shard| port(self.sfu, *shard) == to);
                    let Some(shard) = shard else { continue };
                    if (self.filter)(Way::ToSfu(index), &bytes) {
                        let from = self.clients[index].outside.into();
                        let datagram = Input::Datagram {
                            from,
                            bytes: &bytes,
                        };
                        let now = self.now;
                        self.shard_at(shard).handle_input(now, datagram);
                    }
                }
            }
            for shard in 0..=self.others.len() {
                moved |= self.drain(shard);
            }
            for shard in 0..=self.others.len() {
                if !self.held && self.woken & (1 << shard) != 0 {
                    moved = true;
                    self.woken &= !(1 << shard);
                    let now = self.now;
                    self.shard_at(shard).handle_input(now, Input::Linked);
                    self.drain(shard);
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Takes what a shard has to say and to send; whether it had.
    fn drain(&mut self, shard: usize) -> bool {
        let mut moved = false;
        loop {
            let (to, bytes) = match self.shard_at(shard).poll_output() {
                Output::Transmit { to, bytes, .. } => (to, bytes.to_vec()),
                Output::Event(event) => {
                    self.events.push(event);
                    continue;
                }
                Output::Wake(other) => {
                    self.woken |= 1 << other;
                    continue;
                }
                Output::Timeout(_) => return moved,
            };
            moved = true;
            let from = port(self.sfu, shard);
            let index = self.clients.iter().position(|client| to == client.outside);
            let Some(index) = index else { continue };
            if (self.filter)(Way::FromSfu(index), &bytes) {
                let client = &mut self.clients[index];
                let receive = Receive::new(Protocol::Udp, from, client.address, &bytes).unwrap();
                client
                    .rtc
                    .handle_input(str0m::Input::Receive(self.now, receive))
                    .unwrap();
                // The library holds one packet for its user: drained after
                // each, or the next takes its place.
                client.drain();
            }
        }
    }

    fn poll_client(&mut self, index: usize) -> Option<(SocketAddr, Vec<u8>)> {
        let client = &mut self.clients[index];
        client.drain();
        client.outgoing.pop_front()
    }

    /// A client asks for a keyframe of what a slot carries.
    pub fn request_keyframe(&mut self, client: usize, slot: Slot) {
        let Slot::Video(index) = slot else {
            panic!("sound has none")
        };
        let receiver = &mut self.clients[client];
        let mid = receiver.video_slots[index].clone();
        let ssrc = ssrc_of(&receiver.answer, mid.as_str());
        let mut api = receiver.rtc.direct_api();
        let stream = api.stream_rx(&ssrc.into()).expect("it has received");
        stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
    }

    /// Packets a client received in a slot since the test took them last, in
    /// order of their numbers.
    pub fn take(&mut self, client: usize, slot: Slot) -> Vec<RtpPacket> {
        let mid = match slot {
            Slot::Audio(index) => self.clients[client].audio_slots[index].clone(),
            Slot::Video(index) => self.clients[client].video_slots[index].clone(),
        };
        let ssrc = ssrc_of(&self.clients[client].answer, mid.as_str());
        let (mut taken, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.clients[client].received)
                .into_iter()
                .partition(|packet| *packet.header.ssrc == ssrc);
        self.clients[client].received = rest;
        taken.sort_by_key(|packet| packet.seq_no);
        taken
    }
}

/// A shard's address.
fn port(first: SocketAddr, shard: usize) -> SocketAddr {
    SocketAddr::new(first.ip(), first.port() + shard as u16)
}

/// The stream an answer gives a slot.
pub fn ssrc_of(answer: &str, mid: &str) -> u32 {
    let section = answer
        .split("m=")
        .find(|section| section.contains(&format!("a=mid:{mid}\r\n")))
        .unwrap();
    let line = section
        .lines()
        .find_map(|line| line.strip_prefix("a=ssrc:"))
        .unwrap();
    line.split(' ').next().unwrap().parse().unwrap()
}

#[derive(Debug, Clone, Copy)]
pub enum Slot {
    Audio(usize),
    Video(usize),
}

/// A packet to send. A video packet's body stands behind the descriptor.
#[derive(Debug, Clone)]
pub struct Packet {
    pub keyframe: bool,
    pub begins: bool,
    pub ends: bool,
    pub body: Vec<u8>,
}

impl Packet {
    /// A frame in one packet.
    pub fn frame(keyframe: bool, body: &[u8]) -> Self {
        Self {
            keyframe,
            begins: true,
            ends: true,
            body: body.to_vec(),
        }
    }

    /// Sound.
    pub fn sound(body: &[u8]) -> Self {
        Self {
            keyframe: false,
            begins: true,
            ends: false,
            body: body.to_vec(),
        }
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}
