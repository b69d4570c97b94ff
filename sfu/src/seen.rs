//! Which connectivity checks have been seen. ICE has no replay protection of
//! its own: whoever has seen a check can send it again from elsewhere, and it
//! verifies there too. So a check counts once, by its transaction id, which a
//! client draws anew for each (RFC 8489 section 6).
//!
//! Nothing is ever forgotten, in fixed space: a Bloom filter. What it takes
//! for seen and is not goes without effect, and the client's next check will
//! do: at one check every 2.5 s, one in a thousand after two hours, one in
//! twenty after eight.

use std::hash::{BuildHasher, RandomState};

/// Bytes of the filter. Twice as many halve the load, and cost as much for
/// every connection.
const BYTES: usize = 8 << 10;

/// Bits that stand for one check.
const MARKS: usize = 4;

/// The checks of one generation of credentials.
#[derive(Debug)]
pub struct Seen {
    bits: Box<[u8]>,
    /// Keyed at random, so that nobody can draw ids that hide others.
    hasher: RandomState,
}

impl Seen {
    /// Nothing was seen.
    pub fn new() -> Self {
        Self {
            bits: vec![0; BYTES].into_boxed_slice(),
            hasher: RandomState::new(),
        }
    }

    /// Notes a verified check; whether it is new.
    pub fn note(&mut self, transaction: &[u8]) -> bool {
        let hash = self.hasher.hash_one(transaction);
        let mut fresh = false;
        for mark in 0..MARKS {
            let at = (hash >> (16 * mark)) as usize % (8 * BYTES);
            let bit = 1 << (at % 8);
            fresh |= self.bits[at / 8] & bit == 0;
            self.bits[at / 8] |= bit;
        }
        fresh
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> [u8; 12] {
        let mut id = [0; 12];
        id[..4].copy_from_slice(&n.to_be_bytes());
        id
    }

    #[test]
    fn a_check_is_new_once_and_for_ever_known() {
        let mut seen = Seen::new();
        let fresh = (0..12_000).filter(|n| seen.note(&id(*n))).count();
        assert!((11_000..=12_000).contains(&fresh), "{fresh}");
        assert!((0..12_000).all(|n| !seen.note(&id(n))));
    }
}
