//! Notices that a call is split: a server can give two parts of it different
//! commits of one epoch, and from then on neither opens what the other seals.
//!
//! ```text
//!   a member's frames come, none opens      since    and then
//!   under an epoch that we hold keys of     3 s      apart: keys of one epoch differ only in a fork
//!   under an epoch that we do not hold      70 s     apart: no honest member is behind or ahead that long
//! ```
//!
//! A member that knocks again because it fell behind, and signs another history
//! than ours, is apart at once and until it is removed.
//!
//! Whoever is between can also make frames up under a member's key id: while
//! one frame of that member opens, these change nothing.

use crate::identity::{Member, ParticipantId};

/// For how long a member's frames fail to verify, milliseconds, until it is
/// apart. Shorter could take a handful of pictures that were put together
/// wrongly for it; longer leaves people talking to nobody.
pub const SPLIT_MS: u64 = 3_000;

/// For how long a member's frames are of epochs that we have no keys of,
/// milliseconds, until it is apart. A member whose socket is lost, or ours,
/// may follow the log again after a minute, and counts as gone afterwards.
pub const OUT_OF_STEP_MS: u64 = 70_000;

/// Fewer frames than this prove nothing, however long they take to come.
const FRAMES: u32 = 10;

/// Failures further apart than this, milliseconds, are not of one run: what
/// failed before a member fell silent says nothing about now.
const GAP_MS: u64 = 5_000;

/// Why a frame of a member did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Its tag does not verify under our keys of its epoch.
    Unverified,
    /// We hold no keys of its epoch.
    OutOfStep,
}

/// Frames that failed in a row.
#[derive(Debug, Clone, Copy)]
struct Run {
    since_ms: u64,
    last_ms: u64,
    frames: u32,
}

/// A member of whom the last frame did not open.
struct Suspect {
    participant: ParticipantId,
    unverified: Option<Run>,
    out_of_step: Option<Run>,
}

/// Whom we hear and do not understand.
#[derive(Default)]
pub(crate) struct Split {
    /// At most one for each member of the roster.
    suspects: Vec<Suspect>,
    apart: Vec<ParticipantId>,
    /// Those of them who have proven it: no frame proves otherwise.
    forked: Vec<ParticipantId>,
}

impl Split {
    /// Those who are apart from us, in the order in which that was noticed.
    pub(crate) fn apart(&self) -> &[ParticipantId] {
        &self.apart
    }

    /// A frame of a member opened: whatever failed before was not theirs.
    pub(crate) fn opened(&mut self, participant: ParticipantId) {
        if self.suspects.is_empty() {
            return;
        }
        self.suspects.retain(|s| s.participant != participant);
        let forked = &self.forked;
        self.apart
            .retain(|apart| *apart != participant || forked.contains(apart));
    }

    /// A frame under the key id of a member of the present roster failed.
    pub(crate) fn failed(&mut self, participant: ParticipantId, why: Failure, now_ms: u64) {
        let at = self
            .suspects
            .iter()
            .position(|suspect| suspect.participant == participant);
        let at = at.unwrap_or_else(|| {
            self.suspects.push(Suspect {
                participant,
                unverified: None,
                out_of_step: None,
            });
            self.suspects.len() - 1
        });
        let Some(suspect) = self.suspects.get_mut(at) else {
            return;
        };
        let (run, patience) = match why {
            Failure::Unverified => (&mut suspect.unverified, SPLIT_MS),
            Failure::OutOfStep => (&mut suspect.out_of_step, OUT_OF_STEP_MS),
        };
        let begins = Run {
            since_ms: now_ms,
            last_ms: now_ms,
            frames: 0,
        };
        let run = run.get_or_insert(begins);
        if now_ms.saturating_sub(run.last_ms) > GAP_MS {
            *run = begins;
        }
        run.last_ms = now_ms;
        run.frames = run.frames.saturating_add(1);
        let long = now_ms.saturating_sub(run.since_ms) >= patience;
        if long && run.frames >= FRAMES && !self.apart.contains(&participant) {
            self.apart.push(participant);
        }
    }

    /// A member that knocks again has signed a history that is not ours.
    pub(crate) fn forked(&mut self, participant: ParticipantId) {
        for list in [&mut self.apart, &mut self.forked] {
            if !list.contains(&participant) {
                list.push(participant);
            }
        }
    }

    /// Forgets whoever is no member any more.
    pub(crate) fn keep(&mut self, roster: &[Member]) {
        let stays = |who: ParticipantId| roster.iter().any(|member| member.participant == who);
        self.suspects.retain(|suspect| stays(suspect.participant));
        self.apart.retain(|apart| stays(*apart));
        self.forked.retain(|forked| stays(*forked));
    }
}
