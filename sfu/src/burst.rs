//! Opened packets that wait to be sealed: filled packet by packet, emptied
//! receiver by receiver, so that what goes to one address lies together and
//! leaves in one message.
//!
//! ```text
//! packet 0 -> a b        a is due 0 2
//! packet 1 -> b c   =>   b is due 0 1
//! packet 2 -> a c        c is due 1 2
//! ```
//!
//! What a receiver is due is a chain through one table of fixed size: a burst
//! costs memory by what it holds, not by who could take part in it.
//!
//! The kernel splits a message into datagrams of one length, of which only the
//! last may be shorter. Browsers split a frame into packets that differ by a
//! byte, the longer ones last: the shorter ones get a byte of padding (RFC 3550
//! section 5.1), and what a receiver is due is put in the order of its slots,
//! so that other streams' packets between them do not part them.
//!
//! A packet may be held for a moment, so that more of its frame leave with it;
//! the first that may not wait takes all with it.

use crate::drop::DropReason;
use crate::peer::PeerKey;
use crate::route::Routed;
use std::time::Instant;

/// Packets of one burst. More join more datagrams into a message, and keep the
/// first waiting while the last is opened; 64 is what the kernel segments.
pub const PACKETS_MAX: usize = 64;

/// Copies of one burst: a full one for 256 slots. Where more receive, bursts
/// are sealed with fewer packets; a single packet for more slots than this
/// loses the rest.
pub const COPIES_MAX: usize = PACKETS_MAX * 256;

/// Most bytes of padding that make a packet as long as a longer one of its
/// frame: what browsers' packets of one frame differ by. More would join little
/// more, and be paid for by every receiver's path.
pub const PADDING_MAX: u8 = 1;

/// A packet that waits, and holds its pool slot until the burst is over.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// The packet.
    pub routed: Routed,
    /// Bytes of padding it is sent with, at most [`PADDING_MAX`].
    pub padding: u8,
}

impl Waiting {
    /// A packet.
    pub fn new(routed: Routed) -> Self {
        Self { routed, padding: 0 }
    }

    /// Bytes of its payload with its padding.
    fn padded(&self) -> u16 {
        self.routed.packet.len + u16::from(self.padding)
    }
}

/// A copy that a receiver is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which of the burst's packets.
    pub packet: usize,
    /// Which of the receiver's slots.
    pub slot: usize,
}

/// Places in the table of copies.
type Place = u32;

const NOWHERE: Place = Place::MAX;

#[derive(Debug, Clone, Copy)]
struct Link {
    due: Due,
    next: Place,
}

#[derive(Debug, Clone, Copy)]
struct Chain {
    first: Place,
    last: Place,
}

impl Chain {
    const EMPTY: Self = Self {
        first: NOWHERE,
        last: NOWHERE,
    };
}

/// The burst.
#[derive(Debug)]
pub struct Burst {
    packets: Vec<Waiting>,
    links: Vec<Link>,
    /// By receiver.
    chains: Vec<Chain>,
    /// Who is due something, in the order of their first packet.
    receivers: Vec<PeerKey>,
    served: usize,
    /// What the present receiver is due.
    dues: Vec<Due>,
    /// When what waits goes; nothing when it does not wait any more.
    held: Option<Instant>,
    /// Copies of the packet that most receive.
    widest: usize,
    /// Copies since they were asked for.
    copies: usize,
}

impl Burst {
    /// An empty burst for nobody.
    pub fn new() -> Self {
        Self {
            packets: Vec::with_capacity(PACKETS_MAX),
            links: Vec::with_capacity(COPIES_MAX),
            chains: Vec::new(),
            receivers: Vec::new(),
            served: 0,
            dues: Vec::with_capacity(COPIES_MAX),
            held: None,
            widest: 0,
            copies: 0,
        }
    }

    /// Makes room for receivers with keys below `peers`. This allocates: it
    /// belongs to control.
    pub fn admit(&mut self, peers: usize) {
        if peers > self.chains.len() {
            self.chains.resize(peers, Chain::EMPTY);
            self.receivers
                .reserve(peers.saturating_sub(self.receivers.len()));
        }
    }

    /// Whether a packet for that many slots still fits.
    pub fn takes(&self, copies: usize) -> bool {
        self.packets.len() < PACKETS_MAX && self.links.len() + copies <= COPIES_MAX
    }

    /// Whether the next packet may not fit, if as many receive it as received
    /// any before.
    pub fn is_full(&self) -> bool {
        !self.is_empty() && !self.takes(self.widest)
    }

    /// Whether something waits that is to go now.
    pub fn is_ready(&self) -> bool {
        !self.is_empty() && (self.held.is_none() || self.is_full())
    }

    /// Copies of all packets since this was asked last.
    pub fn take_copies(&mut self) -> usize {
        std::mem::take(&mut self.copies)
    }

    /// When what waits goes at the latest, if not now.
    pub fn wake(&self) -> Option<Instant> {
        self.held
    }

    /// It is `now`: what has waited for long enough goes.
    pub fn pass(&mut self, now: Instant) {
        self.held = self.held.filter(|until| now < *until);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Adds a packet for `copies` slots; gives its place. Ask [`Burst::takes`]
    /// before. It goes at once and takes all others with it, unless it may wait
    /// for more of them until `held`.
    pub fn push(&mut self, waiting: Waiting, copies: usize, held: Option<Instant>) -> usize {
        debug_assert!(self.packets.len() < PACKETS_MAX);
        self.widest = self.widest.max(copies);
        self.copies += copies;
        self.held = match self.is_empty() {
            true => held,
            false => self.held.filter(|_| held.is_some()),
        };
        self.level(&waiting);
        self.packets.push(waiting);
        self.packets.len() - 1
    }

    /// Pads the packets before one of the same frame to its length.
    fn level(&mut self, longer: &Waiting) {
        let len = longer.padded();
        let packet = &longer.routed.packet;
        for before in self.packets.iter_mut().rev() {
            if before.routed.origin != longer.routed.origin {
                continue;
            }
            let short = len.checked_sub(before.padded());
            let of_frame = before.routed.packet.timestamp == packet.timestamp;
            match short.and_then(|short| u8::try_from(short).ok()) {
                Some(short) if of_frame && (1..=PADDING_MAX - before.padding).contains(&short) => {
                    before.padding += short;
                }
                _ => return,
            }
        }
    }

    /// A receiver is due a copy.
    ///
    /// # Errors
    /// [`DropReason::EgressFull`].
    pub fn owe(&mut self, receiver: PeerKey, due: Due) -> Result<(), DropReason> {
        let chain = self.chains.get_mut(receiver.0);
        let chain = chain.ok_or(DropReason::EgressFull)?;
        if self.links.len() == COPIES_MAX {
            return Err(DropReason::EgressFull);
        }
        let place = self.links.len() as Place;
        self.links.push(Link { due, next: NOWHERE });
        match self.links.get_mut(chain.last as usize) {
            Some(last) => last.next = place,
            None => {
                chain.first = place;
                self.receivers.push(receiver);
            }
        }
        chain.last = place;
        Ok(())
    }

    /// The next receiver who is due something.
    pub fn receiver(&mut self) -> Option<PeerKey> {
        let receiver = *self.receivers.get(self.served)?;
        self.served += 1;
        Some(receiver)
    }

    /// What a receiver is due, slot by slot, and the burst's packets.
    pub fn dues(&mut self, receiver: PeerKey) -> (&[Due], &[Waiting]) {
        self.dues.clear();
        if let Some(chain) = self.chains.get_mut(receiver.0) {
            let mut place = chain.first;
            while let Some(link) = self.links.get(place as usize) {
                self.dues.push(link.due);
                place = link.next;
            }
            *chain = Chain::EMPTY;
        }
        if !self.dues.is_sorted_by_key(|due| due.slot) {
            // In place: the packets' order is part of the key.
            let order = |due: &Due| (due.slot, due.packet);
            self.dues.sort_unstable_by_key(order);
        }
        (&self.dues, &self.packets)
    }

    /// Everybody has got what they were due: gives the packets back, in the
    /// order they came.
    pub fn finish(&mut self) -> impl Iterator<Item = Waiting> + '_ {
        debug_assert_eq!(self.served, self.receivers.len());
        self.links.clear();
        self.receivers.clear();
        self.served = 0;
        self.held = None;
        self.packets.drain(..)
    }
}

impl Default for Burst {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::CodecId;
    use crate::frame::Frame;
    use crate::history::Packet;
    use crate::layer::Layer;
    use crate::pool::Pool;
    use crate::rtp::picture::Picture;
    use crate::rtp::seq::ExtSeq;
    use crate::slot::{Origin, Serial};
    use std::time::Duration;

    fn waiting(seq: u64) -> Waiting {
        let mut pool = Pool::new(1);
        assert!(pool.reserve(1));
        Waiting {
            routed: Routed {
                origin: Origin {
                    serial: Serial(1),
                    track: 0,
                    encoding: 0,
                },
                packet: Packet {
                    slot: pool.take().expect("slot"),
                    len: 0,
                    seq: ExtSeq(seq),
                    timestamp: 0,
                    marker: false,
                    codec: CodecId::all().next().expect("codec"),
                    audio_level: None,
                    picture: Picture::default(),
                    dependency: None,
                    layer: Layer::LOWEST,
                    ends: true,
                },
                frame: Frame::WHOLE,
                repaired: false,
                restarted: false,
                since: ExtSeq(0),
            },
            padding: 0,
        }
    }

    fn dues(burst: &mut Burst, receiver: PeerKey) -> Vec<(usize, usize)> {
        let (dues, _) = burst.dues(receiver);
        dues.iter().map(|due| (due.packet, due.slot)).collect()
    }

    /// The paddings of a burst of packets: stream, timestamp, length.
    fn paddings(packets: &[(u64, u32, u16)]) -> Vec<u8> {
        let mut burst = Burst::new();
        for (seq, (stream, timestamp, len)) in packets.iter().enumerate() {
            let mut waiting = waiting(seq as u64);
            waiting.routed.origin.serial = Serial(*stream);
            waiting.routed.packet.timestamp = *timestamp;
            waiting.routed.packet.len = *len;
            burst.push(waiting, 1, None);
        }
        burst.finish().map(|waiting| waiting.padding).collect()
    }

    #[test]
    fn packets_of_a_frame_that_are_a_byte_shorter_are_padded() {
        let frame = [(1, 9, 100), (1, 9, 100), (1, 9, 101), (1, 9, 101)];
        assert_eq!(paddings(&frame), [1, 1, 0, 0]);
        let parted = [(1, 9, 100), (2, 9, 50), (1, 9, 101), (2, 9, 51)];
        assert_eq!(paddings(&parted), [1, 1, 0, 0], "another stream between");
    }

    #[test]
    fn packets_that_padding_would_not_join_are_not_padded() {
        for (case, packets) in [
            ("too short", [(1, 9, 100), (1, 9, 102)]),
            ("longer", [(1, 9, 102), (1, 9, 101)]),
            ("of another frame", [(1, 9, 100), (1, 10, 101)]),
            ("of another stream", [(1, 9, 100), (2, 9, 101)]),
        ] {
            assert_eq!(paddings(&packets), [0, 0], "{case}");
        }
        let steps = [(1, 9, 100), (1, 9, 101), (1, 9, 102)];
        assert_eq!(paddings(&steps), [1, 1, 0], "none is padded twice");
    }

    #[test]
    fn what_a_receiver_is_due_comes_slot_by_slot_and_in_order_within() {
        let mut burst = Burst::new();
        burst.admit(1);
        for slot in [2, 0, 2, 1, 0] {
            let packet = burst.push(waiting(0), 1, None);
            burst.owe(PeerKey(0), Due { packet, slot }).expect("room");
        }
        let expected = [(1, 0), (4, 0), (3, 1), (0, 2), (2, 2)];
        assert_eq!(dues(&mut burst, PeerKey(0)), expected);
        assert_eq!(dues(&mut burst, PeerKey(0)), [], "only once");
    }

    #[test]
    fn packets_go_in_one_by_one_and_come_out_receiver_by_receiver() {
        let (a, b, c) = (PeerKey(0), PeerKey(1), PeerKey(2));
        let mut burst = Burst::new();
        burst.admit(3);
        for round in 0..2 {
            for (seq, receivers) in [(0, [(b, 5), (a, 1)]), (1, [(b, 6), (c, 0)])] {
                let packet = burst.push(waiting(seq), 2, None);
                for (receiver, slot) in receivers {
                    burst.owe(receiver, Due { packet, slot }).expect("room");
                }
            }
            assert_eq!(burst.receiver(), Some(b), "round {round}");
            assert_eq!(dues(&mut burst, b), [(0, 5), (1, 6)]);
            assert_eq!(burst.receiver(), Some(a));
            assert_eq!(dues(&mut burst, a), [(0, 1)]);
            assert_eq!(burst.receiver(), Some(c));
            assert_eq!(dues(&mut burst, c), [(1, 0)]);
            assert_eq!(burst.receiver(), None);
            let seqs = burst.finish().map(|waiting| waiting.routed.packet.seq.0);
            assert_eq!(seqs.collect::<Vec<_>>(), [0, 1]);
            assert!(burst.is_empty());
        }
    }

    #[test]
    fn what_is_held_goes_in_its_time_or_with_the_first_that_may_not_wait() {
        let start = Instant::now();
        let [soon, later] = [1, 2].map(|ms| start + Duration::from_millis(ms));
        let mut burst = Burst::new();
        assert!(!burst.is_ready());
        burst.push(waiting(0), 1, Some(soon));
        burst.push(waiting(1), 1, Some(later));
        burst.pass(start);
        assert!(!burst.is_ready());
        assert_eq!(burst.wake(), Some(soon), "the first waits longest");
        burst.pass(soon);
        assert!(burst.is_ready());
        assert_eq!(burst.wake(), None);
        assert_eq!(burst.finish().count(), 2);
        burst.push(waiting(2), 1, Some(soon));
        burst.push(waiting(3), 1, None);
        assert!(burst.is_ready());
        burst.push(waiting(4), 1, Some(later));
        assert!(burst.is_ready(), "nothing holds what may go");
        assert_eq!(burst.finish().count(), 3);
        burst.push(waiting(5), 1, Some(later));
        assert!(!burst.is_ready(), "another burst");
    }

    #[test]
    fn a_burst_that_the_widest_packet_would_not_fit_is_full_and_not_held() {
        let mut burst = Burst::new();
        burst.admit(1);
        let held = Some(Instant::now());
        let copies = COPIES_MAX / 3;
        for packets in 1..=3 {
            assert!(!burst.is_ready(), "{packets}");
            let packet = burst.push(waiting(0), copies, held);
            for _ in 0..copies {
                let due = Due { packet, slot: 0 };
                burst.owe(PeerKey(0), due).expect("room");
            }
        }
        assert!(burst.is_full() && burst.is_ready());
        assert!(burst.takes(1));
    }

    #[test]
    fn a_burst_is_bounded() {
        let mut burst = Burst::new();
        burst.admit(1);
        for seq in 0..PACKETS_MAX {
            assert!(burst.takes(COPIES_MAX), "packet {seq}");
            burst.push(waiting(seq as u64), 0, None);
        }
        assert!(!burst.takes(0));
        let due = Due { packet: 0, slot: 0 };
        for _ in 0..COPIES_MAX {
            burst.owe(PeerKey(0), due).expect("room");
        }
        assert!(!burst.takes(1));
        assert_eq!(
            burst.owe(PeerKey(0), due),
            Err(DropReason::EgressFull),
            "no more copies"
        );
        assert_eq!(
            burst.owe(PeerKey(1), due),
            Err(DropReason::EgressFull),
            "a receiver that was not admitted"
        );
    }
}
