//! How evenly pictures follow each other. What a freeze is says W3C's
//! identifiers for WebRTC's statistics, so that the numbers compare with a
//! browser's `freezeCount` and `totalFreezesDuration`.

use std::collections::VecDeque;

/// Intervals whose mean is what is to be expected of the next.
const REMEMBERED: usize = 30;
/// A freeze is at least so much longer than expected, milliseconds, ...
const LONGER_MS: u64 = 150;
/// ... and at least so many times as long.
const TIMES: u64 = 3;

/// The pictures of one source, as they could be shown.
#[derive(Debug, Default, Clone)]
pub struct Pace {
    shown: u64,
    freezes: u64,
    frozen_ms: u64,
    longest_ms: u64,
    last_ms: Option<u64>,
    intervals: VecDeque<u64>,
}

impl Pace {
    /// A picture can be shown.
    pub fn show(&mut self, now_ms: u64) {
        self.shown += 1;
        let Some(last_ms) = self.last_ms.replace(now_ms) else {
            return;
        };
        let interval = now_ms.saturating_sub(last_ms);
        self.longest_ms = self.longest_ms.max(interval);
        if let Some(expected) = self.expected()
            && interval >= (expected * TIMES).max(expected + LONGER_MS)
        {
            self.freezes += 1;
            self.frozen_ms += interval;
        }
        if self.intervals.len() >= REMEMBERED {
            self.intervals.pop_front();
        }
        self.intervals.push_back(interval);
    }

    /// Pictures that could be shown: opened, and nothing they refer to was lost.
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// Freezes that are over.
    pub fn freezes(&self) -> u64 {
        self.freezes
    }

    /// How long they were together, milliseconds.
    pub fn frozen_ms(&self) -> u64 {
        self.frozen_ms
    }

    /// The longest time between two pictures, milliseconds.
    pub fn longest_ms(&self) -> u64 {
        self.longest_ms
    }

    fn expected(&self) -> Option<u64> {
        let sum: u64 = self.intervals.iter().sum();
        sum.checked_div(self.intervals.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_is_what_takes_three_times_as_long_and_150_ms_more() {
        let mut pace = Pace::default();
        for n in 0..10 {
            pace.show(n * 100);
        }
        pace.show(900 + 299);
        assert_eq!((pace.freezes(), pace.longest_ms()), (0, 299));
        let mut pace = Pace::default();
        for n in 0..10 {
            pace.show(n * 100);
        }
        pace.show(900 + 300);
        pace.show(900 + 400);
        assert_eq!((pace.freezes(), pace.frozen_ms()), (1, 300));
        assert_eq!(pace.shown(), 12);

        let mut quick = Pace::default();
        for n in 0..10 {
            quick.show(n * 20);
        }
        quick.show(180 + 169);
        assert_eq!(quick.freezes(), 0);
        quick.show(180 + 169 + 230);
        assert_eq!(quick.freezes(), 1);
    }

    #[test]
    fn what_is_expected_follows_the_last_pictures() {
        let mut pace = Pace::default();
        let mut now_ms = 0;
        for _ in 0..10 {
            now_ms += 33;
            pace.show(now_ms);
        }
        // A slow source is no frozen one, once it is known to be slow.
        for _ in 0..40 {
            now_ms += 500;
            pace.show(now_ms);
        }
        let slow = pace.freezes();
        now_ms += 500;
        pace.show(now_ms);
        assert_eq!(pace.freezes(), slow);
        assert!(slow < 10, "{slow}");
    }
}
