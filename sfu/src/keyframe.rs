//! When a source is asked for a keyframe: requests of many receivers become
//! one, and one source is not asked more often than
//! [`KEYFRAME_THROTTLE`](crate::config::KEYFRAME_THROTTLE).

use crate::config::KEYFRAME_THROTTLE;
use std::time::Instant;

/// What is still to be asked of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Nothing.
    Nothing,
    /// A keyframe; one that comes meanwhile serves.
    Any,
    /// One that is made after the request, as after a change of keys.
    Fresh,
}

/// The requests for one source.
#[derive(Debug)]
pub struct Requests {
    last: Option<Instant>,
    wanted: Wanted,
}

impl Requests {
    /// Nothing asked yet.
    pub fn new() -> Self {
        Self {
            last: None,
            wanted: Wanted::Nothing,
        }
    }

    /// A receiver needs a keyframe.
    pub fn want(&mut self) {
        if self.wanted == Wanted::Nothing {
            self.wanted = Wanted::Any;
        }
    }

    /// A keyframe that is not on its way yet is needed.
    pub fn want_fresh(&mut self) {
        self.wanted = Wanted::Fresh;
    }

    /// A keyframe came.
    pub fn seen(&mut self) {
        if self.wanted == Wanted::Any {
            self.wanted = Wanted::Nothing;
        }
    }

    /// When the source was last asked.
    pub fn last(&self) -> Option<Instant> {
        self.last
    }

    /// Whether to ask now; notes that it was asked.
    pub fn due(&mut self, now: Instant) -> bool {
        let rested = self
            .last
            .is_none_or(|last| now.saturating_duration_since(last) >= KEYFRAME_THROTTLE);
        if self.wanted == Wanted::Nothing || !rested {
            return false;
        }
        self.last = Some(now);
        self.wanted = Wanted::Nothing;
        true
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn many_requests_become_one_and_a_fresh_one_is_never_lost() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut requests = Requests::new();
        assert!(!requests.due(at(0)));
        requests.want();
        requests.want();
        assert!(requests.due(at(0)));
        assert!(!requests.due(at(1)));
        requests.want();
        assert!(!requests.due(at(299)));
        requests.seen();
        assert!(!requests.due(at(300)), "the keyframe came meanwhile");
        requests.want_fresh();
        requests.seen();
        assert!(requests.due(at(301)), "an older keyframe does not serve");
    }
}
