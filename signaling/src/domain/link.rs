//! A guest's link (`docs/adr/0011-links-of-guests.md`): in which slot it opens,
//! and for how many calls. Looking at it changes nothing, however often.
//!
//! ```text
//!             somebody is let in               the call ends
//!   active ───────────────────────▶ in use ──┬───────────────▶ used     (once)
//!     ▲  opens in its slot            opens  └──▶ active               (a series)
//!     └───────────────────────────────────────────┘
//!   any ────────────────────────────────────────────────────▶ revoked
//! ```
//!
//! Time alone moves nothing: before its slot an active link is early, after it
//! expired. One in use opens until the call has ended, whatever the time is: who
//! was let in and lost the connection comes back.

use super::Millis;
use super::password::Tries;
use conclave_wire::code::Code;
use conclave_wire::http::{LinkInfo, LinkState, Uses};
use conclave_wire::id::LinkId;
use std::time::Duration;

/// Longest slot. A longer one would make a link that is for ever of one that
/// somebody forgot.
pub const MAX_SLOT: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// How long a link is kept after its slot: for so long its page says what has
/// become of it.
pub const KEPT_AFTER: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// When a link opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    from: Millis,
    until: Millis,
}

impl Slot {
    /// From the one moment up to the other.
    ///
    /// # Errors
    /// Nothing when it is empty or longer than [`MAX_SLOT`].
    pub fn new(from: Millis, until: Millis) -> Option<Self> {
        (from < until && until.since(from) <= MAX_SLOT).then_some(Self { from, until })
    }

    /// When it begins.
    pub fn from(self) -> Millis {
        self.from
    }

    /// When it is over.
    pub fn until(self) -> Millis {
        self.until
    }
}

/// What has become of a link, time aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing yet, or all of it is over and the link is for a series.
    Active,
    /// Somebody was let into the call that runs by it.
    InUse,
    /// The call it was for has ended.
    Used,
    /// It was taken back.
    Revoked,
}

/// A guest's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestLink {
    /// When it opens.
    pub slot: Slot,
    /// For how many calls it is.
    pub uses: Uses,
    /// What has become of it.
    pub stage: Stage,
    /// The wrong passwords that were tried by it.
    pub tries: Tries,
}

impl GuestLink {
    /// A link that nobody has used.
    pub fn new(slot: Slot, uses: Uses) -> Self {
        Self {
            slot,
            uses,
            stage: Stage::Active,
            tries: Tries::default(),
        }
    }

    /// How it stands now.
    pub fn state(&self, now: Millis) -> LinkState {
        match self.stage {
            Stage::Active if now < self.slot.from => LinkState::Early,
            Stage::Active if now < self.slot.until => LinkState::Active,
            Stage::Active => LinkState::Expired,
            Stage::InUse => LinkState::InUse,
            Stage::Used => LinkState::Used,
            Stage::Revoked => LinkState::Revoked,
        }
    }

    /// Whether somebody may come by it now.
    ///
    /// # Errors
    /// The code that says why not.
    pub fn opens(&self, now: Millis) -> Result<(), Code> {
        match self.state(now) {
            LinkState::Active | LinkState::InUse => Ok(()),
            LinkState::Early => Err(Code::LinkEarly),
            LinkState::Expired => Err(Code::LinkExpired),
            LinkState::Used => Err(Code::LinkUsed),
            LinkState::Revoked => Err(Code::LinkRevoked),
        }
    }

    /// Somebody who came by it was let into the call; whether that changes it.
    /// Who waited past the end of the slot makes it open again until the call
    /// has ended.
    pub fn let_in(&mut self) -> bool {
        self.become_from(Stage::Active, Stage::InUse)
    }

    /// The call has ended; whether that changes it.
    pub fn call_ended(&mut self) -> bool {
        let after = match self.uses {
            Uses::Once => Stage::Used,
            Uses::Series => Stage::Active,
        };
        self.become_from(Stage::InUse, after)
    }

    /// It is taken back; whether that changes it.
    pub fn revoke(&mut self) -> bool {
        let changes = self.stage != Stage::Revoked;
        self.stage = Stage::Revoked;
        changes
    }

    /// Whether it has been over for so long that it is forgotten.
    pub fn is_forgotten(&self, now: Millis) -> bool {
        self.stage != Stage::InUse && now >= self.slot.until + KEPT_AFTER
    }

    /// What its maker may know of it.
    pub fn info(&self, link: LinkId, now: Millis) -> LinkInfo {
        LinkInfo {
            link,
            from: self.slot.from.0,
            until: self.slot.until.0,
            uses: self.uses,
            state: self.state(now),
            locked: self.tries.is_locked(),
        }
    }

    fn become_from(&mut self, before: Stage, after: Stage) -> bool {
        let changes = self.stage == before;
        if changes {
            self.stage = after;
        }
        changes
    }
}

#[cfg(test)]
mod tests;
