//! What is done for the room by those who may, besides letting people in. That
//! they may was asked before, of the table of roles.

use super::effect::{Change, Effect};
use super::role::{self, InCall, When};
use super::room::{Room, send};
use super::stay::Stay;
use conclave_wire::account::Role;
use conclave_wire::client::ServerFrame;
use conclave_wire::code::Code;
use conclave_wire::http::Sharing;
use conclave_wire::id::ParticipantId;

impl Room {
    /// In which role somebody is here. Whoever gave them a guest's link, or
    /// invited them to a consultation, meant a guest.
    fn role_of(&self, stay: &Stay) -> Role {
        if stay.host && !self.lacks_certificate(stay) {
            Role::Host
        } else if stay.presenter {
            Role::Presenter
        } else if stay.guest_link.is_some() || self.people.is_some() {
            Role::Guest
        } else {
            Role::Member
        }
    }

    /// Whether somebody may do something here, as the table of roles says.
    ///
    /// # Errors
    /// [`Code::Forbidden`] if not; [`Code::CertificateNeeded`] if the host key is
    /// not enough for it.
    pub(super) fn may(&self, stay: &Stay, action: InCall) -> Result<(), Code> {
        let allowed = match role::in_call(self.role_of(stay), action) {
            When::Always => true,
            When::NoHost => self.all_may_admit(),
            When::AllShare => self.sharing == Sharing::All,
            When::Never => false,
        };
        let missing = match stay.host && self.lacks_certificate(stay) {
            true => Code::CertificateNeeded,
            false => Code::Forbidden,
        };
        allowed.then_some(()).ok_or(missing)
    }

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
    /// others. Unless their organisation vouches for them: then they are a
    /// colleague. Where hosts log in, who has not is made none.
    pub(super) fn make_host(
        &mut self,
        participant: ParticipantId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let stay = self.stays.get_mut(&participant);
        let stay = stay.filter(|stay| stay.is_member());
        let stay = stay.ok_or(Code::NoSuchParticipant)?;
        let came_as_guest = stay.guest_link.is_some() || self.people.is_some();
        if came_as_guest && stay.device.is_none() {
            return Err(Code::Forbidden);
        }
        if self.hosts_log_in && stay.device.is_none() {
            return Err(Code::CertificateNeeded);
        }
        if !stay.host {
            stay.host = true;
            out.push(Effect::Store(Change::HostMade { participant }));
        }
        Ok(())
    }

    pub(super) fn make_presenter(
        &mut self,
        participant: ParticipantId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let stay = self.stays.get_mut(&participant);
        let stay = stay.filter(|stay| stay.is_member());
        let stay = stay.ok_or(Code::NoSuchParticipant)?;
        if !stay.presenter {
            stay.presenter = true;
            out.push(Effect::Store(Change::PresenterMade { participant }));
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
