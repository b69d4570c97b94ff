//! Which connectivity checks have been seen. ICE has no replay protection of
//! its own: whoever has seen a check can send it again from elsewhere, and it
//! verifies there too. So a check counts once, by its transaction id, which a
//! client draws anew for each (RFC 8489 section 6).
//!
//! Nothing is ever forgotten, in little space: a Bloom filter, and another when
//! it is full. What they take for seen and is not goes without effect, and the
//! client's next check will do: that is one check in two hundred for each full
//! filter.

use std::hash::{BuildHasher, RandomState};

/// Bytes of a filter. Twice as many last twice as long, and cost as much for
/// every connection.
const BYTES: usize = 8 << 10;

/// Bits that stand for one check.
const MARKS: usize = 4;

/// Checks a filter takes: 40 minutes of a client that checks twice a second,
/// three hours of one that does so every 2.5 s. More fill it, and it takes more
/// for seen that is not.
const CHECKS: usize = 5_000;

/// Most filters of one generation of credentials, a day of checks twice a
/// second: then the last one takes them all.
const FILTERS: usize = 36;

/// The checks of one generation of credentials.
#[derive(Debug)]
pub struct Seen {
    filters: Vec<Box<[u8]>>,
    /// How many the last one took.
    taken: usize,
    /// Keyed at random, so that nobody can draw ids that hide others.
    hasher: RandomState,
}

impl Seen {
    /// Nothing was seen.
    pub fn new() -> Self {
        Self {
            filters: vec![empty()],
            taken: 0,
            hasher: RandomState::new(),
        }
    }

    /// Notes a verified check; whether it is new.
    pub fn note(&mut self, transaction: &[u8]) -> bool {
        let hash = self.hasher.hash_one(transaction);
        let marks = || {
            (0..MARKS).map(|mark| {
                let at = (hash >> (16 * mark)) as usize % (8 * BYTES);
                (at / 8, 1_u8 << (at % 8))
            })
        };
        let holds = |filter: &[u8]| marks().all(|(at, bit)| filter[at] & bit != 0);
        if self.filters.iter().any(|filter| holds(filter)) {
            return false;
        }
        if self.taken == CHECKS && self.filters.len() < FILTERS {
            self.filters.push(empty());
            self.taken = 0;
        }
        self.taken = CHECKS.min(self.taken + 1);
        if let Some(filter) = self.filters.last_mut() {
            for (at, bit) in marks() {
                filter[at] |= bit;
            }
        }
        true
    }
}

fn empty() -> Box<[u8]> {
    vec![0; BYTES].into_boxed_slice()
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
        const DAY: u32 = 24 * 60 * 60 * 2;
        let mut seen = Seen::new();
        let fresh = (0..DAY).filter(|n| seen.note(&id(*n))).count();
        assert!(fresh as f64 > 0.9 * f64::from(DAY), "{fresh}");
        assert!((0..DAY).all(|n| !seen.note(&id(n))));
    }

    #[test]
    fn what_checks_can_make_it_keep_is_bounded() {
        let mut seen = Seen::new();
        for n in 0..2_000_000 {
            seen.note(&id(n));
        }
        assert_eq!(seen.filters.len(), FILTERS);
    }
}
