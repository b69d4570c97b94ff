//! The one place that asks what time it is.

use crate::domain::{Millis, Now};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// The system's two clocks. What takes some time is measured by the monotonic
/// one: it fires neither early nor late when somebody sets the other. What was
/// agreed on for a day and an hour goes by the calendar, as it is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    calendar: fn() -> SystemTime,
}

impl Clock {
    /// A clock whose timers begin now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            calendar: SystemTime::now,
        }
    }

    /// Now, by both.
    pub(crate) fn both(&self) -> Now {
        Now {
            timer: Millis(0) + self.start.elapsed(),
            calendar: self.now(),
        }
    }

    /// Now, by the calendar.
    pub(crate) fn now(&self) -> Millis {
        let since_epoch = (self.calendar)().duration_since(UNIX_EPOCH);
        Millis(0) + since_epoch.unwrap_or_default()
    }

    /// The moment of a timer as a deadline of the runtime; never earlier.
    pub(crate) fn instant(&self, moment: Millis) -> Instant {
        self.start + moment.since(Millis(0)) + Duration::from_millis(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What somebody has set the calendar to, seconds since the Unix epoch.
    static SET: AtomicU64 = AtomicU64::new(0);

    #[tokio::test(start_paused = true)]
    async fn a_calendar_that_is_set_moves_no_timer() {
        let clock = Clock {
            calendar: || UNIX_EPOCH + Duration::from_secs(SET.load(Ordering::SeqCst)),
            ..Clock::start()
        };
        let told = |set: u64| {
            SET.store(set, Ordering::SeqCst);
            let Now { timer, calendar } = clock.both();
            assert_eq!(calendar, clock.now());
            (timer.0, calendar.0)
        };
        // A machine that begins with the year 1970, and learns what time it is.
        assert_eq!(told(5), (0, 5_000));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(told(1_700_000_000), (2_000, 1_700_000_000_000));
        let (timer, _) = told(1_600_000_000);
        assert_eq!(timer, 2_000, "nor one that is set back");
        assert!(clock.instant(Millis(timer)) > Instant::now());
        assert!(clock.instant(Millis(timer)) <= Instant::now() + Duration::from_millis(1));
    }
}
