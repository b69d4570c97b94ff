//! Slows down those who guess: after some tries for one name the next has to
//! wait, longer each time. By the name that was typed, whether or not there is
//! such an account, and not by the address: an attacker has many of those.

use super::Millis;
use crate::config::{FREE_TRIES, MAX_THROTTLED, THROTTLE_FORGETS, THROTTLE_MOST};
use std::collections::HashMap;
use std::time::Duration;

/// A name that is logged in by, hashed.
pub type Name = [u8; 32];

/// The tries that did not come to a good end.
#[derive(Debug, Default)]
pub struct Throttle {
    names: HashMap<Name, Tries>,
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    last: Millis,
    next: Millis,
}

impl Throttle {
    /// Counts a try before it is looked at, so that many at once count each.
    ///
    /// # Errors
    /// How long to wait, if it may not be looked at; then it did not count.
    pub fn begin(&mut self, now: Millis, name: Name) -> Result<(), Duration> {
        let known = self.names.get(&name).copied();
        let known = known.filter(|tries| now.since(tries.last) < THROTTLE_FORGETS);
        if let Some(tries) = known
            && now < tries.next
        {
            return Err(tries.next.since(now));
        }
        let count = known.map_or(0, |tries| tries.count).saturating_add(1);
        self.make_room(now);
        let tries = Tries {
            count,
            last: now,
            next: now + delay(count),
        };
        self.names.insert(name, tries);
        Ok(())
    }

    /// Forgets the tries for a name: one was right.
    pub fn succeeded(&mut self, name: &Name) {
        self.names.remove(name);
    }

    /// Takes the last try back: it was neither wrong nor all that is needed.
    pub fn pardon(&mut self, name: &Name) {
        if let Some(tries) = self.names.get_mut(name) {
            tries.count = tries.count.saturating_sub(1);
            tries.next = tries.last;
        }
    }

    /// Forgets what need not be known any more; how many names.
    pub fn forget(&mut self, now: Millis) -> usize {
        let before = self.names.len();
        self.names
            .retain(|_, tries| now.since(tries.last) < THROTTLE_FORGETS);
        before - self.names.len()
    }

    /// Forgets what need not be known any more, and the longest untouched if
    /// that is nothing: who makes names up gains no more than memory that is
    /// bounded.
    fn make_room(&mut self, now: Millis) {
        if self.names.len() < MAX_THROTTLED {
            return;
        }
        self.forget(now);
        if self.names.len() >= MAX_THROTTLED {
            let oldest = self.names.iter().min_by_key(|(_, tries)| tries.last);
            if let Some(name) = oldest.map(|(name, _)| *name) {
                self.names.remove(&name);
            }
        }
    }
}

/// How long after so many tries the next one waits: 1 s, 2 s, 4 s, …
fn delay(count: u32) -> Duration {
    let Some(doublings) = count.checked_sub(FREE_TRIES) else {
        return Duration::ZERO;
    };
    let seconds = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    Duration::from_secs(seconds).min(THROTTLE_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000_000);
    const NAME: Name = [1; 32];

    #[test]
    fn five_tries_are_free_and_the_next_wait_ever_longer_up_to_five_minutes() {
        let mut throttle = Throttle::default();
        let mut now = NOW;
        for _ in 0..FREE_TRIES {
            assert_eq!(throttle.begin(now, NAME), Ok(()));
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            let wait = throttle.begin(now, NAME).unwrap_err();
            let early = now + (wait - Duration::from_millis(1));
            assert!(throttle.begin(early, NAME).is_err(), "and that is no try");
            waits.push(wait.as_secs());
            now = now + wait;
            assert_eq!(throttle.begin(now, NAME), Ok(()));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn one_name_does_not_slow_down_another_and_the_right_password_is_forgiven() {
        let mut throttle = Throttle::default();
        for _ in 0..FREE_TRIES {
            assert_eq!(throttle.begin(NOW, NAME), Ok(()));
        }
        assert!(throttle.begin(NOW, NAME).is_err());
        assert_eq!(throttle.begin(NOW, [2; 32]), Ok(()));
        throttle.succeeded(&NAME);
        assert_eq!(throttle.begin(NOW, NAME), Ok(()));
    }

    #[test]
    fn a_try_taken_back_gives_no_more_than_itself() {
        let mut throttle = Throttle::default();
        let mut now = NOW;
        for _ in 0..FREE_TRIES + 3 {
            now = now + throttle.begin(now, NAME).err().unwrap_or_default();
            let _ = throttle.begin(now, NAME);
        }
        let before = throttle.begin(now, NAME).unwrap_err();
        now = now + before;
        assert_eq!(throttle.begin(now, NAME), Ok(()));
        throttle.pardon(&NAME);
        assert_eq!(throttle.begin(now, NAME), Ok(()), "the code's turn");
        assert_eq!(throttle.begin(now, NAME).unwrap_err(), before * 2);
    }

    #[test]
    fn the_tries_of_a_day_ago_are_forgotten_and_later_ones_are_not() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.begin(NOW, NAME), Ok(()));
        let later = NOW + Duration::from_secs(60);
        assert_eq!(throttle.begin(later, [2; 32]), Ok(()));
        assert_eq!(throttle.forget(later), 0);
        assert_eq!(throttle.forget(NOW + THROTTLE_FORGETS), 1);
        assert!(throttle.names.contains_key(&[2; 32]));
    }

    #[test]
    fn names_made_up_take_bounded_memory() {
        let mut throttle = Throttle::default();
        for number in 0..MAX_THROTTLED as u64 + 100 {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            let now = NOW + Duration::from_millis(number);
            assert_eq!(throttle.begin(now, name), Ok(()));
        }
        assert_eq!(throttle.names.len(), MAX_THROTTLED);
    }
}
