//! Sequence numbers. On the wire they have 16 bits; everything that compares
//! or maps them uses 64, so that wrapping is handled in one place.

/// A sequence number that never wraps: the 16 bits of the wire below a count
/// of wraps. Its low 48 bits are the SRTP packet index (RFC 3711 section
/// 3.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtSeq(pub u64);

impl ExtSeq {
    /// Where the first packet of a stream is placed: one wrap up, so that a
    /// packet sent before it, but received after it, still has a number.
    /// The rollover counter is counted from here.
    pub const ORIGIN: u64 = 1 << 16;

    /// The first number of a stream whose first received packet says `seq`.
    pub fn first(seq: u16) -> Self {
        Self(Self::ORIGIN | u64::from(seq))
    }

    /// The number nearest to `self` whose low bits are `seq` (RFC 3711
    /// section 3.3.1, appendix A).
    pub fn nearest(self, seq: u16) -> Self {
        let distance = seq.wrapping_sub(self.wire()) as i16;
        Self(self.0.saturating_add_signed(i64::from(distance)))
    }

    /// The 16 bits that stand on the wire.
    pub fn wire(self) -> u16 {
        self.0 as u16
    }

    /// The rollover counter of SRTP: zero for the first [`ExtSeq::first`] run.
    pub fn rollover(self) -> u32 {
        ((self.0 >> 16) as u32).wrapping_sub(1)
    }

    /// The next one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Which of the latest numbers were seen: refuses what came before and what is
/// too old to know (RFC 3711 section 3.3.2).
#[derive(Debug, Clone)]
pub struct ReplayWindow {
    highest: Option<u64>,
    seen: [u64; Self::WORDS],
}

impl ReplayWindow {
    const WORDS: usize = 16;

    /// How far back a number may lie. 1024 packets are more than one second of
    /// the fastest stream a client sends; more would only help packets that
    /// come too late to be shown.
    pub const SIZE: u64 = 64 * Self::WORDS as u64;

    /// Nothing seen yet.
    pub const fn new() -> Self {
        Self {
            highest: None,
            seen: [0; Self::WORDS],
        }
    }

    /// Whether `index` can be new.
    pub fn admits(&self, index: u64) -> bool {
        let Some(highest) = self.highest else {
            return true;
        };
        if index > highest {
            return true;
        }
        if highest - index >= Self::SIZE {
            return false;
        }
        let (word, bit) = Self::place(index);
        self.seen[word] & bit == 0
    }

    /// Remembers `index`; called only once its packet proved authentic.
    pub fn insert(&mut self, index: u64) {
        let highest = self.highest.unwrap_or(index);
        if index > highest {
            let steps = (index - highest).min(Self::SIZE);
            for forgotten in (index - steps + 1)..=index {
                let (word, bit) = Self::place(forgotten);
                self.seen[word] &= !bit;
            }
        }
        self.highest = Some(highest.max(index));
        if highest.saturating_sub(index) < Self::SIZE {
            let (word, bit) = Self::place(index);
            self.seen[word] |= bit;
        }
    }

    fn place(index: u64) -> (usize, u64) {
        let slot = index % Self::SIZE;
        ((slot / 64) as usize, 1 << (slot % 64))
    }
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_number_crosses_a_wrap_both_ways() {
        let before = ExtSeq::first(65_530);
        let after = before.nearest(3);
        assert_eq!((after.wire(), after.rollover()), (3, 1));
        let late = after.nearest(65_531);
        assert_eq!((late.wire(), late.rollover()), (65_531, 0));
    }

    #[test]
    fn a_replay_is_refused_and_a_late_packet_is_not() {
        let mut window = ReplayWindow::new();
        window.insert(5_000);
        window.insert(5_003);
        assert!(!window.admits(5_000));
        assert!(window.admits(5_001));
        assert!(!window.admits(5_003));
        assert!(!window.admits(5_003 - ReplayWindow::SIZE));
        window.insert(5_003 + 3 * ReplayWindow::SIZE);
        assert!(window.admits(5_002 + 3 * ReplayWindow::SIZE));
        assert!(!window.admits(5_001));
    }
}
