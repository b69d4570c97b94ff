//! Whether media would come through at all, before there is any: under
//! credentials that are told to whoever asks, anybody may send connectivity
//! checks and gets the answers that a connection's checks get.
//!
//! Nothing comes of one: no address becomes known, nothing is kept of who
//! asked. An answer is hardly longer than what it answers, and there are no more
//! than [`ANSWERS_MAX`] of them a second: who writes another's address on checks
//! sends them no more than they could send themselves.

use crate::drop::DropReason;
use crate::ice::{ANSWER_MAX, Check, Credentials};
use aws_lc_rs::hmac;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Answers in a second. A trial takes a handful, so some dozens may begin in
/// the same one.
pub const ANSWERS_MAX: u32 = 400;

const WINDOW: Duration = Duration::from_secs(1);

/// The credentials of trials, and how many were answered just now.
#[derive(Debug)]
pub struct Reach {
    credentials: Credentials,
    integrity: hmac::Key,
    since: Option<Instant>,
    answers: u32,
}

impl Reach {
    /// Under these credentials.
    pub fn new(credentials: Credentials) -> Self {
        Self {
            integrity: credentials.integrity_key(),
            credentials,
            since: None,
            answers: 0,
        }
    }

    /// Whether a check is one of a trial's; nothing is verified.
    pub fn is_for(&self, check: &Check<'_>) -> bool {
        check.local_ufrag == self.credentials.ufrag
    }

    /// Writes the answer to a trial's check, and gives its length.
    ///
    /// # Errors
    /// [`DropReason::StunForged`], and [`DropReason::ReachLimit`] when there
    /// were too many.
    pub fn answer(
        &mut self,
        now: Instant,
        (check, from): (&Check<'_>, SocketAddr),
        out: &mut [u8; ANSWER_MAX],
    ) -> Result<usize, DropReason> {
        if !check.verify(&self.integrity) {
            return Err(DropReason::StunForged);
        }
        let runs = |since: Instant| now.saturating_duration_since(since) < WINDOW;
        if !self.since.is_some_and(runs) {
            (self.since, self.answers) = (Some(now), 0);
        }
        if self.answers == ANSWERS_MAX {
            return Err(DropReason::ReachLimit);
        }
        self.answers += 1;
        Ok(check.answer(&self.integrity, from, out).0)
    }
}
