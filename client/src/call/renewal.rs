//! Keys are renewed by themselves: whoever took a member's keys unnoticed can
//! open nothing any more a while later (RFC 9420 section 16.6,
//! `docs/protocol.md` section 4.2). Each of our commits does it, whatever it
//! is for; without one for long enough, an update does.

use super::Call;
use conclave_e2ee::{Comparison, Session};

/// How old our keys become, milliseconds. Lower heals sooner from a leak that
/// nobody noticed; higher spares a group the work of ever new epochs.
const RENEWAL_MS: u64 = 10 * 60 * 1000;

/// In calls of more than a hundred, how much each member adds to that,
/// milliseconds: together they begin one epoch in so many.
const SHARE_MS: u64 = 6_000;

/// How much sooner each member does it than the one after it, milliseconds, so
/// that those who came together do not all commit at once.
const STEP_MS: u64 = 400;

/// How long a comparison of digits, which a new epoch ends, puts an update
/// off, milliseconds; no later ones put it off any further. Longer lets people
/// take their time.
const COMPARING_MS: u64 = 120_000;

/// Since when things are as they are, milliseconds.
#[derive(Default)]
pub(super) struct Renewal {
    /// Our leaf's keys; nothing if they cannot be renewed.
    keys: Option<u64>,
    /// The last comparison, and its epoch.
    comparison: Option<(u64, u64)>,
}

impl Call {
    /// Our keys are new: we came in with them, or a commit of ours was taken.
    pub(super) fn renewed(&mut self, now_ms: u64) {
        self.renewal.keys = Some(now_ms);
    }

    /// A message of this epoch's comparison was heard, or its person asked.
    pub(super) fn comparing_since(&mut self, now_ms: u64) {
        let Some(epoch) = self.session_epoch() else {
            return;
        };
        let begun = self
            .session
            .as_ref()
            .is_some_and(|session| session.comparison(now_ms) != Comparison::Idle);
        let known = self.renewal.comparison.is_some_and(|(of, _)| of == epoch);
        if begun && !known {
            self.renewal.comparison = Some((epoch, now_ms));
        }
    }

    /// When our keys are to be renewed; never while we are alone.
    pub(super) fn renewal_due(&self) -> Option<u64> {
        let members = self.members();
        let me = self.session.as_ref().map(Session::participant)?;
        let place = members.iter().position(|leaf| leaf.participant == me)?;
        if self.renewing || members.len() < 2 || self.is_behind() {
            return None;
        }
        let members = members.len() as u64;
        let earlier = (members - place as u64) * STEP_MS;
        let age = RENEWAL_MS.max(members * SHARE_MS) - earlier;
        let due = self.renewal.keys?.saturating_add(age);
        Some(match self.renewal.comparison {
            Some((_, since)) if since + COMPARING_MS > due => {
                since.min(due) + COMPARING_MS + place as u64 * STEP_MS
            }
            _ => due,
        })
    }
}
