//! Spreads the pictures of a shared screen over the time that a receiver's path
//! takes to carry them. A page of text is a hundred kilobytes at its coarsest: a
//! narrow path's queue takes a fifth of that, and what it loses would have to be
//! asked for, sent again, and lost again.
//!
//! ```text
//! sound, cameras ─────────────────────────▶ sent, and counted
//! screens ──▶ room left of the estimate? ─▶ sent, and counted
//!              └ no: owed ──▶ every tick ─▶ sent in the order they came in
//! ```
//!
//! What is owed has its numbers already and lies in its stream's history; it is
//! sealed when it leaves. So a receiver sees a slower path, and no loss.

use crate::rtp::seq::ExtSeq;
use crate::select::Selected;
use crate::slot::Origin;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets that may be owed to one receiver: as many as a stream's history has.
const OWED_MAX: usize = 512;

/// Nothing waits for longer where the estimate may be wrong, nor where it
/// follows what the path carries.
const LATEST_GUESSED: Duration = Duration::from_secs(3);
const LATEST: Duration = Duration::from_secs(10);

/// When the oldest has waited for so long, more is sent than the path carries.
const BEHIND: Duration = Duration::from_secs(1);

/// What may be sent at once: so much of the estimate's time. More fills the
/// queue of a narrow path, less keeps back small pictures.
const BURST: Duration = Duration::from_millis(100);

/// A packet that a receiver will be sent.
#[derive(Debug, Clone, Copy)]
pub struct Owed {
    /// Which of its slots.
    pub slot: usize,
    /// How it is to be rewritten.
    pub selected: Selected,
    /// The stream it is of.
    pub origin: Origin,
    /// Its number there.
    pub seq: ExtSeq,
    /// Since when.
    pub since: Instant,
}

/// What one receiver is owed.
#[derive(Debug, Default)]
pub struct Pace {
    /// Bytes that may be sent now; below zero, more was sent than fits.
    room: i64,
    /// The rate is no guess.
    follows: bool,
    owed: VecDeque<Owed>,
}

impl Pace {
    /// So much time has passed on a path that is taken to carry `rate` bits a
    /// second; whether that [follows](crate::estimate::Estimate::follows) it.
    pub fn refill(&mut self, rate: u64, follows: bool, passed: Duration) {
        self.follows = follows;
        let at = |time: Duration| {
            let bytes = u128::from(rate) * time.as_micros() / 8_000_000;
            i64::try_from(bytes).unwrap_or(i64::MAX)
        };
        let burst = at(BURST);
        // What sound and cameras took too much of is not owed for ever.
        self.room = self.room.max(-burst).saturating_add(at(passed)).min(burst);
    }

    /// So many bytes were sent.
    pub fn spend(&mut self, bytes: usize) {
        self.room = self.room.saturating_sub(bytes as i64);
    }

    /// Whether a packet of a screen has to wait.
    pub fn holds(&self) -> bool {
        self.room <= 0 || !self.owed.is_empty()
    }

    /// Owes a packet. Nothing is owed more than there may be.
    pub fn owe(&mut self, owed: Owed) -> Result<(), Full> {
        if self.owed.len() >= OWED_MAX {
            return Err(Full);
        }
        self.owed.push_back(owed);
        Ok(())
    }

    /// The next packet that may leave now.
    pub fn next(&mut self, now: Instant) -> Option<Owed> {
        let waited = now.saturating_duration_since(self.owed.front()?.since);
        let latest = if self.follows { LATEST } else { LATEST_GUESSED };
        let due = self.room > 0 || waited >= latest;
        due.then(|| self.owed.pop_front()).flatten()
    }

    /// The next packet, whatever room there is: a probe asks for more.
    pub fn next_for_probe(&mut self) -> Option<Owed> {
        self.owed.pop_front()
    }

    /// Whether a slot is owed something.
    pub fn owes(&self, slot: usize) -> bool {
        self.owed.iter().any(|owed| owed.slot == slot)
    }

    /// Whether anything is owed.
    pub fn is_owing(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Whether more comes than leaves.
    pub fn is_behind(&self, now: Instant) -> bool {
        let oldest = self.owed.front();
        oldest.is_some_and(|owed| now.saturating_duration_since(owed.since) >= BEHIND)
    }
}

/// Too much is owed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;
