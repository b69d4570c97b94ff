//! What an organisation says of a device of its people, for how long, and for
//! which stay in a call.

use super::account::is_text;
use super::call::Call;
use super::effect::{Change, Effect};
use super::room::Room;
use super::stay::Stay;
use super::{Digest, Millis};
use conclave_wire::client::Reason;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, DeviceId, ParticipantId, TenantId};
use std::time::Duration;

/// How long a certificate is good: as long as a session at most lasts. Shorter
/// has to be renewed in every long call; longer is worth more to who steals it.
pub const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// How far the clock of who verifies may be behind.
pub const DRIFT: Duration = Duration::from_secs(60 * 60);

/// Longest marking of a room, characters.
const MAX_MARKING: usize = 32;

/// What a proof of possession begins with.
const PROOF: &[u8] = b"conclave 1 device certificate";

/// Whose device it is, and for which stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The organisation.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// The stay.
    pub participant: ParticipantId,
}

impl Subject {
    /// What a certificate names it by.
    pub fn uri(&self) -> String {
        let Self {
            tenant,
            account,
            device,
            participant,
        } = self;
        format!("conclave:{tenant}/{account}/{device}/{participant}")
    }

    /// What has to be signed with a key to prove that this device holds it, for
    /// this stay.
    pub fn proves(&self, key: &[u8]) -> Vec<u8> {
        let Self {
            account,
            device,
            participant,
            ..
        } = self;
        [PROOF, &account.0, &device.0, &participant.0, key].concat()
    }
}

/// Whether a room's calls can be marked so.
pub fn is_marking(text: &str) -> bool {
    is_text(text, MAX_MARKING) && text.trim() == text
}

/// When a certificate issued now ends, to the second, as certificates say it.
pub fn ends(now: Millis) -> Millis {
    let end = now + LIFETIME;
    Millis(end.0 - end.0 % 1000)
}

impl Room {
    /// Binds a stay to the device that it gets a certificate for: what ends the
    /// device ends the stay. A certificate that is renewed changes nothing.
    ///
    /// # Errors
    /// [`Code::Gone`] when there is no such stay, or the token is another's;
    /// [`Code::OtherDevice`] when it is bound to another: that one's end would
    /// leave the stay, and its certificate, in the call; [`Code::Forbidden`] when
    /// a host has removed the device from the call that runs.
    pub(super) fn certify(
        &mut self,
        (participant, token): (ParticipantId, Digest),
        device: DeviceId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        let stay = self.stays.get_mut(&participant);
        let stay = stay.filter(|stay| stay.token == token);
        let stay = stay.ok_or(Code::Gone)?;
        let banned = |call: &Call| call.banned.contains(&device);
        if self.call.as_ref().is_some_and(banned) {
            return Err(Code::Forbidden);
        }
        match stay.device {
            Some(bound) if bound == device => {}
            Some(_) => return Err(Code::OtherDevice),
            None => {
                stay.device = Some(device);
                out.push(Effect::Store(Change::Certified {
                    participant,
                    device,
                }));
            }
        }
        Ok(())
    }

    /// Whether a stay may take part in calls here: in a marked room, and as a host
    /// where hosts log in, if it has a certificate. Which one, and whether the
    /// marking holds, is for the members to say, who see it.
    ///
    /// # Errors
    /// [`Code::CertificateNeeded`].
    pub(super) fn may_take_part(&self, stay: &Stay) -> Result<(), Code> {
        match self.lacks_certificate(stay) {
            true => Err(Code::CertificateNeeded),
            false => Ok(()),
        }
    }

    /// Whether a stay needs a certificate here and has none.
    pub(super) fn lacks_certificate(&self, stay: &Stay) -> bool {
        let needed = self.marking.is_some() || (stay.host && self.hosts_log_in);
        needed && stay.device.is_none()
    }

    /// Ends the stays that are bound to a device.
    pub(super) fn end_device(&mut self, device: DeviceId, out: &mut Vec<Effect>) {
        let is_one = |stay: &Stay| stay.device == Some(device);
        self.throw_out(is_one, Reason::DeviceRevoked, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_for_one_device_and_stay_proves_nothing_for_another() {
        let subject = Subject {
            tenant: TenantId([1; 16]),
            account: AccountId([2; 16]),
            device: DeviceId([3; 16]),
            participant: ParticipantId([5; 16]),
        };
        let own = subject.proves(&[7; 32]);
        let device = DeviceId([4; 16]);
        let account = AccountId([4; 16]);
        let participant = ParticipantId([4; 16]);
        for other in [
            Subject { device, ..subject },
            Subject { account, ..subject },
            Subject {
                participant,
                ..subject
            },
        ] {
            assert_ne!(other.proves(&[7; 32]), own);
        }
        assert_ne!(subject.proves(&[8; 32]), own);
    }

    #[test]
    fn a_certificate_ends_with_a_whole_second() {
        assert_eq!(
            ends(Millis(1_999)),
            Millis(LIFETIME.as_millis() as u64 + 1_000)
        );
    }
}
