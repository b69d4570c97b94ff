//! Who vouches for us and for the other members (`certificate` module), and what
//! the call's founder laid down (`charter` module).

use super::{Phase, Session};
use crate::certificate::{Certificate, Certified, Root};
use crate::charter::{Charter, Clock, Marking};
use crate::error::{Error, Misuse, PeerMisbehaved};
use crate::identity::{Leaf, Member};
use crate::mls::group::{Change, Group, Own, Pending};
use crate::mls::knock::VerifiedKnock;
use openmls::prelude::{Credential, CredentialType};
use openmls_traits::signatures::Signer as _;

/// What a proof of possession begins with.
const PROOF: &[u8] = b"conclave 1 device certificate";

/// How often certificates are looked at again between commits, seconds. Oftener
/// shows sooner that one has run out.
const LOOK_AGAIN_S: u64 = 600;

impl Session {
    /// Says what time it is by the calendar, seconds since the Unix epoch: to be
    /// told before whatever may meet a certificate, and now and then besides.
    /// Never told, no certificate is good. True if certificates of members have
    /// run out, or are good again.
    pub fn tell_time(&mut self, unix_s: u64) -> bool {
        let slot = |s: u64| s / LOOK_AGAIN_S;
        let due = slot(self.own.unix_s) != slot(unix_s);
        self.own.unix_s = unix_s;
        match &mut self.phase {
            Phase::Inside(inside) if due => {
                let now = of(&inside.group, &inside.roster, &self.own);
                std::mem::replace(&mut inside.certified, now) != inside.certified
            }
            _ => false,
        }
    }

    /// The public key of our leaf, and the signature by it that proves to our
    /// organisation's server that this device of that account holds it: 32 and
    /// 64 bytes.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn proof(
        &self,
        account: &[u8; 16],
        device: &[u8; 16],
    ) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let key = self.own.key();
        let participant = self.own.identity.participant.0;
        let signed = [PROOF, account, device, &participant, key].concat();
        let proof = self.own.signer.sign(&signed);
        Ok((key.to_vec(), proof.map_err(|_| Error::Internal)?))
    }

    /// Takes a certificate that our organisation's server issued for us, and its
    /// root, before we found a group or knock. From now on we go by the name in
    /// it.
    ///
    /// # Errors
    /// As [`Certificate::verify`], and [`PeerMisbehaved::KnockIdentity`] for one
    /// of another stay; [`Misuse::AlreadyCertified`] after a knock,
    /// [`Misuse::AlreadyInGroup`], [`Misuse::Ended`].
    pub fn certify(&mut self, certificate: &[u8], root: &[u8]) -> Result<(), Error> {
        self.outside()?;
        if let Phase::Outside(Some(_)) = self.phase {
            return Err(Misuse::AlreadyCertified.into());
        }
        let (certificate, root, certified) = self.ours(certificate, root)?;
        self.own.identity.name = certified.name;
        self.own.certificate = Some((certificate, root));
        Ok(())
    }

    /// Makes the commit that puts a later certificate, which says the same, in
    /// the place of ours.
    ///
    /// # Errors
    /// As [`certify`](Self::certify); [`Misuse::NotCertified`],
    /// [`PeerMisbehaved::IdentityChanged`]; those of any commit.
    pub fn renew(&mut self, certificate: &[u8], root: &[u8]) -> Result<Pending, Error> {
        self.inside()?;
        let (certificate, root, certified) = self.ours(certificate, root)?;
        let old = self.own.certificate.as_ref().ok_or(Misuse::NotCertified)?;
        if old.0.claims()? != certified {
            return Err(PeerMisbehaved::IdentityChanged.into());
        }
        let old = self.own.certificate.replace((certificate, root));
        let pending = self.commit(Change {
            renew: true,
            ..Change::default()
        });
        if pending.is_err() {
            self.own.certificate = old;
        }
        pending
    }

    /// What is certified of a member, if anything is: by a root that the call's
    /// founder named, or by our own organisation's.
    pub fn certified(&self, member: &Member) -> Option<&Certified> {
        let Phase::Inside(inside) = &self.phase else {
            return None;
        };
        let mut certified = inside.certified.iter();
        let found = certified.find(|(leaf, _)| *leaf == member.leaf);
        found.map(|(_, certified)| certified)
    }

    /// How the call is marked, if it is. The marking holds while every member is
    /// [certified](Self::certified).
    pub fn marking(&self) -> Option<&Marking> {
        match &self.phase {
            Phase::Inside(inside) => inside.group.charter.marking.as_ref(),
            _ => None,
        }
    }

    /// What our leaf may take, and what it says.
    fn ours(
        &self,
        certificate: &[u8],
        root: &[u8],
    ) -> Result<(Certificate, Root, Certified), Error> {
        let (certificate, root) = (Certificate::new(certificate)?, Root::new(root)?);
        let roots = std::slice::from_ref(&root);
        let certified = certificate.verify(roots, self.own.key(), self.own.unix_s)?;
        if certified.participant != self.own.identity.participant {
            return Err(PeerMisbehaved::KnockIdentity.into());
        }
        Ok((certificate, root, certified))
    }

    /// Whether whoever knocks may be let in, and what is certified of them.
    pub(super) fn let_in(&self, mut knock: VerifiedKnock) -> Result<VerifiedKnock, Error> {
        let own = &self.own;
        let none = Charter::default();
        let charter = match &self.phase {
            Phase::Inside(inside) => &inside.group.charter,
            _ => &none,
        };
        charter.lets_in(knock.leaf(), own.unix_s, Clock::Ours)?;
        knock.certified = vouched(&roots(charter, own), knock.leaf(), own.unix_s);
        Ok(knock)
    }
}

/// Which members are certified, and what of them, by ascending leaf.
pub(super) fn of(group: &Group, roster: &[Member], own: &Own) -> Vec<(Leaf, Certified)> {
    let roots = roots(&group.charter, own);
    let certified = roster.iter().filter_map(|member| {
        let (credential, key) = group.leaf(member.leaf)?;
        let certified = vouched(&roots, (&credential, &key), own.unix_s)?;
        Some((member.leaf, certified))
    });
    certified.collect()
}

/// By which certificates count for us: the founder named them, or it is our own
/// organisation's.
fn roots(charter: &Charter, own: &Own) -> Vec<Root> {
    let ours = own.certificate.iter().map(|(_, root)| root);
    let mut roots: Vec<Root> = charter.roots.iter().chain(ours).cloned().collect();
    roots.dedup();
    roots
}

/// What these roots vouch for of a leaf now.
fn vouched(
    roots: &[Root],
    (credential, key): (&Credential, &[u8]),
    unix_s: u64,
) -> Option<Certified> {
    if credential.credential_type() != CredentialType::X509 {
        return None;
    }
    let certificate = Certificate::of(credential).ok()?;
    certificate.verify(roots, key, unix_s).ok()
}
