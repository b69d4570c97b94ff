//! Packets that left: when, and how long they were. A ring; what falls out of
//! it is forgotten.

use super::loss::Ledger;
use crate::rtp::seq::ExtSeq;

/// Packets remembered: at 5 Mbit/s about three seconds, 16 bytes each.
const LEN: usize = 2048;

/// Sent so long before the newest that arrived, and not reported: lost. More
/// forgives more reordering and counts losses later.
const REORDERED: u64 = 150_000;

/// A packet that left.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Packet {
    /// When, in microseconds.
    pub(super) at: u64,
    /// Bytes.
    pub(super) len: u16,
    /// The probe it belongs to; zero is none.
    pub(super) cluster: u16,
    arrived: bool,
    /// Whether a message has spoken of it, or has left it out.
    told: bool,
}

/// The ring.
#[derive(Debug)]
pub(super) struct Sent {
    ring: Box<[Packet]>,
    /// The first number that was not given yet.
    next: ExtSeq,
    first: ExtSeq,
    /// Numbers before it are counted as arrived or lost.
    settled: ExtSeq,
    /// The newest message's number, and the first packet after those it spoke of.
    told: Option<(u8, ExtSeq)>,
}

impl Sent {
    pub(super) fn new() -> Self {
        let first = ExtSeq::first(1);
        Self {
            ring: vec![Packet::default(); LEN].into_boxed_slice(),
            next: first,
            first,
            settled: first,
            told: None,
        }
    }

    /// Notes a packet and gives its number.
    pub(super) fn push(&mut self, at: u64, len: usize, cluster: u16) -> u16 {
        let seq = self.next;
        // What waited in a burst bears the time it came.
        let at = at.max(self.ring[place(ExtSeq(seq.0 - 1))].at);
        self.ring[place(seq)] = Packet {
            at,
            len: len.min(usize::from(u16::MAX)) as u16,
            cluster,
            arrived: false,
            told: false,
        };
        self.next = seq.next();
        seq.wire()
    }

    /// The packet of that number, once: nothing when it was never sent, is
    /// forgotten or has been reported before.
    pub(super) fn arrived(&mut self, seq: u16) -> Option<Packet> {
        let seq = self.next.nearest(seq);
        if seq < self.oldest() || seq >= self.next {
            return None;
        }
        let packet = &mut self.ring[place(seq)];
        if packet.arrived {
            return None;
        }
        packet.arrived = true;
        Some(*packet)
    }

    /// A message speaks of `count` packets from `first` on. What lies between
    /// it and the message before has not arrived; of what a lost message spoke,
    /// nobody knows.
    pub(super) fn told(&mut self, message: u8, first: u16, count: u16) {
        let first = self.next.nearest(first);
        let end = ExtSeq(first.0 + u64::from(count)).min(self.next);
        let (mut from, mut newest) = (first, Some((message, end)));
        if let Some((before, until)) = self.told {
            if message == before.wrapping_add(1) {
                from = from.min(until);
            }
            if end <= until {
                newest = self.told;
            }
        }
        self.told = newest;
        for seq in from.max(self.oldest()).0..end.0 {
            self.ring[place(ExtSeq(seq))].told = true;
        }
    }

    /// Counts what was sent well before the newest that arrived.
    pub(super) fn settle(&mut self, newest: u64, ledger: &mut Ledger) {
        self.settled = self.settled.max(self.oldest());
        while self.settled < self.next {
            let packet = self.ring[place(self.settled)];
            if packet.at + REORDERED > newest {
                return;
            }
            // A probe may lose what ordinary traffic would not.
            if packet.cluster == 0 && packet.told {
                ledger.count(packet.arrived);
            }
            self.settled = self.settled.next();
        }
    }

    /// What has been sent until now is never counted.
    pub(super) fn forgive(&mut self) {
        self.settled = self.next;
    }

    /// When the first packet after that moment left.
    pub(super) fn oldest_after(&self, at: u64) -> Option<u64> {
        // Sending times rise with the numbers.
        let (mut low, mut high) = (self.oldest().0, self.next.0);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.ring[place(ExtSeq(middle))].at > at {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        (low < self.next.0).then(|| self.ring[place(ExtSeq(low))].at)
    }

    fn oldest(&self) -> ExtSeq {
        ExtSeq(self.next.0.saturating_sub(LEN as u64)).max(self.first)
    }
}

fn place(seq: ExtSeq) -> usize {
    (seq.0 % LEN as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_once_and_only_while_it_is_remembered() {
        let mut sent = Sent::new();
        let mut numbers = Vec::new();
        for at in 0..70_000 {
            numbers.push(sent.push(at, 100, 0));
        }
        assert_eq!(numbers[0], 1);
        assert!(sent.arrived(numbers[60_000]).is_none(), "forgotten");
        let packet = sent.arrived(numbers[69_000]).expect("remembered");
        assert_eq!(packet.at, 69_000);
        assert!(sent.arrived(numbers[69_000]).is_none(), "reported before");
        assert!(
            sent.arrived(numbers[69_999].wrapping_add(1)).is_none(),
            "never sent"
        );
    }

    #[test]
    fn what_is_overtaken_by_far_is_lost() {
        let mut sent = Sent::new();
        let mut ledger = Ledger::default();
        for at in 0..4 {
            sent.push(at * 100_000, 100, 0);
        }
        assert!(sent.arrived(1).is_some());
        assert!(sent.arrived(3).is_some());
        sent.told(7, 1, 3);
        sent.settle(200_000, &mut ledger);
        assert_eq!(ledger, Ledger { sent: 1, lost: 0 });
        sent.arrived(4);
        sent.settle(300_000, &mut ledger);
        assert_eq!(ledger, Ledger { sent: 2, lost: 1 });
        assert_eq!(sent.oldest_after(100_000), Some(200_000));
        assert_eq!(sent.oldest_after(300_000), None);
    }

    #[test]
    fn what_a_lost_message_would_have_told_is_not_counted() {
        let counted = |messages: &[(u8, u16, u16)]| {
            let mut sent = Sent::new();
            let mut ledger = Ledger::default();
            for at in 0..30 {
                sent.push(at * 100_000, 100, 0);
            }
            for &(message, first, count) in messages {
                sent.told(message, first, count);
                for seq in first..first + count {
                    sent.arrived(seq);
                }
            }
            sent.settle(u64::MAX, &mut ledger);
            (ledger.sent, ledger.lost)
        };
        assert_eq!(counted(&[(255, 1, 10), (0, 11, 20)]), (30, 0));
        assert_eq!(counted(&[(255, 1, 10), (0, 16, 15)]), (30, 5), "left out");
        assert_eq!(counted(&[(255, 1, 10), (1, 21, 10)]), (20, 0), "not told");
        assert_eq!(counted(&[(1, 21, 10), (0, 11, 10), (2, 31, 60)]), (20, 0));
        assert_eq!(counted(&[(9, 65_000, 4), (10, 1, 30)]), (30, 0), "nonsense");
    }
}
