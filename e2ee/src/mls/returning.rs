//! Coming back: a member that cannot follow the log any more knocks again, and
//! another member puts a fresh leaf in the place of the one it has.
//!
//! The KeyPackage of such a knock carries a claim, and so the member's signature:
//!
//! ```text
//! extension 0xF0A2 = epoch (8) ‖ head (32)
//! head = MLS-Exporter("conclave 1 head", "", 32), the epoch being the last one the member was in
//! ```
//!
//! A head depends on every commit up to its epoch. Members remember those of the
//! epochs they were in, so that whoever was in that epoch too can tell a member
//! that fell behind from one that was led astray: the log is a chain of hashes,
//! and a claim names a link of it. A claim is good once, until its member was
//! added again.

use super::knock::VerifiedKnock;
use crate::error::{Error, Misuse, PeerMisbehaved};
use crate::identity::ParticipantId;
use openmls::prelude::{
    Extension, ExtensionType, Extensions, InvalidExtensionError, KeyPackage, UnknownExtension,
};
use std::collections::VecDeque;
use zeroize::Zeroizing;

/// Label under which the head of every epoch is exported.
pub(crate) const HEAD_LABEL: &str = "conclave 1 head";
/// Bytes of a head.
pub(crate) const HEAD_LEN: usize = 32;

/// The extension type of a claim, of the private range (RFC 9420 section 17.3).
/// Every leaf's capabilities list it.
pub(crate) const RETURNS: u16 = 0xF0A2;

/// Epochs a member can vouch for, as many as the delivery service keeps entries
/// of the log. More lets a member come back that fell further behind; each takes
/// about 60 bytes.
const MAX_EPOCHS: usize = 4_096;

/// What stands for a group's history up to an epoch. Only equality matters, and
/// the server may know it: nothing else is derived from it.
pub(crate) type Head = [u8; HEAD_LEN];

/// Where a member says that it was last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) epoch: u64,
    pub(crate) head: Head,
}

/// A knock by which a member comes back, and of which we can say that it does:
/// same name, same signature key, same history up to where it was last.
#[derive(Debug, Clone)]
pub struct VerifiedReturn {
    pub(crate) knock: VerifiedKnock,
    pub(crate) claim: Claim,
}

impl VerifiedReturn {
    /// Who comes back.
    pub fn participant(&self) -> ParticipantId {
        self.knock.participant()
    }
}

impl Claim {
    /// The claim as extension of a KeyPackage.
    pub(crate) fn extensions(&self) -> Result<Extensions<KeyPackage>, InvalidExtensionError> {
        let data = [&self.epoch.to_be_bytes()[..], &self.head].concat();
        Extensions::single(Extension::Unknown(RETURNS, UnknownExtension(data)))
    }

    /// The claim of a KeyPackage, if it makes one.
    pub(crate) fn of(key_package: &KeyPackage) -> Option<Self> {
        let data = key_package
            .extensions()
            .iter()
            .find_map(|extension| match extension {
                Extension::Unknown(RETURNS, UnknownExtension(data)) => Some(data),
                _ => None,
            })?;
        let (epoch, head) = data.split_first_chunk::<8>()?;
        Some(Self {
            epoch: u64::from_be_bytes(*epoch),
            head: head.try_into().ok()?,
        })
    }
}

/// Whether a KeyPackage is for coming back, well-formed or not.
pub(crate) fn returns(key_package: &KeyPackage) -> bool {
    key_package
        .extensions()
        .contains(ExtensionType::Unknown(RETURNS))
}

/// An epoch we were in.
struct Past {
    head: Head,
    /// Whom the commit that led to it added.
    added: Vec<ParticipantId>,
}

/// The epochs we were in, without a hole.
pub(crate) struct History {
    /// The oldest that is kept.
    first: u64,
    epochs: VecDeque<Past>,
}

impl History {
    /// A history that begins with the epoch we came in with.
    pub(crate) fn begin(epoch: u64, head: Head) -> Self {
        let mut history = Self {
            first: epoch,
            epochs: VecDeque::new(),
        };
        history.goes_on(head, Vec::new());
        history
    }

    /// The next epoch, and whom it added.
    pub(crate) fn goes_on(&mut self, head: Head, added: Vec<ParticipantId>) {
        if self.epochs.len() >= MAX_EPOCHS {
            self.epochs.pop_front();
            self.first += 1;
        }
        self.epochs.push_back(Past { head, added });
    }

    /// Where we are.
    pub(crate) fn claim(&self) -> Option<Claim> {
        let newest = self.epochs.back()?;
        Some(Claim {
            epoch: self.first + self.epochs.len() as u64 - 1,
            head: newest.head,
        })
    }

    /// Whether a member that claims this was with us then, and has not come back since.
    ///
    /// # Errors
    /// [`Misuse::CannotVouch`] if we were not in that epoch;
    /// [`PeerMisbehaved::Forked`], [`PeerMisbehaved::StaleReturn`].
    pub(crate) fn vouch(&self, participant: ParticipantId, claim: &Claim) -> Result<(), Error> {
        let at = claim.epoch.checked_sub(self.first);
        let at = at.and_then(|at| usize::try_from(at).ok());
        let Some((at, then)) = at.and_then(|at| Some((at, self.epochs.get(at)?))) else {
            return Err(Misuse::CannotVouch.into());
        };
        if then.head != claim.head {
            return Err(PeerMisbehaved::Forked.into());
        }
        let mut since = self.epochs.iter().skip(at + 1);
        match since.any(|past| past.added.contains(&participant)) {
            true => Err(PeerMisbehaved::StaleReturn.into()),
            false => Ok(()),
        }
    }
}

/// The head in an exported secret.
pub(crate) fn head(exported: &Zeroizing<Vec<u8>>) -> Result<Head, Error> {
    exported[..].try_into().map_err(|_| Error::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEN: ParticipantId = ParticipantId([2; 16]);

    fn head_of(epoch: u64) -> Head {
        [epoch as u8; HEAD_LEN]
    }

    fn claim(epoch: u64) -> Claim {
        let head = head_of(epoch);
        Claim { epoch, head }
    }

    #[test]
    fn a_claim_holds_until_its_member_was_added_again() {
        let mut history = History::begin(3, head_of(3));
        for epoch in 4..7 {
            history.goes_on(head_of(epoch), vec![]);
        }
        assert_eq!(history.claim(), Some(claim(6)));
        assert_eq!(history.vouch(BEN, &claim(4)), Ok(()));
        history.goes_on(head_of(7), vec![BEN]);
        let stale = Err(PeerMisbehaved::StaleReturn.into());
        assert_eq!(history.vouch(BEN, &claim(4)), stale);
        assert_eq!(
            history.vouch(BEN, &claim(7)),
            Ok(()),
            "and falls behind again"
        );
    }

    #[test]
    fn nobody_vouches_for_an_epoch_they_were_not_in() {
        let mut history = History::begin(3, head_of(3));
        for epoch in [0, 2, 4, u64::MAX] {
            let unknown = Err(Misuse::CannotVouch.into());
            assert_eq!(history.vouch(BEN, &claim(epoch)), unknown, "{epoch}");
        }
        for epoch in 4..10_000 {
            history.goes_on(head_of(epoch), vec![]);
        }
        assert_eq!(history.epochs.len(), MAX_EPOCHS);
        assert_eq!(
            history.vouch(BEN, &claim(10_000 - MAX_EPOCHS as u64)),
            Ok(())
        );
        let unknown = Err(Misuse::CannotVouch.into());
        assert_eq!(
            history.vouch(BEN, &claim(9_999 - MAX_EPOCHS as u64)),
            unknown
        );
    }

    #[test]
    fn another_head_is_a_fork() {
        let history = History::begin(3, head_of(3));
        let other = Claim {
            epoch: 3,
            head: head_of(4),
        };
        let forked = Err(PeerMisbehaved::Forked.into());
        assert_eq!(history.vouch(BEN, &other), forked);
    }
}
