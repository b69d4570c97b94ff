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

/// A packet that waits, and holds its pool slot until the burst is over.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// The packet.
    pub routed: Routed,
    /// When it came.
    pub at: Instant,
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

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Adds a packet; gives its place. Ask [`Burst::takes`] before.
    pub fn push(&mut self, waiting: Waiting) -> usize {
        debug_assert!(self.packets.len() < PACKETS_MAX);
        self.packets.push(waiting);
        self.packets.len() - 1
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

    /// A packet of the burst.
    pub fn packet(&self, place: usize) -> &Waiting {
        &self.packets[place]
    }

    /// The next receiver who is due something.
    pub fn receiver(&mut self) -> Option<PeerKey> {
        let receiver = *self.receivers.get(self.served)?;
        self.served += 1;
        Some(receiver)
    }

    /// The next copy that a receiver is due.
    pub fn due(&mut self, receiver: PeerKey) -> Option<Due> {
        let chain = self.chains.get_mut(receiver.0)?;
        match self.links.get(chain.first as usize) {
            Some(link) => {
                chain.first = link.next;
                Some(link.due)
            }
            None => {
                *chain = Chain::EMPTY;
                None
            }
        }
    }

    /// Everybody has got what they were due: gives the packets back, in the
    /// order they came.
    pub fn finish(&mut self) -> impl Iterator<Item = Waiting> + '_ {
        debug_assert_eq!(self.served, self.receivers.len());
        self.links.clear();
        self.receivers.clear();
        self.served = 0;
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
    use crate::rtp::seq::ExtSeq;
    use crate::slot::{Origin, Serial};

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
                    vp9: None,
                    dependency: None,
                    layer: Layer::LOWEST,
                    ends: true,
                },
                frame: Frame::WHOLE,
                repaired: false,
                restarted: false,
                since: ExtSeq(0),
            },
            at: Instant::now(),
        }
    }

    fn dues(burst: &mut Burst, receiver: PeerKey) -> Vec<(usize, usize)> {
        std::iter::from_fn(|| burst.due(receiver))
            .map(|due| (due.packet, due.slot))
            .collect()
    }

    #[test]
    fn packets_go_in_one_by_one_and_come_out_receiver_by_receiver() {
        let (a, b, c) = (PeerKey(0), PeerKey(1), PeerKey(2));
        let mut burst = Burst::new();
        burst.admit(3);
        for round in 0..2 {
            for (seq, receivers) in [(0, [(b, 5), (a, 1)]), (1, [(b, 6), (c, 0)])] {
                let packet = burst.push(waiting(seq));
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
    fn a_burst_is_bounded() {
        let mut burst = Burst::new();
        burst.admit(1);
        for seq in 0..PACKETS_MAX {
            assert!(burst.takes(COPIES_MAX), "packet {seq}");
            burst.push(waiting(seq as u64));
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
