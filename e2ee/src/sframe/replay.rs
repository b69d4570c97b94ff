//! Which counters of a key were seen: a sliding window of 1024.
//!
//! Asking and moving are two steps, because only a frame whose tag verified
//! may move the window; otherwise a forged counter would lock a sender out.

/// Counters remembered behind the highest. 1024 frames are 17 s of 60 Hz
/// video or 20 s of 20 ms audio, more than any jitter buffer waits.
const WINDOW: u64 = 1024;
const WORDS: usize = (WINDOW / 64) as usize;

/// The window of one key id.
pub(crate) struct ReplayWindow {
    /// One more than the highest counter recorded; 0 before the first.
    end: u64,
    /// Bit `counter % WINDOW` says whether the counter was recorded, for the
    /// last [`WINDOW`] counters below `end`.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    pub(crate) const fn new() -> Self {
        Self {
            end: 0,
            seen: [0; WORDS],
        }
    }

    /// Whether a frame with this counter may still be opened.
    pub(crate) fn admits(&self, counter: u64) -> bool {
        if counter >= self.end {
            return counter != u64::MAX;
        }
        self.end - counter <= WINDOW && !self.bit(counter)
    }

    /// Notes the counter of a frame that was authenticated.
    pub(crate) fn record(&mut self, counter: u64) {
        if !self.admits(counter) {
            return;
        }
        if counter >= self.end {
            if counter - self.end >= WINDOW {
                self.seen = [0; WORDS];
            } else {
                (self.end..counter).for_each(|skipped| self.set(skipped, false));
            }
            self.end = counter + 1;
        }
        self.set(counter, true);
    }

    fn bit(&self, counter: u64) -> bool {
        let (word, mask) = Self::place(counter);
        self.seen[word] & mask != 0
    }

    fn set(&mut self, counter: u64, on: bool) {
        let (word, mask) = Self::place(counter);
        if on {
            self.seen[word] |= mask;
        } else {
            self.seen[word] &= !mask;
        }
    }

    const fn place(counter: u64) -> (usize, u64) {
        let bit = counter % WINDOW;
        ((bit / 64) as usize, 1 << (bit % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_counter_passes_once() {
        let mut window = ReplayWindow::new();
        for counter in [0, 5, 3, 4, 1, 2000, 1999, 977] {
            assert!(window.admits(counter), "{counter}");
            window.record(counter);
            assert!(!window.admits(counter), "{counter}");
        }
    }

    #[test]
    fn a_counter_behind_the_window_is_refused() {
        let mut window = ReplayWindow::new();
        window.record(WINDOW);
        assert!(!window.admits(0));
        assert!(window.admits(1));
    }

    #[test]
    fn the_last_counter_of_all_is_never_admitted() {
        assert!(!ReplayWindow::new().admits(u64::MAX));
        assert!(ReplayWindow::new().admits(u64::MAX - 1));
    }

    /// Compares with a plain set over pseudo-random jumps.
    #[test]
    fn the_window_agrees_with_a_set() {
        let mut window = ReplayWindow::new();
        let mut seen = HashSet::new();
        let (mut highest, mut seed) = (0u64, 0x9e37_79b9_7f4a_7c15u64);
        for step in 0..200_000 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let reach = if step % 1000 == 0 { 5000 } else { 40 };
            let counter = (highest + seed % reach).saturating_sub(seed % 1300);
            let expected = !seen.contains(&counter) && counter + WINDOW > highest;
            assert_eq!(
                window.admits(counter),
                expected,
                "step {step} counter {counter}"
            );
            if expected {
                window.record(counter);
                seen.insert(counter);
                highest = highest.max(counter);
            }
        }
    }
}
