//! The only place that reads the wall clock.

use crate::shard::Clock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Seconds from the NTP epoch, 1900, to the Unix epoch.
const UNIX_IN_NTP: u64 = 2_208_988_800;

/// This moment in both clocks.
pub(super) fn now() -> Clock {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    Clock {
        start: Instant::now(),
        ntp: (since.as_secs().wrapping_add(UNIX_IN_NTP) << 32) | fraction,
    }
}
