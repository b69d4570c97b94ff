//! A shard behind its first tag: what members who hold their keys may send,
//! and what comes out of it at the others.

use crate::choices::Choices;
use crate::client::{
    ALLOCATION, AUDIO_SLOT, Client, DEPENDENCY, LEVEL, MID, NUMBER, RID, ROOM, VIDEO_SLOTS,
};
use conclave_sfu::config::Limits;
use conclave_sfu::dtls::Identity;
use conclave_sfu::metrics::{Counter, Metrics};
use conclave_sfu::rtp::Ssrc;
use conclave_sfu::rtp::rtcp::Writer;
use conclave_sfu::shard::{Clock, Input, Output, Parts, Shard};
use conclave_wire::control::{Command, Show, ShownAs, SlotAssignment, Source, SourceOf};
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();

/// The end of a payload, by which it is known again.
const BODY: usize = 16;

/// Payload types of sound, VP9, VP8, AV1 and retransmitted VP9.
const PAYLOADS: [u8; 5] = [111, 98, 96, 45, 99];

/// A descriptor of one spatial and three temporal layers, and what follows the
/// template and the number in it.
const STRUCTURE: &[u8] = &[0x80, 0x02, 0x17, 0xab, 0xf2, 0xc1, 0x4d, 0x14, 0x00];

struct Call {
    shard: Shard,
    metrics: Arc<Metrics>,
    clients: Vec<Client>,
    now: Instant,
    /// Ends of payloads that were sent.
    sent: HashSet<[u8; BODY]>,
    /// Whether something was sent whose end the shard takes off.
    padded: bool,
    /// Of each client's streams: number and timestamp.
    streams: [[(u16, u32); 20]; 2],
    numbers: [u16; 2],
    frame: u16,
    count: u64,
}

/// Two members who send and receive: whatever they seal, the other is sent
/// only what opens, under numbers that were not used, with no byte changed
/// behind the descriptors, and not more of it than came.
pub fn operations(data: &[u8]) {
    let mut choices = Choices::new(data);
    let simulcast = choices.flip();
    let identity = IDENTITY.get_or_init(|| Arc::new(Identity::generate().expect("an identity")));
    let (now, metrics) = (Instant::now(), Arc::new(Metrics::default()));
    let mut shard = Shard::new(Parts {
        identity: identity.clone(),
        candidates: vec!["192.0.2.1:7000".parse().expect("an address")],
        limits: Limits {
            packet_slots: 4096,
            ..Limits::default()
        },
        metrics: metrics.clone(),
        clock: Clock {
            start: now,
            ntp: 1 << 40,
        },
    });
    let clients = (1..3).map(|number| Client::connect(&mut shard, now, number, simulcast));
    let mut call = Call {
        clients: clients.collect(),
        shard,
        metrics,
        now,
        sent: HashSet::new(),
        padded: false,
        streams: Default::default(),
        numbers: [0; 2],
        frame: 0,
        count: 0,
    };
    assert_eq!(call.metrics.snapshot().connections, 2);
    call.assign(&mut Choices::new(&[]), 1);
    call.drain();
    while !choices.are_over() {
        call.step(&mut choices);
        call.drain();
    }
    call.shard
        .handle_input(call.now, Input::Command(Command::Close { room: ROOM }));
    call.drain();
    assert_eq!(call.metrics.snapshot().connections, 0);
}

impl Call {
    fn step(&mut self, choices: &mut Choices<'_>) {
        let (operation, who) = (choices.below(12), choices.below(2));
        match operation {
            0..=4 => {
                let packet = self.packet(choices, who);
                self.clients[who].send(&mut self.shard, self.now, &packet);
            }
            5 => {
                let packet = choices.chunk();
                self.padded |= packet.first().is_some_and(|first| first & 0x20 != 0);
                if let Some(end) = packet.last_chunk::<BODY>() {
                    self.sent.insert(*end);
                }
                self.clients[who].send(&mut self.shard, self.now, packet);
            }
            6 => {
                let mut compound = Vec::new();
                self.feedback(choices, who, &mut compound);
                self.clients[who].report(&mut self.shard, self.now, &compound);
            }
            7 => self.clients[who].report(&mut self.shard, self.now, choices.chunk()),
            8 => self.assign(choices, who),
            9 => {
                self.now += Duration::from_millis(u64::from(choices.byte()) * 4);
                self.shard.handle_input(self.now, Input::Timeout);
            }
            10 => {
                self.now += Duration::from_millis(choices.byte().into());
                self.clients[who].check(&mut self.shard, self.now);
            }
            _ => match choices.below(4) {
                0 => self.clients[who].offer_again(&mut self.shard, self.now),
                1 => {
                    let command = Command::RequestKeyframes { room: ROOM };
                    self.shard.handle_input(self.now, Input::Command(command));
                }
                _ => {
                    let from = self.clients[who].address.into();
                    let bytes = choices.chunk();
                    self.shard
                        .handle_input(self.now, Input::Datagram { from, bytes });
                }
            },
        }
    }

    /// A packet of a stream: what an honest sender would write, but for what
    /// the choices say.
    fn packet(&mut self, choices: &mut Choices<'_>, who: usize) -> Vec<u8> {
        let kind = choices.below(PAYLOADS.len());
        let video = kind > 0;
        let rid = choices.below(4);
        let ssrc = 0x1000 * (who as u32 + 1) + 4 * kind as u32 + rid as u32;
        let (seq, timestamp) = &mut self.streams[who][4 * kind + rid];
        match choices.byte() {
            255 => *seq = choices.word(),
            step => *seq = seq.wrapping_add(1 + u16::from(step) / 64),
        }
        let says = choices.byte();
        if says & 1 == 1 {
            *timestamp = timestamp.wrapping_add(3_000);
            self.frame = self.frame.wrapping_add(1);
        }
        let mut elements = Vec::new();
        let mut element = |id: u8, value: &[u8]| {
            elements.extend([id, value.len() as u8]);
            elements.extend(value);
        };
        if says & 2 == 0 {
            element(MID, if video { b"1" } else { b"0" });
        }
        if says & 4 == 0 {
            self.numbers[who] = self.numbers[who].wrapping_add(1);
            element(NUMBER, &self.numbers[who].to_be_bytes());
        }
        if !video {
            element(LEVEL, &[choices.byte()]);
        } else if rid > 0 {
            element(RID, [b"q", b"h", b"f"][rid - 1]);
        }
        let number = self.frame.to_be_bytes();
        match (video, says >> 4 & 3) {
            (true, 1) => element(DEPENDENCY, &[&[0xc0], &number[..], STRUCTURE].concat()),
            (true, 2) => {
                let template = 0xc0 | (choices.byte() % 4);
                element(DEPENDENCY, &[&[template], &number[..]].concat());
            }
            (true, 3) => element(DEPENDENCY, choices.chunk()),
            _ => {}
        }
        if video && says & 8 == 8 {
            element(ALLOCATION, choices.chunk());
        }
        elements.resize(elements.len().next_multiple_of(4), 0);

        let mut packet = vec![0x90, PAYLOADS[kind] | (says & 0x80)];
        packet.extend(seq.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0x10, 0]);
        packet.extend((elements.len() as u16 / 4).to_be_bytes());
        packet.extend(elements);
        match (kind, says >> 6 & 1) {
            (1 | 4, 0) => packet.extend([0xa8 | choices.byte(), 0x80, number[1], 0x10, number[1]]),
            (2, 0) => packet.extend([0x90, 0xf0, 0x80, number[1], number[1], 0x20]),
            _ => packet.extend(choices.chunk()),
        }
        self.count += 1;
        let mut body = [0x5a; BODY];
        body[..8].copy_from_slice(&self.count.to_be_bytes());
        self.sent.insert(body);
        packet.extend(body);
        packet
    }

    fn feedback(&mut self, choices: &mut Choices<'_>, who: usize, out: &mut Vec<u8>) {
        let received = &self.clients[who].received;
        let back = 1 + usize::from(choices.byte()) % received.len().max(1);
        let at = received.len().checked_sub(back);
        let (ssrc, seq) = at.map_or((7, 7), |at| received[at]);
        let (own, media) = (Ssrc(0x1004 + who as u32), Ssrc(ssrc));
        let mut writer = Writer::new(out);
        match choices.below(5) {
            0 => {
                let lost = [seq, seq.wrapping_add(choices.word())];
                writer.nack(own, media, &lost[..1 + choices.below(2)]);
            }
            1 => writer.pli(own, media),
            2 => writer.sender_report(own, u64::from(choices.word()) << 32, 90_000, 1, 1),
            3 => writer.transport_feedback(own, media, |out| out.extend(choices.chunk())),
            _ => {
                // As a receiver writes it: all of so many arrived.
                let (first, count) = (choices.word(), 1 + u16::from(choices.byte() % 64));
                writer.transport_feedback(own, media, |out| {
                    out.extend(first.to_be_bytes());
                    out.extend(count.to_be_bytes());
                    out.extend([0, 0, choices.byte(), choices.byte()]);
                    out.extend((0x2000 | count).to_be_bytes());
                    out.extend((0..count).map(|_| choices.byte()));
                });
            }
        }
    }

    /// Changes what a client's slots carry; everything of the other's, if
    /// nothing is chosen.
    fn assign(&mut self, choices: &mut Choices<'_>, who: usize) {
        let chosen = choices.byte();
        let other = self.clients[(who + 1) % 2].participant;
        let slots = [AUDIO_SLOT, VIDEO_SLOTS[0], VIDEO_SLOTS[1]];
        let slots = slots.into_iter().enumerate().map(|(index, mid)| {
            let source = if index == 0 {
                Source::Microphone
            } else {
                Source::Camera
            };
            let carries = (chosen >> index & 1 == 0).then_some(SourceOf {
                participant: other,
                source,
            });
            SlotAssignment {
                mid: mid.to_string().parse().expect("a tag"),
                carries,
                show: Show {
                    height: u16::from(choices.byte()) * 8,
                    rank: if chosen & 8 == 0 {
                        ShownAs::Tile
                    } else {
                        ShownAs::Hidden
                    },
                },
            }
        });
        let command = Command::Assign {
            participant: self.clients[who].participant,
            slots: slots.collect(),
        };
        self.shard.handle_input(self.now, Input::Command(command));
    }

    /// Carries what the shard has to send to the clients.
    fn drain(&mut self) {
        let before = self.metrics.snapshot().count_of(Counter::Received);
        let mut datagrams = 0;
        loop {
            let (to, bytes, segment) = match self.shard.poll_output() {
                Output::Transmit { to, bytes, segment } => (to, bytes, segment),
                Output::Event(_) | Output::Wake(_) => continue,
                Output::Timeout(due) => {
                    assert!(due.is_none_or(|due| due > self.now), "what is due was done");
                    break;
                }
            };
            let mut clients = self.clients.iter_mut();
            let client = clients.find(|client| to == client.address);
            let client = client.expect("nobody else is sent anything");
            for datagram in bytes.chunks(segment) {
                datagrams += 1;
                let Some(payload) = client.receive(datagram) else {
                    continue;
                };
                if let (Some(end), false) = (payload.last_chunk::<BODY>(), self.padded) {
                    assert!(self.sent.contains(end), "not as it was sent");
                }
            }
        }
        assert!(datagrams <= 1024, "{datagrams} datagrams after {before}");
    }
}
