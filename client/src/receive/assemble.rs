//! Puts a slot's VP9 payloads together to sealed frames again, by their
//! descriptors alone.

use crate::receive::reorder::Ordered;
use crate::vp9::descriptor::Descriptor;

/// Longest frame, bytes. No honest sender comes near it.
const MAX_FRAME: usize = 4 << 20;

/// What a packet led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// More packets belong to the frame.
    More,
    /// A sealed frame is complete.
    Frame {
        /// Its bytes.
        sealed: Vec<u8>,
        /// Whether its descriptor says that it refers to another.
        predicted: bool,
    },
    /// Packets are missing, or a descriptor makes no sense: a frame is lost.
    Broken,
}

/// The frame of one slot that is being put together.
#[derive(Debug, Default)]
pub struct Assembler {
    frame: Option<Frame>,
}

#[derive(Debug)]
struct Frame {
    sealed: Vec<u8>,
    timestamp: u32,
    predicted: bool,
}

impl Assembler {
    /// Takes the next packet in order.
    pub fn push(&mut self, ordered: &Ordered) -> Step {
        let packet = &ordered.packet;
        let unfinished = self.frame.is_some();
        if ordered.lost > 0 {
            self.frame = None;
        }
        let Some(descriptor) = Descriptor::parse(&packet.payload) else {
            self.frame = None;
            // Padding has no payload and no meaning.
            return if packet.payload.is_empty() && !unfinished {
                Step::More
            } else {
                Step::Broken
            };
        };
        let body = &packet.payload[descriptor.len..];
        if descriptor.begins {
            self.frame = Some(Frame {
                sealed: Vec::with_capacity(body.len()),
                timestamp: packet.timestamp,
                predicted: descriptor.predicted,
            });
        }
        let fits = |frame: &Frame| {
            frame.timestamp == packet.timestamp && frame.sealed.len() + body.len() <= MAX_FRAME
        };
        let Some(mut frame) = self.frame.take().filter(fits) else {
            return Step::Broken;
        };
        frame.sealed.extend_from_slice(body);
        if descriptor.ends {
            return Step::Frame {
                sealed: frame.sealed,
                predicted: frame.predicted,
            };
        }
        self.frame = Some(frame);
        if ordered.lost > 0 || (unfinished && descriptor.begins) {
            return Step::Broken;
        }
        Step::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Incoming, Kind};
    use crate::vp9::descriptor::{Picture, packetize};

    fn packets(sealed: &[u8], timestamp: u32, first: u16) -> Vec<Ordered> {
        let payloads = packetize(Picture {
            sealed,
            picture_id: 1,
            keyframe: None,
        });
        let last = payloads.len() - 1;
        payloads
            .into_iter()
            .enumerate()
            .map(|(n, payload)| Ordered {
                lost: 0,
                packet: Incoming {
                    slot: "0".parse().expect("a mid"),
                    kind: Kind::Video,
                    sequence: first.wrapping_add(n as u16),
                    timestamp,
                    marker: n == last,
                    payload,
                },
            })
            .collect()
    }

    #[test]
    fn frames_are_put_together() {
        let mut assembler = Assembler::default();
        let sealed = vec![7; 3_000];
        let packets = packets(&sealed, 9, 0);
        assert_eq!(assembler.push(&packets[0]), Step::More);
        assert_eq!(assembler.push(&packets[1]), Step::More);
        assert_eq!(
            assembler.push(&packets[2]),
            Step::Frame {
                sealed,
                predicted: true
            }
        );
    }

    #[test]
    fn a_frame_with_a_gap_is_broken_and_the_next_one_whole() {
        let mut assembler = Assembler::default();
        let mut broken = packets(&[7; 3_000], 9, 0);
        broken.remove(1);
        broken[1].lost = 1;
        assert_eq!(assembler.push(&broken[0]), Step::More);
        assert_eq!(assembler.push(&broken[1]), Step::Broken);
        let whole = packets(&[8; 10], 10, 3);
        assert!(matches!(assembler.push(&whole[0]), Step::Frame { .. }));
    }

    #[test]
    fn packets_of_two_frames_are_not_mixed() {
        let mut assembler = Assembler::default();
        let one = packets(&[7; 3_000], 9, 0);
        let other = packets(&[8; 3_000], 10, 3);
        assembler.push(&one[0]);
        assert_eq!(assembler.push(&other[1]), Step::Broken);
        assembler.push(&one[0]);
        assert_eq!(assembler.push(&other[0]), Step::Broken);
        assert_eq!(assembler.push(&other[1]), Step::More);
        assert!(matches!(assembler.push(&other[2]), Step::Frame { .. }));
    }
}
