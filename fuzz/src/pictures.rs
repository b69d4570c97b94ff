//! What the native client makes of a slot's packets: put back into order,
//! joined to sealed frames, looked at.

use crate::choices::Choices;
use bytes::Bytes;
use conclave_client::receive::assemble::{Assembler, Step};
use conclave_client::receive::reorder::Reorder;
use conclave_client::transport::{Incoming, Kind};
use conclave_client::vp9::descriptor::{Descriptor, Picture, packetize};
use conclave_client::vp9::header::Header;
use conclave_sfu::rtp::vp9;
use conclave_wire::id::Mid;
use std::collections::VecDeque;

/// Most pictures of one input, and bytes of one.
const PICTURES: usize = 32;
const LONGEST: usize = 4000;

/// Packets that an honest sender sent, on a path that loses, repeats, delays
/// and reorders them, and that a liar on the way adds to. What comes out of the
/// honest ones is what was sealed, each once and in order, and all of it where
/// nothing happened.
pub fn packets(data: &[u8]) {
    descriptor(data);
    let mut choices = Choices::new(data);
    let (mut path, sealed) = sent(&mut choices);
    let (mut harmed, mut lied) = (false, false);
    let mut receiver = Receiver::default();
    while !choices.are_over() {
        match choices.below(8) {
            0 => {
                harmed |= path.pop_front().is_some();
            }
            1 => {
                let at = choices.below(8);
                if let Some(packet) = path.get(at).cloned() {
                    path.push_front(packet);
                    harmed = true;
                }
            }
            2 if path.len() > 1 => {
                let other = 1 + choices.below(path.len().min(256)) % (path.len() - 1);
                path.swap(0, other);
                harmed = true;
            }
            3 => {
                receiver.now += 4 * u64::from(choices.byte());
                receiver.drain();
            }
            4 => {
                let mut packet = path.front().cloned().unwrap_or_else(|| empty(0));
                packet.sequence = packet.sequence.wrapping_add(choices.word());
                packet.timestamp = packet.timestamp.wrapping_add(choices.byte().into());
                packet.payload = Bytes::copy_from_slice(choices.chunk());
                lied = true;
                receiver.take(packet);
            }
            _ => {
                if let Some(packet) = path.pop_front() {
                    receiver.take(packet);
                }
            }
        }
    }
    for packet in path {
        receiver.take(packet);
    }
    receiver.now += 10_000;
    receiver.drain();
    assert_eq!(receiver.reorder.next_timeout(), None, "something is kept");
    if lied {
        return;
    }
    let mut rest = sealed.iter();
    for frame in &receiver.frames {
        assert!(rest.any(|sealed| sealed == frame), "as sealed, in order");
    }
    assert!(harmed || receiver.frames == sealed, "nothing was lost");
    assert!(harmed || receiver.lost == 0);
}

#[derive(Default)]
struct Receiver {
    reorder: Reorder,
    assembler: Assembler,
    now: u64,
    lost: u64,
    /// Each frame, and whether it is said to refer to another.
    frames: Vec<(Vec<u8>, bool)>,
}

impl Receiver {
    fn take(&mut self, packet: Incoming) {
        self.reorder.push(packet, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(ordered) = self.reorder.pop(self.now) {
            self.lost += ordered.lost;
            if let Step::Frame { sealed, predicted } = self.assembler.push(&ordered) {
                // What opened a frame is looked at; here it was never sealed.
                let _ = Header::parse(&sealed);
                self.frames.push((sealed, predicted));
            }
        }
        let due = self.reorder.next_timeout();
        assert!(due.is_none_or(|due| due > self.now), "what is due was done");
    }
}

type Sent = (VecDeque<Incoming>, Vec<(Vec<u8>, bool)>);

fn sent(choices: &mut Choices<'_>) -> Sent {
    let (mut packets, mut sealed) = (VecDeque::new(), Vec::new());
    let mut sequence = choices.word();
    for picture in 0..choices.below(PICTURES) {
        let len = usize::from(choices.word()) % LONGEST + 1;
        let frame = vec![picture as u8 + 1; len];
        let keyframe = choices.flip().then_some((320, 180));
        let payloads = packetize(Picture {
            sealed: &frame,
            picture_id: picture as u16,
            keyframe,
        });
        let last = payloads.len() - 1;
        for (nth, payload) in payloads.into_iter().enumerate() {
            packets.push_back(Incoming {
                timestamp: picture as u32 * 3000,
                marker: nth == last,
                payload,
                ..empty(sequence)
            });
            sequence = sequence.wrapping_add(1);
        }
        sealed.push((frame, keyframe.is_none()));
    }
    (packets, sealed)
}

fn empty(sequence: u16) -> Incoming {
    Incoming {
        slot: "0".parse::<Mid>().expect("a mid"),
        kind: Kind::Video,
        sequence,
        timestamp: 0,
        marker: false,
        payload: Bytes::new(),
    }
}

/// A descriptor is read by the SFU, too: both see the same in it.
fn descriptor(payload: &[u8]) {
    let Some(client) = Descriptor::parse(payload) else {
        return;
    };
    assert!((1..=payload.len()).contains(&client.len));
    let server = vp9::Descriptor::parse(payload).expect("the shorter part of it");
    assert_eq!(
        (client.begins, client.ends, client.predicted),
        (server.begins, server.ends, server.predicted)
    );
}
