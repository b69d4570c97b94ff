//! Falling behind and coming back, for the member itself and for those who
//! bring it back (`returning` module).

use super::{Behind, Phase, Session, tagged};
use crate::error::{Error, Misuse, PeerMisbehaved};
use crate::identity::ParticipantId;
use crate::mls::group::Pending;
use crate::mls::knock::Knock;
use crate::mls::returning::{Claim, VerifiedReturn};

impl Session {
    /// Gives the group up, because its log cannot be followed any more, and
    /// gives the knock to come back with: the same one until a Welcome has
    /// brought us back. Nothing is sealed meanwhile; frames of the last epochs
    /// open for [`RETIRED_MS`](crate::RETIRED_MS) more.
    ///
    /// # Errors
    /// [`Misuse::NotInGroup`], [`Misuse::Ended`].
    pub fn resync(&mut self, now_ms: u64) -> Result<Knock, Error> {
        if let Phase::Inside(inside) = &mut self.phase {
            let roster = inside.roster.clone();
            let left = inside.group.leave_behind(&self.provider)?;
            let bundle = self.own.key_package(&self.provider, Some(&left.claim))?;
            self.epochs.suspend(now_ms);
            self.comparing.end_round();
            self.phase = Phase::Behind(Box::new(Behind {
                left,
                bundle,
                roster,
            }));
        }
        match &self.phase {
            Phase::Behind(behind) => tagged(&self.own, &self.link, &behind.bundle),
            Phase::Ended => Err(Misuse::Ended.into()),
            Phase::Outside(_) | Phase::Inside(_) => Err(Misuse::NotInGroup.into()),
        }
    }

    /// Checks a knock that the server says comes from a member that fell
    /// behind: that it is that member's, that it was with us where it was last,
    /// and that it has not come back since. One whose history is another than
    /// ours is [apart](Self::apart) from now on.
    ///
    /// # Errors
    /// As [`verify_knock`](Self::verify_knock), and
    /// [`PeerMisbehaved::ReturnUnproven`], [`PeerMisbehaved::IdentityChanged`],
    /// [`PeerMisbehaved::Forked`], [`PeerMisbehaved::StaleReturn`];
    /// [`Misuse::CannotVouch`] if we were not there, or not yet;
    /// [`Misuse::UnknownParticipant`], [`Misuse::RemoveSelf`].
    pub fn verify_return(
        &mut self,
        participant: ParticipantId,
        key_package: &[u8],
        tag: &[u8],
    ) -> Result<VerifiedReturn, Error> {
        let knock = self.tagged_knock(participant, key_package, tag)?;
        let claim = Claim::of(&knock.key_package).ok_or(PeerMisbehaved::ReturnUnproven)?;
        let returning = VerifiedReturn { knock, claim };
        let vouched = self.vouch(&returning);
        if vouched == Err(PeerMisbehaved::Forked.into()) {
            self.epochs.forked(participant);
        }
        vouched.map(|()| returning)
    }

    /// Makes the commit that puts a fresh leaf in the place of the one of a
    /// member that fell behind; the old leaf can open nothing afterwards.
    ///
    /// # Errors
    /// As [`verify_return`](Self::verify_return): the group has gone on, perhaps;
    /// those of any commit.
    pub fn readmit(&mut self, returning: &VerifiedReturn) -> Result<Pending, Error> {
        self.vouch(returning)?;
        let old = self.leaf_to_remove(returning.participant())?;
        self.commit_adds(std::slice::from_ref(&returning.knock), vec![old])
    }

    fn vouch(&self, returning: &VerifiedReturn) -> Result<(), Error> {
        let leaf = self.leaf_to_remove(returning.participant())?;
        self.inside()?.group.vouch(leaf, returning)
    }
}
