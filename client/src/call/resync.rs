//! Falling behind the log and coming back without leaving
//! (`docs/protocol.md` section 3.9): what we do when entries are missing, and
//! our part in bringing others back.

use super::{Call, CallError, Event, KnockNotice, Leaf, LogEntry, LogEvent, Request};
use crate::stay::Tag;
use conclave_e2ee::{Error, PeerMisbehaved, Pending, Session, VerifiedReturn};
use conclave_wire::id::{Blob, ParticipantId};
use std::collections::{BTreeMap, BTreeSet};

/// How often we fall behind within [`SPAN_MS`] at most. Once more, and the call
/// ends for us: a server that keeps something back does it again.
const MOST: usize = 3;

/// The span of [`MOST`], milliseconds.
const SPAN_MS: u64 = 60_000;

/// How long we wait to be brought back, milliseconds. With fifty members the
/// last one's turn comes after 20 s.
const PATIENCE_MS: u64 = 30_000;

/// Who is behind, we among them.
#[derive(Default)]
pub(super) struct Resync {
    own: Option<Own>,
    /// When we fell behind, lately.
    fell: Vec<u64>,
    /// Members that knock again; only such as are in the tree.
    others: BTreeMap<ParticipantId, Other>,
    /// Those of them whom it is our turn to bring back.
    turn: BTreeSet<ParticipantId>,
}

/// Our own knock.
struct Own {
    tag: Tag,
    until_ms: u64,
}

struct Other {
    notice: KnockNotice,
    since_ms: u64,
    verdict: Verdict,
}

enum Verdict {
    /// We cannot tell, or not yet.
    Open,
    Proven(Box<VerifiedReturn>),
    Refused,
}

impl Resync {
    pub(super) fn is_behind(&self) -> bool {
        self.own.is_some()
    }

    pub(super) fn is_knock(&self, tag: Tag) -> bool {
        self.own.as_ref().is_some_and(|own| own.tag == tag)
    }

    /// When we wait no longer to be brought back.
    pub(super) fn gives_up(&self) -> Option<u64> {
        self.own.as_ref().map(|own| own.until_ms)
    }

    /// Whether a member has proven that it is behind.
    pub(super) fn is_proven(&self, participant: ParticipantId) -> bool {
        let other = self.others.get(&participant);
        other.is_some_and(|other| matches!(other.verdict, Verdict::Proven(_)))
    }

    /// A member is back.
    pub(super) fn returned(&mut self, participant: ParticipantId) {
        self.others.remove(&participant);
        self.turn.remove(&participant);
    }

    /// The commit that was to bring a member back was refused.
    pub(super) fn give_up(&mut self, participant: ParticipantId) {
        self.turn.remove(&participant);
        if let Some(other) = self.others.get_mut(&participant) {
            other.verdict = Verdict::Refused;
        }
    }

    /// The commit that brings a member back, if it is our turn with one.
    pub(super) fn readmit(&mut self, session: &mut Session) -> Option<(ParticipantId, Pending)> {
        while let Some(who) = self.turn.first().copied() {
            let other = self.others.get(&who);
            if let Some(Verdict::Proven(returning)) = other.map(|other| &other.verdict)
                && let Ok(pending) = session.readmit(returning)
            {
                return Some((who, pending));
            }
            // Somebody else was quicker, or they are gone.
            self.give_up(who);
        }
        None
    }
}

impl Call {
    /// Whether the log has gone on without us.
    pub fn is_behind(&self) -> bool {
        self.resync.is_behind()
    }

    /// The log cannot be followed any more: knocks again, unless that has
    /// happened too often; then `why` ends the call.
    pub(super) fn fall_behind(&mut self, now_ms: u64, why: CallError) -> Result<(), CallError> {
        self.drop_commit();
        let fell = &mut self.resync.fell;
        fell.retain(|at| now_ms.saturating_sub(*at) < SPAN_MS);
        let Some(session) = self.session.as_mut().filter(|_| fell.len() < MOST) else {
            return Err(why);
        };
        fell.push(now_ms);
        let knock = session.resync(now_ms)?;
        let tag = self.ask(Request::Knock {
            key_package: Blob(knock.key_package),
            tag: Blob(knock.tag.to_vec()),
        });
        let until_ms = now_ms.saturating_add(PATIENCE_MS);
        self.resync.own = Some(Own { tag, until_ms });
        self.resync.turn.clear();
        self.interrupted();
        self.event(Event::Behind);
        Ok(())
    }

    /// Until we are back only the entry counts that brings us back.
    pub(super) fn entry_while_behind(
        &mut self,
        entry: LogEntry,
        now_ms: u64,
    ) -> Result<(), CallError> {
        self.applied = entry.seq;
        match (entry.event, self.participant()) {
            (
                LogEvent::Commit {
                    adds,
                    welcome: Some(welcome),
                    ..
                },
                Some(me),
            ) if adds.contains(&me) => self.come_back(&welcome.0, now_ms),
            _ => Ok(()),
        }
    }

    fn come_back(&mut self, welcome: &[u8], now_ms: u64) -> Result<(), CallError> {
        let before = self.members().to_vec();
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        session.join(welcome)?;
        let epoch = session.epoch()?;
        session.activate(epoch, now_ms)?;
        self.resync.own = None;
        let after = self.members().to_vec();
        let id = |leaf: &Leaf| ParticipantId(leaf.participant.0);
        let inside: BTreeSet<ParticipantId> = after.iter().map(id).collect();
        self.departed.retain(|who, _| inside.contains(who));
        self.removing.retain(|who| inside.contains(who));
        self.admitting.retain(|who| !inside.contains(who));
        self.resync.others.retain(|who, _| inside.contains(who));
        self.early = self.early.filter(|early| *early > epoch);
        self.renewing = false;
        self.renewed(now_ms);
        self.event(Event::Epoch {
            epoch,
            joined: those_without(&after, &before),
            left: those_without(&before, &after),
        });
        self.event(Event::Activated { epoch });
        self.event(Event::CaughtUp { epoch });
        self.ready(epoch);
        self.judge_returns();
        Ok(())
    }

    /// The server says which members knock again.
    pub(super) fn take_resyncs(&mut self, notices: Vec<KnockNotice>, now_ms: u64) {
        let me = self.participant();
        let mut before = std::mem::take(&mut self.resync.others);
        for notice in notices {
            let participant = notice.participant;
            let members = self.members();
            let inside = members.iter().any(|m| m.participant.0 == participant.0);
            if Some(participant) == me || !inside {
                continue;
            }
            let known = before.remove(&participant).filter(|other| {
                other.notice.key_package == notice.key_package && other.notice.tag == notice.tag
            });
            let other = known.unwrap_or(Other {
                notice,
                since_ms: now_ms,
                verdict: Verdict::Open,
            });
            self.resync.others.insert(participant, other);
        }
        let others = &self.resync.others;
        self.resync.turn.retain(|who| others.contains_key(who));
        self.judge_returns();
    }

    /// Looks at knocks of members that we could not judge before.
    pub(super) fn judge_returns(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        let mut forged = Vec::new();
        for (participant, other) in &mut self.resync.others {
            if !matches!(other.verdict, Verdict::Open) {
                continue;
            }
            let id = conclave_e2ee::ParticipantId(participant.0);
            let (package, tag) = (&other.notice.key_package.0, &other.notice.tag.0);
            other.verdict = match session.verify_return(id, package, tag) {
                Ok(returning) => Verdict::Proven(Box::new(returning)),
                Err(Error::Misuse(_)) => Verdict::Open,
                // The session says itself who is apart.
                Err(Error::Misbehaved(PeerMisbehaved::Forked)) => Verdict::Refused,
                Err(_) => {
                    forged.push(*participant);
                    Verdict::Refused
                }
            };
        }
        for participant in forged {
            self.event(Event::FalseKnock { participant });
        }
    }

    /// When it is our turn to bring back those who knock again.
    pub(super) fn resync_due(&self) -> Option<u64> {
        let resync = &self.resync;
        if resync.is_behind() {
            return None;
        }
        let open = resync.others.iter().filter(|(who, other)| {
            matches!(other.verdict, Verdict::Proven(_)) && !resync.turn.contains(who)
        });
        let since = open.map(|(_, other)| other.since_ms).min()?;
        Some(since + self.turn()?)
    }

    /// It is our turn.
    pub(super) fn bring_back(&mut self) {
        let Resync { others, turn, .. } = &mut self.resync;
        let proven = others
            .iter()
            .filter_map(|(who, other)| match other.verdict {
                Verdict::Proven(_) => Some(*who),
                Verdict::Open | Verdict::Refused => None,
            });
        turn.extend(proven);
        self.commit_next();
    }
}

/// Those of some members who are not among others, with their names.
fn those_without(some: &[Leaf], others: &[Leaf]) -> Vec<(ParticipantId, String)> {
    let news = some
        .iter()
        .filter(|leaf| others.iter().all(|o| o.participant != leaf.participant));
    news.map(|leaf| {
        let name = leaf.name.as_str().to_owned();
        (ParticipantId(leaf.participant.0), name)
    })
    .collect()
}
