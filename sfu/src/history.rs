//! The latest packets of a published stream, opened, for retransmission (RFC
//! 4588). The ring owns the packets' slots; what falls out is handed back.

use crate::codec::CodecId;
use crate::layer::Layer;
use crate::pool::{Pool, SlotId};
use crate::rtp::picture::Picture;
use crate::rtp::seq::ExtSeq;

/// An opened packet: what its header said, and where its payload lies.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    /// The slot that holds the payload.
    pub slot: SlotId,
    /// Bytes of payload.
    pub len: u16,
    /// The sequence number in the publisher's stream.
    pub seq: ExtSeq,
    /// The publisher's timestamp.
    pub timestamp: u32,
    /// The marker bit.
    pub marker: bool,
    /// The codec.
    pub codec: CodecId,
    /// The audio level byte (RFC 6464).
    pub audio_level: Option<u8>,
    /// Its picture's numbers as the publisher wrote them.
    pub picture: Picture,
    /// The Dependency Descriptor as the publisher wrote it.
    pub dependency: Option<Dependency>,
    /// The layer of its frame.
    pub layer: Layer,
    /// It is its frame's last.
    pub ends: bool,
}

/// Where a Dependency Descriptor lies in its packet's slot, and what of it a
/// receiver may have to see differently.
#[derive(Debug, Clone, Copy)]
pub struct Dependency {
    /// Its place, bytes.
    pub at: u16,
    /// Its length, bytes.
    pub len: u8,
    /// The frame's number.
    pub number: u16,
    /// Where it says which decode targets are active, or would, in bits; not
    /// known where its template is not.
    pub active_at: Option<u16>,
}

/// The ring.
#[derive(Debug)]
pub struct History {
    ring: Box<[Option<Packet>]>,
}

impl History {
    /// A ring of that many packets, at least one.
    pub fn new(len: usize) -> Self {
        Self {
            ring: vec![None; len.max(1)].into_boxed_slice(),
        }
    }

    /// How many packets it holds at most.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether no packet is held.
    pub fn is_empty(&self) -> bool {
        self.ring.iter().all(Option::is_none)
    }

    /// Keeps a packet; the slot of the one it replaces, or its own when it is
    /// older than what is kept, goes back to the pool.
    pub fn insert(&mut self, packet: Packet, pool: &mut Pool) {
        let place = self.place(packet.seq);
        match self.ring[place] {
            Some(kept) if kept.seq >= packet.seq => pool.give(packet.slot),
            kept => {
                if let Some(kept) = kept {
                    pool.give(kept.slot);
                }
                self.ring[place] = Some(packet);
            }
        }
    }

    /// The packet with that number, if it is still here.
    pub fn packet(&self, seq: ExtSeq) -> Option<&Packet> {
        self.ring[self.place(seq)]
            .as_ref()
            .filter(|packet| packet.seq == seq)
    }

    /// Hands every slot back.
    pub fn clear(&mut self, pool: &mut Pool) {
        for packet in self.ring.iter_mut().filter_map(Option::take) {
            pool.give(packet.slot);
        }
    }

    fn place(&self, seq: ExtSeq) -> usize {
        (seq.0 % self.ring.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pool: &mut Pool, seq: u64) -> Packet {
        Packet {
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
        }
    }

    #[test]
    fn the_ring_is_bounded_and_returns_what_it_forgets() {
        let mut pool = Pool::new(8);
        assert!(pool.reserve(5));
        let mut history = History::new(4);
        for seq in 100..110 {
            let packet = packet(&mut pool, seq);
            history.insert(packet, &mut pool);
        }
        assert_eq!(pool.free(), 1);
        assert!(history.packet(ExtSeq(105)).is_none());
        assert!(history.packet(ExtSeq(106)).is_some());
        let late = packet(&mut pool, 103);
        history.insert(late, &mut pool);
        assert!(history.packet(ExtSeq(107)).is_some());
        history.clear(&mut pool);
        assert!(history.is_empty());
        assert_eq!(pool.free(), 5);
    }
}
