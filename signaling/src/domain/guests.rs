//! By what guests come into a room: by one link that is the room's own, or each
//! by a link of theirs. Not by both: who has a link knows the room's secret, and
//! would come by the room's own whenever theirs is closed.

use super::effect::{Change, Effect, Millis};
use super::link::{GuestLink, MAX_AHEAD};
use super::password::{Door, Tries};
use super::room::{Room, tell_over};
use super::stay::Stay;
use crate::config::{MAX_BANNED, MAX_LINKS};
use conclave_wire::client::Reason;
use conclave_wire::code::Code;
use conclave_wire::http::Consent;
use conclave_wire::id::{LinkId, ParticipantId};
use std::collections::BTreeMap;

/// How guests come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guests {
    /// All by the room's own link.
    Open,
    /// Each by one of these.
    ByLink(BTreeMap<LinkId, GuestLink>),
}

impl Guests {
    /// The door of a guest who names a link, or none.
    ///
    /// # Errors
    /// The code that says why it is closed.
    pub fn door(&self, now: Millis, link: Option<LinkId>) -> Result<Door, Code> {
        match (self, link) {
            (Self::Open, None) => Ok(Door::Guest),
            (Self::Open, Some(_)) => Err(Code::NoSuchLink),
            (Self::ByLink(_), None) => Err(Code::LinkNeeded),
            (Self::ByLink(links), Some(id)) => {
                links.get(&id).ok_or(Code::NoSuchLink)?.opens(now)?;
                Ok(Door::Link(id))
            }
        }
    }

    /// One of the guests' links.
    ///
    /// # Errors
    /// [`Code::NoSuchLink`].
    fn link(&mut self, id: LinkId) -> Result<&mut GuestLink, Code> {
        match self {
            Self::Open => None,
            Self::ByLink(links) => links.get_mut(&id),
        }
        .ok_or(Code::NoSuchLink)
    }

    /// The tries by a guest's link.
    pub fn tries(&mut self, id: LinkId) -> Option<&mut Tries> {
        self.link(id).ok().map(|link| &mut link.tries)
    }

    /// The guests' links, by their identifiers.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, &GuestLink)> {
        match self {
            Self::Open => None,
            Self::ByLink(links) => Some(links),
        }
        .into_iter()
        .flatten()
        .map(|(id, link)| (*id, link))
    }
}

impl Room {
    pub(super) fn make_link(
        &mut self,
        now: Millis,
        (id, link): (LinkId, GuestLink),
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let Guests::ByLink(links) = &mut self.guests else {
            return Err(Code::NotScheduled);
        };
        if now >= link.slot.until() {
            return Err(Code::BadMessage);
        }
        if link.slot.from().since(now) > MAX_AHEAD {
            return Err(Code::SlotTooFar);
        }
        if links.len() >= MAX_LINKS {
            return Err(Code::Full);
        }
        links.insert(id, link);
        out.push(Effect::Store(Change::LinkMade { id, link }));
        Ok(())
    }

    /// Forgets the links that were over by then.
    pub(super) fn forget_links(&mut self, over: Millis, out: &mut Vec<Effect>) {
        let Guests::ByLink(links) = &mut self.guests else {
            return;
        };
        links.retain(|id, link| {
            let forgotten = link.was_over(over);
            if forgotten {
                out.push(Effect::Store(Change::LinkForgotten { id: *id }));
            }
            !forgotten
        });
    }

    pub(super) fn revoke_link(&mut self, id: LinkId, out: &mut Vec<Effect>) -> Result<(), Code> {
        let link = self.guests.link(id)?;
        if link.revoke() {
            let stage = link.stage;
            out.push(Effect::Store(Change::LinkStaged { id, stage }));
        }
        self.throw_out(|stay| stay.guest_link == Some(id), Reason::Revoked, out);
        Ok(())
    }

    pub(super) fn hand_out_link(
        &mut self,
        now: Millis,
        id: LinkId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let link = self.guests.link(id)?;
        if link.hand_out(now)? {
            let stage = link.stage;
            out.push(Effect::Store(Change::LinkStaged { id, stage }));
        }
        Ok(())
    }

    pub(super) fn consent_to_link(
        &mut self,
        now: Millis,
        (id, consent): (LinkId, Consent),
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let link = self.guests.link(id)?;
        if link.consent(now, consent)? {
            let stage = link.stage;
            out.push(Effect::Store(Change::LinkConsented { id, consent }));
            out.push(Effect::Store(Change::LinkStaged { id, stage }));
        }
        Ok(())
    }

    pub(super) fn withdraw_consent(
        &mut self,
        id: LinkId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let link = self.guests.link(id)?;
        if link.withdraw()? {
            let stage = link.stage;
            out.push(Effect::Store(Change::LinkStaged { id, stage }));
        }
        self.throw_out(|stay| stay.guest_link == Some(id), Reason::Withdrawn, out);
        Ok(())
    }

    /// Ends all stays of which that is so, as those that began by a link.
    pub(super) fn throw_out(
        &mut self,
        is_one: impl Fn(&Stay) -> bool,
        reason: Reason,
        out: &mut Vec<Effect>,
    ) {
        let ones: Vec<ParticipantId> = self
            .stays
            .iter()
            .filter(|(_, stay)| is_one(stay))
            .map(|(participant, _)| *participant)
            .collect();
        for participant in ones {
            let connection = self.stays.get(&participant);
            let connection = connection.and_then(|stay| stay.connection());
            // Out of the media before anybody is told; a member then commits
            // the removal.
            self.depart(participant, out);
            if let Some(connection) = connection {
                tell_over(connection, reason, out);
            }
        }
    }

    /// Closes the link of one who is thrown out, so that they do not come back
    /// by it; others who came by it stay. Where all come by the room's own
    /// link, the lobby and the lock are what keeps somebody out.
    pub(super) fn close_link_of(&mut self, participant: ParticipantId, out: &mut Vec<Effect>) {
        let stay = self.stays.get(&participant);
        let (device, link) = stay.map_or((None, None), |stay| (stay.device, stay.guest_link));
        if let (Some(device), Some(call)) = (device, &mut self.call)
            && call.banned.len() < MAX_BANNED
        {
            call.banned.insert(device);
        }
        if let Some(id) = link {
            self.stage_links(out, |of, link| of == id && link.revoke());
        }
    }

    /// Notes that somebody was let into the call by a link.
    pub(super) fn let_in_by(&mut self, id: LinkId, out: &mut Vec<Effect>) {
        self.stage_links(out, |of, link| of == id && link.let_in());
    }

    /// Notes that the call has ended.
    pub(super) fn end_links(&mut self, out: &mut Vec<Effect>) {
        self.stage_links(out, |_, link| link.call_ended());
    }

    fn stage_links(
        &mut self,
        out: &mut Vec<Effect>,
        changes: impl Fn(LinkId, &mut GuestLink) -> bool,
    ) {
        let Guests::ByLink(links) = &mut self.guests else {
            return;
        };
        for (id, link) in links {
            if changes(*id, link) {
                let (id, stage) = (*id, link.stage);
                out.push(Effect::Store(Change::LinkStaged { id, stage }));
            }
        }
    }
}
