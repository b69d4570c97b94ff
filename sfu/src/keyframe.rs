//! When a source is asked for a keyframe: requests of many receivers become
//! one, one source is not asked more often than
//! [`KEYFRAME_THROTTLE`](crate::config::KEYFRAME_THROTTLE), and a request that
//! no keyframe follows is repeated.

use crate::config::{KEYFRAME_ATTEMPTS, KEYFRAME_RETRY, KEYFRAME_THROTTLE};
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
    /// Requests in a row that no keyframe has followed.
    unanswered: u8,
}

impl Requests {
    /// Nothing asked yet.
    pub fn new() -> Self {
        Self {
            last: None,
            wanted: Wanted::Nothing,
            unanswered: 0,
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
        self.unanswered = 0;
        if self.wanted == Wanted::Any {
            self.wanted = Wanted::Nothing;
        }
    }

    /// When the source was last asked.
    pub fn last(&self) -> Option<Instant> {
        self.last
    }

    /// Whether to ask now; notes that it was asked.
    ///
    /// While a request is open no other is sent: the keyframe that ends the
    /// wait is then the answer to it, and not to one before. A lost request, or
    /// one that the sender ignored, is repeated until
    /// [`KEYFRAME_ATTEMPTS`] were in vain: the source is silent.
    pub fn due(&mut self, now: Instant) -> bool {
        let rested = |pause| {
            self.last
                .is_none_or(|last| now.saturating_duration_since(last) >= pause)
        };
        if self.unanswered > 0 {
            if !rested(KEYFRAME_RETRY) {
                return false;
            }
            if self.unanswered >= KEYFRAME_ATTEMPTS {
                self.unanswered = 0;
            }
        }
        let open = self.unanswered > 0;
        let wanted = self.wanted != Wanted::Nothing && rested(KEYFRAME_THROTTLE);
        if !open && !wanted {
            return false;
        }
        self.last = Some(now);
        self.wanted = Wanted::Nothing;
        self.unanswered += 1;
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

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn many_requests_become_one_and_a_fresh_one_is_never_lost() {
        let start = Instant::now();
        let mut requests = Requests::new();
        assert!(!requests.due(start));
        requests.want();
        requests.want();
        assert!(requests.due(start));
        assert!(!requests.due(start + MS));
        requests.want();
        requests.seen();
        assert!(
            !requests.due(start + KEYFRAME_THROTTLE),
            "the keyframe came meanwhile"
        );
        requests.want_fresh();
        requests.seen();
        assert!(!requests.due(start + KEYFRAME_THROTTLE - MS));
        assert!(
            requests.due(start + KEYFRAME_THROTTLE),
            "an older keyframe does not serve"
        );
    }

    #[test]
    fn a_request_without_an_answer_is_repeated_but_not_for_ever() {
        let start = Instant::now();
        let mut requests = Requests::new();
        requests.want();
        let mut asked = 0;
        for tick in 0..1000 {
            asked += u8::from(requests.due(start + tick * 20 * MS));
        }
        assert_eq!(asked, KEYFRAME_ATTEMPTS);
        requests.want();
        assert!(requests.due(start + 20_000 * MS), "asked anew");
        requests.seen();
        assert!(!requests.due(start + 30_000 * MS), "answered");
    }

    #[test]
    fn no_request_is_sent_while_one_is_open() {
        let start = Instant::now();
        let mut requests = Requests::new();
        requests.want();
        assert!(requests.due(start));
        requests.want_fresh();
        assert!(!requests.due(start + KEYFRAME_RETRY - MS));
        requests.seen();
        assert!(
            requests.due(start + KEYFRAME_RETRY - MS),
            "the open one was answered: now the fresh one"
        );
    }
}
