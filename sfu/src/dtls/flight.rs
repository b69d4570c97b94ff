//! The server's last flight, and when it is sent again.
//!
//! Flights are sent again as they were, record numbers and all: a client that
//! has a record drops it as replayed, one that has not takes it. The library's
//! own timer stops for good when a client repeats itself, so it is not used.

use bytes::BytesMut;
use std::time::{Duration, Instant};

/// After so long a flight is first sent again, then after twice as long each
/// time. Shorter repeats more in vain on long paths, longer delays the call by
/// as much when a datagram is lost.
const FIRST: Duration = Duration::from_millis(200);

/// Longest pause between repetitions.
const LONGEST: Duration = Duration::from_millis(3200);

/// A client that repeats itself is answered at most this often.
const PAUSE: Duration = Duration::from_millis(25);

/// A client that repeats itself is answered so many times.
const ANSWERS: u32 = 32;

/// What was sent last.
#[derive(Default)]
pub(super) struct Flight {
    datagrams: Vec<BytesMut>,
    sent: Option<Instant>,
    /// How long to wait for the client; `None` when it has the last word.
    wait: Option<Duration>,
    answers: u32,
}

impl Flight {
    /// A flight that has been sent. The `last` one is repeated only for a
    /// client that repeats its own (RFC 6347 section 4.2.4).
    pub(super) fn sent(datagrams: Vec<BytesMut>, now: Instant, last: bool) -> Self {
        Self {
            datagrams,
            sent: Some(now),
            wait: (!last).then_some(FIRST),
            answers: 0,
        }
    }

    /// When [`Flight::timeout`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        Some(self.sent? + self.wait?)
    }

    /// Sends again when it is time.
    pub(super) fn timeout(&mut self, now: Instant, send: impl FnMut(&[u8])) {
        if self.due().is_some_and(|due| due <= now) {
            self.wait = self.wait.map(|wait| LONGEST.min(2 * wait));
            self.again(now, send);
        }
    }

    /// The client repeats itself: it has not got this flight.
    pub(super) fn missed(&mut self, now: Instant, send: impl FnMut(&[u8])) {
        let recent = |sent| now.saturating_duration_since(sent) < PAUSE;
        if self.answers < ANSWERS && !self.sent.is_some_and(recent) {
            self.answers += 1;
            self.again(now, send);
        }
    }

    fn again(&mut self, now: Instant, send: impl FnMut(&[u8])) {
        self.sent = Some(now);
        self.datagrams.iter().map(AsRef::as_ref).for_each(send);
    }
}
