//! Brings a slot's packets back into order: waits a little for what is
//! missing, which a retransmission may still bring, and then goes on.

use crate::transport::{Incoming, Kind};
use std::collections::BTreeMap;

/// How long a gap in sound may stay open, milliseconds. Longer repairs more and
/// delays everything behind the gap.
const SOUND_WAIT_MS: u64 = 150;
/// How long one in pictures may: a round trip through the queue of a narrow
/// path, which the keyframe that is asked for otherwise fills again. Longer
/// freezes longer when there is nothing to come.
const PICTURE_WAIT_MS: u64 = 450;
/// Most packets that wait behind a gap. A keyframe has a few dozen.
const HELD: usize = 512;

/// A packet in its place.
#[derive(Debug)]
pub struct Ordered {
    /// The packet.
    pub packet: Incoming,
    /// How many before it never came.
    pub lost: u64,
}

/// The reorder buffer of one slot.
#[derive(Debug, Default)]
pub struct Reorder {
    /// The extended sequence number that is to come next.
    next: Option<u64>,
    held: BTreeMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    since_ms: u64,
    packet: Incoming,
}

impl Reorder {
    /// Takes a packet as it came in. One that comes twice, or after its turn,
    /// is dropped.
    pub fn push(&mut self, packet: Incoming, now_ms: u64) {
        let next = *self
            .next
            // One turn ahead, so that an earlier number does not go below zero.
            .get_or_insert(0x1_0000 + u64::from(packet.sequence));
        let ahead = packet.sequence.wrapping_sub(next as u16).cast_signed();
        let Some(sequence) = next.checked_add_signed(i64::from(ahead)) else {
            return;
        };
        if sequence >= next {
            let since_ms = now_ms;
            self.held
                .entry(sequence)
                .or_insert(Held { since_ms, packet });
        }
    }

    /// The next packet in order, if it is there or was waited for long enough.
    pub fn pop(&mut self, now_ms: u64) -> Option<Ordered> {
        let next = self.next?;
        let (&sequence, first) = self.held.first_key_value()?;
        let patient = first.due_ms() > now_ms && self.held.len() < HELD;
        if sequence != next && patient {
            return None;
        }
        let held = self.held.remove(&sequence)?;
        self.next = Some(sequence + 1);
        Some(Ordered {
            packet: held.packet,
            lost: sequence - next,
        })
    }

    /// When [`Reorder::pop`] gives a packet although one before it is missing.
    pub fn next_timeout(&self) -> Option<u64> {
        let (_, first) = self.held.first_key_value()?;
        Some(first.due_ms())
    }
}

impl Held {
    /// When it is not to wait any longer for those before it.
    fn due_ms(&self) -> u64 {
        let wait_ms = match self.packet.kind {
            Kind::Audio => SOUND_WAIT_MS,
            Kind::Video => PICTURE_WAIT_MS,
        };
        self.since_ms + wait_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn packet(sequence: u16) -> Incoming {
        Incoming {
            slot: "0".parse().expect("a mid"),
            kind: Kind::Video,
            sequence,
            timestamp: 0,
            marker: false,
            payload: Bytes::new(),
        }
    }

    fn drain(reorder: &mut Reorder, now_ms: u64) -> Vec<(u16, u64)> {
        std::iter::from_fn(|| reorder.pop(now_ms))
            .map(|ordered| (ordered.packet.sequence, ordered.lost))
            .collect()
    }

    #[test]
    fn packets_come_out_in_order_across_the_wrap() {
        let mut reorder = Reorder::default();
        for sequence in [65_534, 0, 65_535, 0, 65_534, 1] {
            reorder.push(packet(sequence), 0);
        }
        assert_eq!(
            drain(&mut reorder, 0),
            [(65_534, 0), (65_535, 0), (0, 0), (1, 0)]
        );
        reorder.push(packet(65_535), 0);
        assert_eq!(drain(&mut reorder, 1_000), []);
    }

    #[test]
    fn a_gap_is_waited_for_and_then_counted() {
        let mut reorder = Reorder::default();
        reorder.push(packet(10), 0);
        reorder.push(packet(13), 5);
        assert_eq!(drain(&mut reorder, 5), [(10, 0)]);
        assert_eq!(reorder.next_timeout(), Some(5 + PICTURE_WAIT_MS));
        reorder.push(packet(11), 100);
        assert_eq!(drain(&mut reorder, 100), [(11, 0)]);
        assert_eq!(drain(&mut reorder, 5 + PICTURE_WAIT_MS), [(13, 1)]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut reorder = Reorder::default();
        reorder.push(packet(0), 0);
        assert_eq!(drain(&mut reorder, 0), [(0, 0)]);
        for sequence in 2..2 + HELD as u16 {
            reorder.push(packet(sequence), 0);
        }
        let out = drain(&mut reorder, 0);
        assert_eq!((out.len(), out[0]), (HELD, (2, 1)));
    }
}
