//! What a host may do for the room, besides letting people in. That the sender
//! is one was asked before.

use super::effect::{Change, Effect};
use super::room::{Room, send};
use super::stay::Stay;
use conclave_wire::client::ServerFrame;
use conclave_wire::code::Code;
use conclave_wire::id::ParticipantId;

impl Room {
    /// Whether nobody but hosts may enter.
    pub(super) fn is_locked(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.locked)
    }

    pub(super) fn lock(&mut self, locked: bool, out: &mut Vec<Effect>) -> Result<(), Code> {
        let call = self.call.as_mut().ok_or(Code::NoCall)?;
        if call.locked != locked {
            call.locked = locked;
            out.push(Effect::Store(Change::RoomLocked { locked }));
        }
        Ok(())
    }

    pub(super) fn mute(
        &mut self,
        by: ParticipantId,
        whom: ParticipantId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let stay = self.stays.get(&whom).filter(|stay| stay.is_member());
        let connection = stay.and_then(Stay::connection);
        let connection = connection.ok_or(Code::NoSuchParticipant)?;
        out.push(send(connection, ServerFrame::Muted { by }));
        Ok(())
    }

    /// Who came by a guest's link stays a guest, and so does every guest of a
    /// consultation: whoever gave them the link meant somebody who is let in by
    /// others.
    pub(super) fn make_host(
        &mut self,
        participant: ParticipantId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let stay = self.stays.get_mut(&participant);
        let stay = stay.filter(|stay| stay.is_member());
        let stay = stay.ok_or(Code::NoSuchParticipant)?;
        if stay.guest_link.is_some() || self.people.is_some() {
            return Err(Code::Forbidden);
        }
        if !stay.host {
            stay.host = true;
            out.push(Effect::Store(Change::HostMade { participant }));
        }
        Ok(())
    }

    pub(super) fn unlock_for_guests(&mut self, out: &mut Vec<Effect>) -> Result<(), Code> {
        self.unlock_guests(out);
        Ok(())
    }

    pub(super) fn end_call_for_all(&mut self, out: &mut Vec<Effect>) -> Result<(), Code> {
        if self.call.is_none() {
            return Err(Code::NoCall);
        }
        self.end_call(out);
        Ok(())
    }
}
