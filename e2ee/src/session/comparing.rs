//! Comparing aloud, and what it proves of each member for as long as their key
//! lasts. What is said goes to all members as MLS application messages of the
//! epoch (RFC 9420 section 6.3.1): the server can neither read nor forge it.

use super::{Phase, Session};
use crate::compare::{self, Allowance, Comparison, MAX_COMPARING, Round};
use crate::error::{Error, Misuse};
use crate::identity::{Member, ParticipantId};
use crate::trust::Trust;
use openmls_traits::OpenMlsProvider;
use openmls_traits::random::OpenMlsRand;
use zeroize::Zeroizing;

/// What the session keeps of rounds; the round itself only for its epoch.
#[derive(Default)]
pub(super) struct Comparing {
    round: Option<Round>,
    /// Our messages of this epoch, at most two, as they were sealed.
    said: Vec<Vec<u8>>,
    allowance: Allowance,
    /// Members that were compared, with the signature keys they had.
    compared: Vec<(ParticipantId, Vec<u8>)>,
}

impl Comparing {
    /// A new epoch: the round and its code are over.
    pub(super) fn end_round(&mut self) {
        self.round = None;
        self.said.clear();
    }
}

impl Session {
    /// Takes part in this epoch's round, beginning it if nobody has; what is
    /// returned is to be posted to all members in its order. To be called
    /// again when [`Session::next_comparison`] says so, or to ask whether
    /// there is anything to post.
    ///
    /// # Errors
    /// [`Misuse::TooManyToCompare`], [`Misuse::NotInGroup`], [`Misuse::Ended`].
    pub fn compare(&mut self, now_ms: u64) -> Result<Vec<Vec<u8>>, Error> {
        let before = self.comparing.said.len();
        match self.inside()?.roster.len() {
            // With nobody there is nothing to compare.
            1 => return Ok(Vec::new()),
            2..=MAX_COMPARING => {}
            _ => return Err(Misuse::TooManyToCompare.into()),
        }
        if self.comparing.round.is_none() {
            self.begin_round(now_ms)?;
        }
        self.reveal_when_due(now_ms)?;
        Ok(self.said_since(before))
    }

    /// Takes what a member's device posted in this epoch; what is returned is
    /// to be posted in turn. After an error nothing has changed: whatever does
    /// not verify may come from anybody and says nothing about a member.
    ///
    /// # Errors
    /// [`PeerMisbehaved`](crate::PeerMisbehaved) if it is no message of another
    /// member in this epoch, or was heard before; those of [`Session::compare`].
    pub fn hear(&mut self, message: &[u8], now_ms: u64) -> Result<Vec<Vec<u8>>, Error> {
        let before = self.comparing.said.len();
        if self.inside()?.roster.len() > MAX_COMPARING {
            return Err(Misuse::TooManyToCompare.into());
        }
        let Phase::Inside(inside) = &mut self.phase else {
            return Err(Error::Internal);
        };
        let (from, said) = inside.group.open_message(&self.provider, message)?;
        if self.comparing.round.is_none() {
            self.begin_round(now_ms)?;
        }
        if let Some(round) = &mut self.comparing.round {
            round.hear(from, &said);
        }
        self.reveal_when_due(now_ms)?;
        Ok(self.said_since(before))
    }

    /// What we posted in this epoch, to be posted again after a lost
    /// connection: the server may have forgotten it. Heard twice it does no harm.
    pub fn said(&self) -> &[Vec<u8>] {
        &self.comparing.said
    }

    /// How far this epoch's round is.
    pub fn comparison(&self, now_ms: u64) -> Comparison {
        match &self.comparing.round {
            Some(round) => round.state(now_ms),
            None => Comparison::Idle,
        }
    }

    /// When [`Session::compare`] has something to post without any message
    /// arriving, in milliseconds of the caller's clock.
    pub fn next_comparison(&self) -> Option<u64> {
        let held = self.comparing.round.as_ref().is_some_and(Round::may_reveal);
        held.then(|| self.comparing.allowance.next()).flatten()
    }

    /// The person heard the same code from the others: the members of this
    /// epoch are compared, for as long as they keep their signature keys.
    /// `epoch` is the one whose code was shown.
    ///
    /// # Errors
    /// [`Misuse::NothingCompared`] if that epoch is over or has no code.
    pub fn confirm_comparison(&mut self, epoch: u64, now_ms: u64) -> Result<(), Error> {
        let agreed = matches!(self.comparison(now_ms), Comparison::Agreed(_));
        let inside = self.inside()?;
        if !agreed || inside.group.epoch() != epoch {
            return Err(Misuse::NothingCompared.into());
        }
        let keys = inside
            .roster
            .iter()
            .filter_map(|member| {
                Some((member.participant, inside.group.signature_key(member.leaf)?))
            })
            .collect();
        // Who is in no comparison of this epoch is no member any more.
        self.comparing.compared = keys;
        Ok(())
    }

    /// What we know of a member of the group.
    pub fn trust(&self, member: &Member) -> Trust {
        let Phase::Inside(inside) = &self.phase else {
            return Trust::Guest;
        };
        let key = inside.group.signature_key(member.leaf);
        let compared = self
            .comparing
            .compared
            .iter()
            .any(|(who, known)| *who == member.participant && key.as_ref() == Some(known));
        match (compared, self.certified(member)) {
            (true, _) => Trust::Compared,
            (false, Some(_)) => Trust::Certified,
            (false, None) => Trust::Guest,
        }
    }

    fn begin_round(&mut self, now_ms: u64) -> Result<(), Error> {
        let inside = self.inside()?;
        let exported = inside
            .group
            .export(&self.provider, compare::LABEL, &[], compare::LEN)?;
        let secret = exported[..].try_into().map_err(|_| Error::Internal)?;
        let nonce = self.provider.rand().random_array();
        let (round, commitment) = Round::begin(
            Zeroizing::new(secret),
            Zeroizing::new(nonce.map_err(|_| Error::Internal)?),
            inside.group.own_leaf()?,
            inside.roster.iter().map(|member| member.leaf),
            now_ms,
        );
        self.say(&commitment)?;
        self.comparing.round = Some(round);
        Ok(())
    }

    fn reveal_when_due(&mut self, now_ms: u64) -> Result<(), Error> {
        let Comparing {
            round, allowance, ..
        } = &mut self.comparing;
        let due = round
            .as_mut()
            .filter(|round| round.may_reveal() && allowance.spend(now_ms));
        match due.and_then(Round::reveal) {
            Some(nonce) => self.say(&nonce),
            None => Ok(()),
        }
    }

    fn say(&mut self, said: &[u8]) -> Result<(), Error> {
        let Phase::Inside(inside) = &mut self.phase else {
            return Err(Misuse::NotInGroup.into());
        };
        let message = inside.group.seal_message(&self.provider, &self.own, said)?;
        self.comparing.said.push(message);
        Ok(())
    }

    fn said_since(&self, before: usize) -> Vec<Vec<u8>> {
        self.comparing
            .said
            .get(before..)
            .unwrap_or_default()
            .to_vec()
    }
}
