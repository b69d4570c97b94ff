//! Members that cannot follow the log any more: they knock again, and any other
//! member replaces their leaf by one commit. They stay members all the time
//! (`docs/protocol.md` section 3.9).

use super::effect::{Change, Effect, Millis};
use super::request::Commit;
use super::room::Room;
use super::stay::{Knock, Link, Place, Stay};
use crate::config;
use conclave_wire::client::{KnockNotice, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::id::ParticipantId;

/// The members that knock again, as they were last told, and how often that
/// has changed.
#[derive(Debug, Default)]
pub(super) struct Resyncs {
    knocks: Vec<(ParticipantId, Knock)>,
    version: u64,
}

impl Room {
    /// A member knocks again.
    pub(super) fn knock_again(
        &mut self,
        now: Millis,
        sender: ParticipantId,
        mut knock: Knock,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let knocking = |stay: &&Stay| stay.knocks_again().is_some();
        let others = self.stays.values().filter(knocking).count();
        let stay = self.stays.get_mut(&sender).ok_or(Code::Gone)?;
        let Place::Member { again, .. } = &mut stay.place else {
            return Err(Code::Forbidden);
        };
        match again {
            Some(earlier) => {
                knock.since = earlier.since;
                if *earlier == knock {
                    return Ok(());
                }
            }
            None if others >= config::MAX_KNOCKS => return Err(Code::Full),
            None => {}
        }
        stay.resyncs
            .retain(|at| now.since(*at) < config::RESYNC_SPAN);
        if stay.resyncs.len() >= config::MAX_RESYNCS {
            return Err(Code::TooMany);
        }
        stay.resyncs.push(now);
        *again = Some(knock.clone());
        out.push(Effect::Store(Change::Knocked {
            participant: sender,
            knock,
        }));
        Ok(())
    }

    /// Whether a commit adds whom it removes, and nobody else: all of them
    /// members that knock again. Any other member may commit that.
    ///
    /// # Errors
    /// [`Code::NoSuchParticipant`] if it looks like one, and somebody in it
    /// does not knock again; [`Code::Forbidden`] to a member for itself.
    pub(super) fn is_resync(&self, sender: ParticipantId, commit: &Commit) -> Result<bool, Code> {
        if commit.adds.is_empty() || commit.adds != commit.removes {
            return Ok(false);
        }
        let again = |who| {
            let stay: Option<&Stay> = self.stays.get(who);
            stay.is_some_and(|stay| stay.knocks_again().is_some())
        };
        if !commit.adds.iter().all(again) {
            return Err(Code::NoSuchParticipant);
        }
        match commit.adds.contains(&sender) {
            true => Err(Code::Forbidden),
            false => Ok(true),
        }
    }

    /// A member's leaf was replaced: their log begins anew with entry `first`.
    pub(super) fn rejoin(
        &mut self,
        now: Millis,
        participant: ParticipantId,
        first: u32,
        out: &mut Vec<Effect>,
    ) {
        let Some(stay) = self.stays.get_mut(&participant) else {
            return;
        };
        stay.place = Place::Member { first, again: None };
        if let Link::Lost(until) = &mut stay.link {
            *until = now + stay.place.grace();
        }
        out.push(Effect::Store(Change::Joined { participant, first }));
    }

    /// Tells members who of them knocks again.
    pub(super) fn settle_resyncs(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let mut knocks: Vec<(ParticipantId, Knock)> = self
            .stays
            .iter()
            .filter_map(|(participant, stay)| Some((*participant, stay.knocks_again()?.clone())))
            .collect();
        knocks.sort_by_key(|(_, knock)| knock.since);
        if knocks != self.resyncs.knocks {
            self.resyncs.knocks = knocks;
            self.resyncs.version += 1;
        }
        let version = self.resyncs.version;
        let none = self.resyncs.knocks.is_empty();
        let members = self.stays.values_mut().filter(|stay| stay.is_member());
        let to: Vec<_> = members
            .filter(|stay| stay.told.resyncs != version)
            .filter_map(|stay| {
                let connection = stay.connection()?;
                let before = std::mem::replace(&mut stay.told.resyncs, version);
                // Who was told of none need not be told that there are none.
                (before != 0 || !none).then_some(connection)
            })
            .collect();
        if to.is_empty() {
            return;
        }
        let notice = |(participant, knock): &(ParticipantId, Knock)| KnockNotice {
            participant: *participant,
            key_package: knock.key_package.clone(),
            tag: knock.tag.clone(),
            waiting_seconds: u32::try_from(now.since(knock.since).as_secs()).unwrap_or(u32::MAX),
            devices: None,
        };
        let knocks = self.resyncs.knocks.iter().map(notice).collect();
        let frame = ServerFrame::Resyncs { knocks };
        out.push(Effect::Send { to, frame });
    }
}
