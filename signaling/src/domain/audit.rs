//! The audit log of an organisation: lines, each bound to the one before it by
//! its digest, so that one that is missing or was changed shows. Whoever noted
//! the newest digest elsewhere sees as well that the whole was not written anew.

use super::Millis;
use conclave_wire::audit::{Act, AuditLine};
use conclave_wire::id::{AccountId, Blob, TenantId};
use sha2::{Digest as _, Sha256};

/// Whose log has what is done to organisations themselves: nobody's but the
/// operator's.
pub const SERVER: TenantId = TenantId([0xFF; 16]);

/// The digest before the first line.
pub const NONE: Link = Link([0; 32]);

/// What is to be noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// In which organisation.
    pub tenant: TenantId,
    /// Whose account does it; without one it is the operator.
    pub actor: Option<AccountId>,
    /// When.
    pub at: Millis,
    /// What.
    pub act: Act,
    /// To what.
    pub object: Option<[u8; 16]>,
    /// What else is to be known of it; never a name or a title.
    pub detail: Option<String>,
}

#[cfg(test)]
impl Deed {
    /// One of the operator's, in the organisation that is always there.
    pub(crate) fn operators(act: Act, at: Millis) -> Self {
        Self {
            tenant: super::tenant::DEFAULT,
            actor: None,
            at,
            act,
            object: None,
            detail: None,
        }
    }
}

/// The digest of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link(pub [u8; 32]);

/// The end of a log so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    tenant: TenantId,
    /// The number of the newest line.
    pub seq: u64,
    /// Its digest.
    pub head: Link,
}

/// Where a log is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A line is not there.
    #[error("line {0} is missing")]
    Missing(u64),
    /// A line, or one before it, is another than was written.
    #[error("line {0} does not follow from the line before it: one of the two was changed")]
    Changed(u64),
}

impl Chain {
    /// A log of which the lines up to one are known, or forgotten.
    pub fn from(tenant: TenantId, seq: u64, head: Link) -> Self {
        Self { tenant, seq, head }
    }

    /// The line for what is done next.
    pub fn next(&self, deed: &Deed) -> AuditLine {
        let mut line = AuditLine {
            seq: self.seq + 1,
            at: deed.at.0,
            actor: deed.actor,
            act: deed.act,
            object: deed.object.map(|object| Blob(object.to_vec())),
            detail: deed.detail.clone(),
            digest: Blob::default(),
        };
        line.digest = Blob(self.digest(&line).0.to_vec());
        line
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// Where it is none.
    pub fn take(&mut self, line: &AuditLine) -> Result<(), Broken> {
        let seq = self.seq + 1;
        if line.seq != seq {
            return Err(Broken::Missing(seq));
        }
        let digest = self.digest(line);
        if line.digest.0 != digest.0 {
            return Err(Broken::Changed(seq));
        }
        (self.seq, self.head) = (seq, digest);
        Ok(())
    }

    /// SHA-256 of the digest before it, then of everything in the line: numbers
    /// first, then each part behind its length, and behind a zero byte if it is
    /// not there.
    fn digest(&self, line: &AuditLine) -> Link {
        let mut hash = Sha256::new();
        hash.update(self.head.0);
        hash.update(self.tenant.0);
        hash.update(line.seq.to_be_bytes());
        hash.update(line.at.to_be_bytes());
        let parts = [
            line.actor.as_ref().map(|actor| actor.0.as_slice()),
            Some(line.act.as_str().as_bytes()),
            line.object.as_ref().map(|object| object.0.as_slice()),
            line.detail.as_ref().map(|detail| detail.as_bytes()),
        ];
        for part in parts {
            hash.update([u8::from(part.is_some())]);
            let part = part.unwrap_or_default();
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Link(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(at: u64, act: Act) -> Deed {
        Deed {
            tenant: TenantId([1; 16]),
            actor: Some(AccountId([2; 16])),
            at: Millis(at),
            act,
            object: Some([5; 16]),
            detail: None,
        }
    }

    fn log() -> Vec<AuditLine> {
        let mut chain = Chain::from(TenantId([1; 16]), 0, NONE);
        let acts = [Act::AccountMade, Act::RoomMade, Act::LinkMade];
        let lines = (1..).zip(acts).map(|(at, act)| {
            let line = chain.next(&deed(at, act));
            chain.take(&line).unwrap();
            line
        });
        lines.collect()
    }

    fn verify(lines: &[AuditLine]) -> Result<Chain, Broken> {
        let mut chain = Chain::from(TenantId([1; 16]), 0, NONE);
        lines.iter().try_for_each(|line| chain.take(line))?;
        Ok(chain)
    }

    #[test]
    fn a_log_that_nobody_touched_is_whole() {
        let lines = log();
        let chain = verify(&lines).unwrap();
        assert_eq!(
            (chain.seq, chain.head.0.to_vec()),
            (3, lines[2].digest.0.clone())
        );
        // And from any line on whose digest is known.
        let head = Link(lines[0].digest.0.clone().try_into().unwrap());
        let mut later = Chain::from(TenantId([1; 16]), 1, head);
        assert_eq!(later.take(&lines[1]), Ok(()));
    }

    #[test]
    fn a_line_that_is_missing_moved_or_anothers_shows() {
        let lines = log();
        assert_eq!(verify(&lines[1..]), Err(Broken::Missing(1)));
        let gap = [lines[0].clone(), lines[2].clone()];
        assert_eq!(verify(&gap), Err(Broken::Missing(2)));
        let mut renumbered = gap;
        renumbered[1].seq = 2;
        assert_eq!(verify(&renumbered), Err(Broken::Changed(2)));
        let mut elsewhere = Chain::from(TenantId([3; 16]), 0, NONE);
        assert_eq!(elsewhere.take(&lines[0]), Err(Broken::Changed(1)));
    }

    #[test]
    fn whatever_of_a_line_is_changed_shows() {
        let changes: [fn(&mut AuditLine); 8] = [
            |line| line.at += 1,
            |line| line.actor = None,
            |line| line.actor = Some(AccountId([9; 16])),
            |line| line.act = Act::RoomDeleted,
            |line| line.object = None,
            |line| line.object = Some(Blob(vec![6; 16])),
            |line| line.detail = Some(String::new()),
            |line| line.digest.0[0] ^= 1,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut lines = log();
            change(&mut lines[1]);
            assert_eq!(verify(&lines), Err(Broken::Changed(2)), "change {number}");
        }
        // Nobody and an account of zeros are not the same.
        let chain = Chain::from(TenantId([1; 16]), 0, NONE);
        let by = |actor| {
            chain
                .next(&Deed {
                    actor,
                    ..deed(1, Act::RoomMade)
                })
                .digest
        };
        assert_ne!(by(None), by(Some(AccountId([0; 16]))));
    }
}
