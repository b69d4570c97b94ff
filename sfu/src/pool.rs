//! Fixed packet slots, allocated while a stream is set up and never on a
//! packet's way. A slot holds one opened payload behind a little headroom.

/// A slot's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotId(u32);

/// Bytes of a slot. A datagram of a WebRTC sender fits into an Ethernet frame;
/// larger ones are dropped.
pub const SLOT_LEN: usize = 1536;

/// Where the payload starts. The bytes before it leave room for the original
/// sequence number of a retransmission (RFC 4588), so that it is written
/// without moving the payload.
pub const HEADROOM: usize = 16;

/// The longest payload, with its tag, that a slot holds.
pub const PAYLOAD_MAX: usize = SLOT_LEN - HEADROOM;

/// The slots of a shard.
#[derive(Debug)]
pub struct Pool {
    bytes: Vec<u8>,
    free: Vec<u32>,
    limit: usize,
    reserved: usize,
}

impl Pool {
    /// A pool that never holds more than `limit` slots.
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            free: Vec::new(),
            limit,
            reserved: 0,
        }
    }

    /// Makes room for `slots` more that are in use at one time; false when that
    /// is over the limit. This allocates: it belongs to control, not to
    /// packets.
    pub fn reserve(&mut self, slots: usize) -> bool {
        if self.reserved + slots > self.limit {
            return false;
        }
        self.reserved += slots;
        let have = self.bytes.len() / SLOT_LEN;
        if self.reserved > have {
            self.bytes.resize(self.reserved * SLOT_LEN, 0);
            self.free.reserve(self.reserved);
            self.free
                .extend((have..self.reserved).map(|slot| slot as u32));
        }
        true
    }

    /// Gives back what [`Pool::reserve`] promised. The memory stays for the
    /// next stream.
    pub fn unreserve(&mut self, slots: usize) {
        self.reserved = self.reserved.saturating_sub(slots);
    }

    /// How many slots can still be reserved.
    pub fn available(&self) -> usize {
        self.limit - self.reserved
    }

    /// Takes a free slot.
    pub fn take(&mut self) -> Option<SlotId> {
        self.free.pop().map(SlotId)
    }

    /// Returns a slot.
    pub fn give(&mut self, slot: SlotId) {
        self.free.push(slot.0);
    }

    /// The slot's bytes.
    pub fn slot(&mut self, slot: SlotId) -> &mut [u8] {
        let at = slot.0 as usize * SLOT_LEN;
        &mut self.bytes[at..at + SLOT_LEN]
    }

    /// Slots that nobody holds.
    pub fn free(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_and_slots_come_back() {
        let mut pool = Pool::new(3);
        assert!(pool.reserve(2));
        assert!(!pool.reserve(2));
        let (a, b) = (pool.take().expect("one"), pool.take().expect("two"));
        assert_ne!(a, b);
        assert!(pool.take().is_none());
        pool.slot(a)[0] = 7;
        assert_eq!(pool.slot(b)[0], 0);
        pool.give(a);
        pool.give(b);
        pool.unreserve(2);
        assert!(pool.reserve(3));
        assert_eq!(pool.free(), 3);
    }
}
