//! The one place that asks what time it is.

use crate::domain::Millis;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Wall-clock time that never goes back while the process lives: the system
/// time at the start, and a monotonic clock from there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    start_millis: Millis,
}

impl Clock {
    /// A clock that begins now.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            start: Instant::now(),
            start_millis: Millis(0) + since_epoch,
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> Millis {
        self.start_millis + self.start.elapsed()
    }

    /// The moment as a deadline of the runtime; never earlier than `moment`.
    pub(crate) fn instant(&self, moment: Millis) -> Instant {
        self.start + moment.since(self.start_millis) + Duration::from_millis(1)
    }
}
