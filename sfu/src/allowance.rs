//! How much a receiver may be sent again. What was lost because the path is
//! full is not to fill it again: repairs are spread over the time the path
//! takes to carry them, and the receiver asks again for what did not fit.

use std::time::Duration;

/// Bits a second that may always be sent again. Less leaves small pictures
/// unrepaired on the narrowest paths; more fills those.
const LEAST: u64 = 40_000;

/// How long an allowance may be saved up. Longer repairs bursts of losses at
/// once; shorter keeps the queue of a narrow path short.
const SAVED: Duration = Duration::from_millis(100);

/// A full packet, which may be saved up for on any path.
const PACKET: u64 = 1_500;

/// Bytes that may be sent again now.
#[derive(Debug, Default)]
pub struct Allowance {
    bytes: u64,
}

impl Allowance {
    /// So much time has passed on a path that carries `rate` bits a second, in
    /// which `media` bytes were sent for the first time.
    pub fn refill(&mut self, rate: u64, media: u64, passed: Duration) {
        let at = |rate: u64, time: Duration| rate * time.as_micros() as u64 / 8_000_000;
        let left = (self.bytes + at(rate, passed)).saturating_sub(media);
        let least = self.bytes + at(LEAST, passed);
        self.bytes = left.max(least).min(at(rate, SAVED).max(PACKET));
    }

    /// Takes a packet's bytes from it, if they are there.
    pub fn take(&mut self, bytes: u64) -> bool {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(self.bytes);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(20);

    fn sent_in_a_second(rate: u64, media: u64) -> u64 {
        let mut allowance = Allowance::default();
        let mut sent = 0;
        for _ in 0..50 {
            allowance.refill(rate, media / 8 / 50, TICK);
            while allowance.take(1_200) {
                sent += 1_200;
            }
        }
        sent * 8
    }

    #[test]
    fn repairs_take_no_more_than_the_path_carries() {
        for rate in [500_000, 2_000_000] {
            let sent = sent_in_a_second(rate, 0);
            assert!((rate * 9 / 10..=rate).contains(&sent), "{sent} of {rate}");
        }
    }

    #[test]
    fn repairs_take_what_is_left_beside_what_is_sent_for_the_first_time() {
        let sent = sent_in_a_second(1_000_000, 600_000);
        assert!((360_000..=400_000).contains(&sent), "{sent}");
    }

    #[test]
    fn something_may_always_be_sent_again() {
        assert!(sent_in_a_second(0, 0) >= 30_000);
        assert!(sent_in_a_second(200_000, 300_000) >= 30_000);
    }

    #[test]
    fn what_is_not_used_is_saved_for_a_moment_only() {
        let mut allowance = Allowance::default();
        for _ in 0..500 {
            allowance.refill(1_000_000, 0, TICK);
        }
        assert!(allowance.take(12_500));
        assert!(!allowance.take(1));
    }
}
