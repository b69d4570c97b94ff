//! Compares whom the server names with whom the tree holds (`docs/protocol.md`
//! section 5). They differ for a moment whenever somebody comes or goes; a
//! difference that stays is a lie, or a member who was hidden.

use super::{Call, Event};
use conclave_e2ee::Member as Leaf;
use conclave_wire::client::Member;
use conclave_wire::id::ParticipantId;
use std::collections::BTreeSet;

/// How long roster and tree may differ in the same way, milliseconds: messages
/// may be under way, and are not for longer on a socket that is up.
const SETTLE_MS: u64 = 3_000;

/// Participants that only one of both has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Difference {
    named: Vec<ParticipantId>,
    hidden: Vec<ParticipantId>,
}

/// A difference and what was told of it.
#[derive(Default)]
pub(super) struct Watch {
    /// The present one.
    present: Option<Difference>,
    /// When it will have lasted too long; nothing once it was told.
    due_ms: Option<u64>,
    /// Whether one was told and not taken back.
    alarmed: bool,
}

impl Watch {
    pub(super) fn due(&self) -> Option<u64> {
        self.due_ms
    }
}

impl Difference {
    fn between(roster: &[Member], tree: &[Leaf]) -> Option<Self> {
        let named: BTreeSet<_> = roster.iter().map(|member| member.participant).collect();
        let inside: BTreeSet<_> = tree
            .iter()
            .map(|leaf| ParticipantId(leaf.participant.0))
            .collect();
        (named != inside).then(|| Self {
            named: named.difference(&inside).copied().collect(),
            hidden: inside.difference(&named).copied().collect(),
        })
    }
}

impl Call {
    /// The socket is lost: what the server would say now nobody knows.
    pub fn interrupted(&mut self) {
        self.difference.present = None;
        self.difference.due_ms = None;
    }

    /// Either of both may have changed.
    pub(super) fn check_roster(&mut self, now_ms: u64) {
        if !self.is_member() || self.roster.is_empty() || self.is_behind() {
            return;
        }
        let present = Difference::between(&self.roster, self.members());
        let watch = &mut self.difference;
        if present == watch.present {
            return;
        }
        let differs = present.is_some();
        watch.present = present;
        watch.due_ms = differs.then(|| now_ms.saturating_add(SETTLE_MS));
        if !differs && std::mem::take(&mut watch.alarmed) {
            self.event(Event::RosterAgrees);
        }
    }

    /// The difference may have had its time to settle.
    pub(super) fn settle_roster(&mut self, now_ms: u64) {
        let watch = &mut self.difference;
        if watch.due_ms.is_none_or(|due| now_ms < due) {
            return;
        }
        watch.due_ms = None;
        if let Some(Difference { named, hidden }) = watch.present.clone() {
            watch.alarmed = true;
            self.event(Event::RosterDiffers { named, hidden });
        }
    }
}
