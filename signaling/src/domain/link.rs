//! A guest's link (`docs/adr/0011-links-of-guests.md`): in which slot it opens,
//! and for how many calls. Looking at it changes nothing, however often.
//!
//! ```text
//!   draft ──handed out──▶ consent ──given───┐      (where consent is needed)
//!     └───────given by mail─────────────────┤
//!                                           ▼
//!             somebody is let in               the call ends
//!   active ───────────────────────▶ in use ──┬───────────────▶ used     (once)
//!     ▲  opens in its slot            opens  └──▶ active               (a series)
//!     └───────────────────────────────────────────┘
//!   any ────────────────────────────────────────────────────▶ revoked
//!   any to which consent was given ─────────────────────────▶ withdrawn
//! ```
//!
//! Without consent a link is closed, whatever its slot is; consent may be given
//! before the slot begins. What is kept of it is [`Consent`], and nothing else.
//!
//! Time alone moves nothing: before its slot an active link is early, after it
//! expired. One in use opens until the call has ended, whatever the time is: who
//! was let in and lost the connection comes back.

use super::Millis;
use super::password::Tries;
use conclave_wire::code::Code;
use conclave_wire::http::{Consent, ConsentWay, LinkInfo, LinkState, Uses};
use conclave_wire::id::{AccountId, LinkId};
use std::time::Duration;

/// Longest slot. A longer one would make a link that is for ever of one that
/// somebody forgot.
pub const MAX_SLOT: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// How far ahead a slot may begin: a year's series of the same hour fits. A
/// later one would be kept for longer than anybody remembers it.
pub const MAX_AHEAD: Duration = Duration::from_secs(366 * 24 * 60 * 60);

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
    /// It needs consent, and is not handed out yet.
    Draft,
    /// It is handed out and needs consent.
    Consent,
    /// Nothing yet, or all of it is over and the link is for a series.
    Active,
    /// Somebody was let into the call that runs by it.
    InUse,
    /// The call it was for has ended.
    Used,
    /// It was taken back.
    Revoked,
    /// The consent to it was withdrawn.
    Withdrawn,
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
    /// The consent that was given to it.
    pub consent: Option<Consent>,
    /// The account that made it, with which it ends; nothing when the operator
    /// did.
    pub maker: Option<AccountId>,
}

impl GuestLink {
    /// A link that nobody has used.
    pub fn new(slot: Slot, uses: Uses) -> Self {
        Self {
            slot,
            uses,
            stage: Stage::Active,
            tries: Tries::default(),
            consent: None,
            maker: None,
        }
    }

    /// The same, made by an account.
    pub fn by(self, maker: Option<AccountId>) -> Self {
        Self { maker, ..self }
    }

    /// The same as a draft, which opens once it has its guest's consent.
    pub fn draft(self) -> Self {
        let stage = Stage::Draft;
        Self { stage, ..self }
    }

    /// How it stands now.
    pub fn state(&self, now: Millis) -> LinkState {
        match self.stage {
            Stage::Draft | Stage::Consent if now >= self.slot.until => LinkState::Expired,
            Stage::Draft => LinkState::Draft,
            Stage::Consent => LinkState::Consent,
            Stage::Active if now < self.slot.from => LinkState::Early,
            Stage::Active if now < self.slot.until => LinkState::Active,
            Stage::Active => LinkState::Expired,
            Stage::InUse => LinkState::InUse,
            Stage::Used => LinkState::Used,
            Stage::Revoked => LinkState::Revoked,
            Stage::Withdrawn => LinkState::Withdrawn,
        }
    }

    /// Whether somebody may come by it now.
    ///
    /// # Errors
    /// The code that says why not.
    pub fn opens(&self, now: Millis) -> Result<(), Code> {
        match self.state(now) {
            LinkState::Active | LinkState::InUse => Ok(()),
            LinkState::Draft => Err(Code::LinkDraft),
            LinkState::Consent => Err(Code::ConsentNeeded),
            LinkState::Early => Err(Code::LinkEarly),
            LinkState::Expired => Err(Code::LinkExpired),
            LinkState::Used => Err(Code::LinkUsed),
            LinkState::Revoked => Err(Code::LinkRevoked),
            LinkState::Withdrawn => Err(Code::ConsentWithdrawn),
        }
    }

    /// It is handed out: its guest may consent. Whether that changes it.
    ///
    /// # Errors
    /// The code that says that it is over; [`Code::NoConsentNeeded`] if it is
    /// open to its guest anyway.
    pub fn hand_out(&mut self, now: Millis) -> Result<bool, Code> {
        match self.state(now) {
            LinkState::Draft => Ok(self.become_from(Stage::Draft, Stage::Consent)),
            LinkState::Consent => Ok(false),
            LinkState::Early | LinkState::Active | LinkState::InUse => match self.consent {
                Some(_) => Ok(false),
                None => Err(Code::NoConsentNeeded),
            },
            _ => self.opens(now).map(|()| false),
        }
    }

    /// Its guest consents. Whether that changes it: a second consent does not.
    ///
    /// # Errors
    /// As [`GuestLink::hand_out`]; [`Code::LinkDraft`] on the page of a link
    /// that was not handed out.
    pub fn consent(&mut self, now: Millis, consent: Consent) -> Result<bool, Code> {
        match (self.state(now), consent.way) {
            (LinkState::Draft, ConsentWay::Mail) | (LinkState::Consent, _) => {
                self.stage = Stage::Active;
                self.consent = Some(consent);
                Ok(true)
            }
            (LinkState::Draft, ConsentWay::Page) => Err(Code::LinkDraft),
            _ => self.hand_out(now),
        }
    }

    /// The consent to it is withdrawn: it is closed for ever. Whether that
    /// changes it.
    ///
    /// # Errors
    /// [`Code::ConsentNeeded`] or [`Code::LinkDraft`] if none was given yet,
    /// [`Code::NoConsentNeeded`] if none is needed.
    pub fn withdraw(&mut self) -> Result<bool, Code> {
        if self.consent.is_none() {
            return Err(match self.stage {
                Stage::Draft => Code::LinkDraft,
                Stage::Consent => Code::ConsentNeeded,
                _ => Code::NoConsentNeeded,
            });
        }
        let changes = self.stage != Stage::Withdrawn;
        self.stage = Stage::Withdrawn;
        Ok(changes)
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
        // What was withdrawn stays that: it is closed as well.
        let changes = !matches!(self.stage, Stage::Revoked | Stage::Withdrawn);
        if changes {
            self.stage = Stage::Revoked;
        }
        changes
    }

    /// Whether it was over by then, its slot and the call it was used for.
    pub fn was_over(&self, then: Millis) -> bool {
        self.stage != Stage::InUse && self.slot.until <= then
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
            consent: self.consent,
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
