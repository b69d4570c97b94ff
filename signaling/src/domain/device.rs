//! What an organisation says of a device of its people, and for how long.

use super::Millis;
use conclave_wire::id::{AccountId, DeviceId, TenantId};
use std::time::Duration;

/// How long a certificate is good: as long as a session at most lasts. Shorter
/// has to be renewed in every long call; longer is worth more to who steals it.
pub const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// How far the clock of who verifies may be behind.
pub const DRIFT: Duration = Duration::from_secs(60 * 60);

/// What a proof of possession begins with.
const PROOF: &[u8] = b"conclave 1 device certificate";

/// Whose device it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The organisation.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
}

impl Subject {
    /// What a certificate names it by.
    pub fn uri(&self) -> String {
        let Self {
            tenant,
            account,
            device,
        } = self;
        format!("conclave:{tenant}/{account}/{device}")
    }

    /// What has to be signed with a key to prove that this device holds it.
    pub fn proves(&self, key: &[u8]) -> Vec<u8> {
        [PROOF, &self.account.0, &self.device.0, key].concat()
    }
}

/// When a certificate issued now ends, to the second, as certificates say it.
pub fn ends(now: Millis) -> Millis {
    let end = now + LIFETIME;
    Millis(end.0 - end.0 % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_for_one_device_proves_nothing_for_another() {
        let subject = Subject {
            tenant: TenantId([1; 16]),
            account: AccountId([2; 16]),
            device: DeviceId([3; 16]),
        };
        let own = subject.proves(&[7; 32]);
        let device = DeviceId([4; 16]);
        let account = AccountId([4; 16]);
        for other in [
            Subject { device, ..subject },
            Subject { account, ..subject },
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
