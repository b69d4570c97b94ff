//! What a commit may do in a call, beyond being valid MLS.
//!
//! Every member checks these for every commit before it takes effect, its own
//! included, so a commit that breaks one changes nobody's group:
//!
//! - proposals are carried by value and are Add, Remove or PreSharedKey;
//! - a commit with an Add mixes in this room's link secret, exactly once; one
//!   without an Add mixes in nothing;
//! - an added credential parses, and no participant ends up with two leaves;
//! - who is removed and added at once, as a member that fell behind is, keeps
//!   its identity and signature key, and claims a history that is ours as far as
//!   we can tell (`returning` module);
//! - the committer keeps its identity and signature key; a certificate gives way
//!   to a later one that says the same;
//! - a certificate is by a root that the call's founder named, if any was named,
//!   and a marked call takes nobody without one (`charter` module);
//! - the group stays within the leaves a key id can name.

use super::group::Own;
use super::returning::{Claim, History};
use crate::charter::{Charter, Clock};
use crate::error::{Error, Misuse, PeerMisbehaved};
use crate::identity::{Identity, Leaf, Member, RAW_VIDEO};
use crate::sframe::MAX_LEAVES;
use openmls::group::{MlsGroup, StagedCommit};
use openmls::prelude::tls_codec::{Deserialize, Serialize};
use openmls::prelude::{
    ExtensionType, LeafNode, LeafNodeIndex, PreSharedKeyProposal, Proposal, ProposalOrRefType,
    Sender,
};
use openmls::schedule::psk::{PreSharedKeyId, Psk};

/// What an accepted commit does to the roster.
pub(crate) struct Effect {
    pub(crate) added: Vec<Identity>,
    pub(crate) removed: Vec<Member>,
}

/// Whether a PSK proposal names this PSK.
///
/// OpenMLS gives no access to the id inside a proposal, whose encoding is
/// exactly that id (RFC 9420 section 12.1.4); so it is encoded and read back.
fn proposes(proposal: &PreSharedKeyProposal, link: &Psk) -> bool {
    proposal
        .tls_serialize_detached()
        .ok()
        .and_then(|bytes| PreSharedKeyId::tls_deserialize_exact(bytes).ok())
        .is_some_and(|id| id.psk() == link)
}

/// Checks a staged commit of a committer against the rules.
pub(crate) fn check(
    group: &MlsGroup,
    (history, charter): (&History, &Charter),
    staged: &StagedCommit,
    (committer, own): (LeafNodeIndex, &Own),
) -> Result<Effect, Error> {
    let before = roster(group)?;
    let mut effect = Effect {
        added: Vec::new(),
        removed: Vec::new(),
    };
    let mut psks = 0;
    for queued in staged.queued_proposals() {
        if queued.proposal_or_ref_type() != ProposalOrRefType::Proposal
            || *queued.sender() != Sender::Member(committer)
        {
            return Err(PeerMisbehaved::ForbiddenProposal.into());
        }
        match queued.proposal() {
            Proposal::Add(add) => {
                let leaf = add.key_package().leaf_node();
                effect.added.push(Identity::parse(leaf.credential())?);
                certified(charter, own, leaf)?;
            }
            Proposal::Remove(remove) => {
                let leaf = u16::try_from(remove.removed().u32()).map(Leaf).ok();
                let member = before.iter().find(|member| Some(member.leaf) == leaf);
                effect
                    .removed
                    .push(member.ok_or(PeerMisbehaved::InvalidCommit)?.clone());
            }
            _ => {}
        }
    }
    for queued in staged.psk_proposals() {
        if !proposes(queued.psk_proposal(), &own.psk) {
            return Err(PeerMisbehaved::ForeignPsk.into());
        }
        psks += 1;
    }
    let known = effect.added.len() + effect.removed.len() + psks;
    if staged.queued_proposals().count() != known {
        return Err(PeerMisbehaved::ForbiddenProposal.into());
    }
    match (effect.added.is_empty(), psks) {
        (true, 0) | (false, 1) => {}
        (false, 0) => return Err(PeerMisbehaved::AddWithoutLinkSecret.into()),
        _ => return Err(PeerMisbehaved::ForeignPsk.into()),
    }
    identity_kept(group, staged, committer)?;
    if let Some(leaf) = staged.update_path_leaf_node() {
        renewed(group, (charter, own), (committer, leaf))?;
    }
    returns_kept(group, history, staged, &effect)?;
    no_duplicates(&before, &effect)?;
    if before.len() - effect.removed.len() + effect.added.len() > MAX_LEAVES {
        return Err(PeerMisbehaved::GroupOverflow.into());
    }
    Ok(effect)
}

/// The members by ascending leaf, each credential parsed, no participant twice.
pub(crate) fn roster(group: &MlsGroup) -> Result<Vec<Member>, PeerMisbehaved> {
    members(group.members(), |index| {
        let leaf = group.public_group().leaf(index);
        let raw_video = ExtensionType::Unknown(RAW_VIDEO);
        leaf.is_some_and(|leaf| leaf.capabilities().extensions().contains(&raw_video))
    })
}

/// As [`roster`], of any tree.
pub(crate) fn members(
    tree: impl Iterator<Item = openmls::prelude::Member>,
    takes_raw_video: impl Fn(LeafNodeIndex) -> bool,
) -> Result<Vec<Member>, PeerMisbehaved> {
    let mut members = Vec::new();
    for member in tree {
        let identity = Identity::parse(&member.credential)?;
        let leaf = u16::try_from(member.index.u32())
            .ok()
            .filter(|leaf| usize::from(*leaf) < MAX_LEAVES)
            .ok_or(PeerMisbehaved::GroupOverflow)?;
        if members
            .iter()
            .any(|known: &Member| known.participant == identity.participant)
        {
            return Err(PeerMisbehaved::DuplicateParticipant);
        }
        members.push(Member {
            leaf: Leaf(leaf),
            participant: identity.participant,
            name: identity.name,
            raw_video: takes_raw_video(member.index),
        });
    }
    Ok(members)
}

fn identity_kept(
    group: &MlsGroup,
    staged: &StagedCommit,
    committer: LeafNodeIndex,
) -> Result<(), PeerMisbehaved> {
    let Some(new) = staged.update_path_leaf_node() else {
        return Ok(());
    };
    let kept = group.member_at(committer).is_some_and(|old| {
        Identity::goes_on(&old.credential, new.credential())
            && old.signature_key == new.signature_key().as_slice()
    });
    if kept {
        Ok(())
    } else {
        Err(PeerMisbehaved::IdentityChanged)
    }
}

/// Whether the charter lets a new leaf in, by the clock of whoever commits it.
fn certified(charter: &Charter, own: &Own, leaf: &LeafNode) -> Result<(), PeerMisbehaved> {
    let key = leaf.signature_key().as_slice();
    charter.lets_in((leaf.credential(), key), own.unix_s, Clock::Theirs)
}

/// Whether a certificate that the committer's leaf did not have is good. The one
/// it had may have run out.
fn renewed(
    group: &MlsGroup,
    (charter, own): (&Charter, &Own),
    (committer, leaf): (LeafNodeIndex, &LeafNode),
) -> Result<(), PeerMisbehaved> {
    let old = group.member_at(committer);
    match old.is_some_and(|old| old.credential == *leaf.credential()) {
        true => Ok(()),
        false => certified(charter, own, leaf),
    }
}

/// Whoever is removed and added at once has fallen behind, and is who they were.
fn returns_kept(
    group: &MlsGroup,
    history: &History,
    staged: &StagedCommit,
    effect: &Effect,
) -> Result<(), Error> {
    for add in staged.add_proposals() {
        let key_package = add.add_proposal().key_package();
        let leaf = key_package.leaf_node();
        let who = Identity::parse(leaf.credential())?.participant;
        let mut removed = effect.removed.iter();
        let Some(old) = removed.find(|old| old.participant == who) else {
            continue;
        };
        let same = group
            .member_at(LeafNodeIndex::new(old.leaf.index().into()))
            .is_some_and(|old| {
                Identity::goes_on(&old.credential, leaf.credential())
                    && old.signature_key == leaf.signature_key().as_slice()
            });
        if !same {
            return Err(PeerMisbehaved::IdentityChanged.into());
        }
        let claim = Claim::of(key_package).ok_or(PeerMisbehaved::ReturnUnproven)?;
        match history.vouch(who, &claim) {
            // The committer was there; we came later.
            Ok(()) | Err(Error::Misuse(Misuse::CannotVouch)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn no_duplicates(before: &[Member], effect: &Effect) -> Result<(), PeerMisbehaved> {
    for (at, added) in effect.added.iter().enumerate() {
        let stays = before.iter().any(|member| {
            member.participant == added.participant
                && !effect
                    .removed
                    .iter()
                    .any(|removed| removed.leaf == member.leaf)
        });
        let twice = effect.added[..at]
            .iter()
            .any(|other| other.participant == added.participant);
        if stays || twice {
            return Err(PeerMisbehaved::DuplicateParticipant);
        }
    }
    Ok(())
}
