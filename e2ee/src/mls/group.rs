//! One MLS group: created or joined, changed by commits, ours and others'.
//!
//! A commit of ours stays pending until the delivery service accepted it; a
//! commit of another in the same epoch replaces it. The group sees commits in
//! exactly the order of the delivery log.

use super::provider::Provider;
use super::returning::{self, Claim, HEAD_LABEL, HEAD_LEN, History, RETURNS, VerifiedReturn};
use super::rules::{self, Effect};
use crate::certificate::{Certificate, Root};
use crate::charter::{CHARTER, Charter};
use crate::error::{Error, Misuse, PeerIncompatible, PeerMisbehaved};
use crate::identity::{Identity, Leaf, Member, ParticipantId, RAW_VIDEO, RoomId};
use crate::session::Config;
use crate::suite::Suite;
use openmls::group::{
    CreateCommitError, GroupId, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, ProcessMessageError, ProcessedWelcome, StagedCommit,
    StagedWelcome, WelcomeError,
};
use openmls::prelude::tls_codec::Deserialize;
use openmls::prelude::{
    Capabilities, ContentType, CreationFromExternalError, Credential, CredentialType,
    CredentialWithKey, ExtensionType, KeyPackage, KeyPackageBundle, LeafNodeIndex,
    LeafNodeParameters, MlsMessageBodyIn, MlsMessageIn, PreSharedKeyProposal,
    ProcessedMessageContent, Proposal, ProtocolMessage, ProtocolVersion, Sender,
};
use openmls::schedule::psk::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_basic_credential::SignatureKeyPair;
use openmls_traits::OpenMlsProvider;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::storage::StorageProvider;
use zeroize::Zeroizing;

/// Longest commit or Welcome accepted, in bytes. A Welcome carries the whole
/// tree, which with 1024 members of the hybrid suite stays below it.
const MAX_MESSAGE: usize = 8 * 1024 * 1024;

/// Handshake messages are padded to a multiple of this many bytes, so that
/// their length tells the server less.
const PADDING: usize = 256;

/// Who we are in a group of this suite, and the room it is for.
pub(crate) struct Own {
    pub(crate) suite: Suite,
    raw_video: bool,
    pub(crate) room: RoomId,
    pub(crate) identity: Identity,
    pub(crate) signer: SignatureKeyPair,
    /// Who vouches for the identity, and the root by which.
    pub(crate) certificate: Option<(Certificate, Root)>,
    /// The time of the calendar, as we were told last: seconds since the Unix
    /// epoch.
    pub(crate) unix_s: u64,
    /// Id of the external PSK that stands for the link secret.
    pub(super) psk: Psk,
}

/// What a commit of ours changes.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) add: Vec<KeyPackage>,
    pub(crate) remove: Vec<Leaf>,
    /// Whether our leaf takes our newest certificate.
    pub(crate) renew: bool,
}

/// A commit of ours that waits for the delivery service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The commit, for the members.
    pub commit: Vec<u8>,
    /// The Welcome, for those it adds.
    pub welcome: Option<Vec<u8>>,
    /// The epoch the commit belongs to: the one it ends.
    pub epoch: u64,
}

/// What processing a commit led to.
pub(crate) enum Outcome {
    /// The group is in its next epoch.
    Next(Effect),
    /// We are no member any more.
    Removed,
}

/// The group we are a member of.
pub(crate) struct Group {
    pub(super) mls: MlsGroup,
    /// Bytes and effect of our pending commit.
    pending: Option<(Vec<u8>, Effect)>,
    /// The epochs we were in.
    history: History,
    /// What its founder laid down.
    pub(crate) charter: Charter,
}

/// What is kept of a group that we cannot follow any more, to know it again.
pub(crate) struct Left {
    id: GroupId,
    pub(crate) claim: Claim,
    /// Everybody in our last epoch, with the key that signed for them.
    members: Vec<(ParticipantId, Vec<u8>)>,
}

impl Own {
    /// Draws a fresh signature key and stores the link secret's PSK.
    pub(crate) fn new(
        provider: &Provider,
        Config { suite, raw_video }: Config,
        room: RoomId,
        identity: Identity,
        psk: &[u8; 32],
    ) -> Result<Self, Error> {
        let signer = SignatureKeyPair::new(suite.mls().signature_algorithm())
            .map_err(|_| Error::Internal)?;
        let own = Self {
            suite,
            raw_video,
            room,
            identity,
            signer,
            certificate: None,
            unix_s: 0,
            psk: link_psk(room),
        };
        own.psk_id(provider)?
            .store(provider, psk)
            .map_err(|_| Error::Internal)?;
        Ok(own)
    }

    /// Makes the key package a knock carries, with a claim if it is to bring us
    /// back; its private keys stay stored.
    pub(crate) fn key_package(
        &self,
        provider: &Provider,
        claim: Option<&Claim>,
    ) -> Result<KeyPackageBundle, Error> {
        let mut builder = KeyPackage::builder().leaf_node_capabilities(self.capabilities());
        if let Some(claim) = claim {
            let extensions = claim.extensions().map_err(|_| Error::Internal)?;
            builder = builder.key_package_extensions(extensions);
        }
        builder
            .build(self.suite.mls(), provider, &self.signer, self.credential())
            .map_err(|_| Error::Internal)
    }

    fn credential(&self) -> CredentialWithKey {
        let certified = self.certificate.as_ref();
        CredentialWithKey {
            credential: certified
                .map_or_else(|| self.identity.credential(), |(it, _)| it.credential()),
            signature_key: self.signer.public().into(),
        }
    }

    /// The key of our leaf.
    pub(crate) fn key(&self) -> &[u8] {
        self.signer.public()
    }

    /// What calls use and nothing more.
    fn capabilities(&self) -> Capabilities {
        let extensions = [RETURNS, CHARTER, RAW_VIDEO].map(ExtensionType::Unknown);
        let supported = if self.raw_video { 3 } else { 2 };
        Capabilities::new(
            Some(&[ProtocolVersion::Mls10]),
            Some(&[self.suite.mls()]),
            Some(&extensions[..supported]),
            None,
            Some(&[CredentialType::Basic, CredentialType::X509]),
        )
    }

    fn psk_id(&self, provider: &Provider) -> Result<PreSharedKeyId, Error> {
        PreSharedKeyId::new(self.suite.mls(), provider.rand(), self.psk.clone())
            .map_err(|_| Error::Internal)
    }
}

/// The external PSK of a room: "conclave 1 link" ‖ room id.
fn link_psk(room: RoomId) -> Psk {
    Psk::External(ExternalPsk::new([b"conclave 1 link", &room.0[..]].concat()))
}

impl Group {
    /// Founds a group: room id ‖ 16 random bytes, us as the only member.
    pub(crate) fn create(provider: &Provider, own: &Own, charter: Charter) -> Result<Self, Error> {
        let random: [u8; 16] = provider
            .rand()
            .random_array()
            .map_err(|_| Error::Internal)?;
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(own.suite.mls())
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .padding_size(PADDING)
            .max_past_epochs(0)
            .use_ratchet_tree_extension(true)
            .capabilities(own.capabilities())
            .with_group_context_extensions(charter.extensions().map_err(|_| Error::Internal)?)
            .build();
        let id = GroupId::from_slice(&[own.room.0, random].concat());
        MlsGroup::new_with_group_id(provider, &own.signer, &config, id, own.credential())
            .map_err(|_| Error::Internal)
            .and_then(|mls| Self::entered(provider, mls, charter))
    }

    /// A group that we are in from this epoch on.
    fn entered(provider: &Provider, mls: MlsGroup, charter: Charter) -> Result<Self, Error> {
        let history = History::begin(mls.epoch().as_u64(), head(provider, &mls)?);
        Ok(Self {
            mls,
            pending: None,
            history,
            charter,
        })
    }

    /// Joins by a Welcome made for `bundle`, as one who comes back if we
    /// `left`. The bundle's private keys are stored again if it fails, so that
    /// a forged Welcome does not use them up.
    pub(crate) fn join(
        provider: &Provider,
        own: &Own,
        bundle: &KeyPackageBundle,
        welcome: &[u8],
        left: Option<&Left>,
    ) -> Result<Self, Error> {
        let joined = Self::join_once(provider, own, welcome, left);
        if joined.is_err() {
            let reference = bundle.key_package().hash_ref(provider.crypto());
            let reference = reference.map_err(|_| Error::Internal)?;
            provider
                .storage()
                .write_key_package(&reference, bundle)
                .map_err(|_| Error::Internal)?;
        }
        joined
    }

    fn join_once(
        provider: &Provider,
        own: &Own,
        welcome: &[u8],
        left: Option<&Left>,
    ) -> Result<Self, Error> {
        let MlsMessageBodyIn::Welcome(welcome) = parse(welcome)? else {
            return Err(PeerMisbehaved::InvalidWelcome.into());
        };
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .padding_size(PADDING)
            .max_past_epochs(0)
            .use_ratchet_tree_extension(true)
            .build();
        let processed = ProcessedWelcome::new_from_welcome(provider, &config, welcome)
            .map_err(blame_welcome)?;
        // Without this check whoever runs the server could add us to a group
        // of its own: a Welcome may name no PSK at all.
        let [psk] = processed.psks() else {
            return Err(PeerMisbehaved::WelcomeWithoutLinkSecret.into());
        };
        if *psk.psk() != own.psk {
            return Err(PeerMisbehaved::WelcomeWithoutLinkSecret.into());
        }
        let staged = processed
            .into_staged_welcome(provider, None)
            .map_err(blame_welcome)?;
        let context = staged.group_context();
        if !is_of_room(context.group_id(), own.room) {
            return Err(PeerMisbehaved::WrongGroup.into());
        }
        if context.ciphersuite() != own.suite.mls() {
            return Err(PeerIncompatible::Suite.into());
        }
        let charter = Charter::of(context.extensions())?;
        rules::members(staged.members(), |_| false)?;
        for member in staged.members() {
            let leaf = (&member.credential, &member.signature_key[..]);
            charter.lets_stay(leaf, own.unix_s)?;
        }
        if let Some(left) = left {
            left.known_again(&staged)?;
        }
        let mls = staged.into_group(provider).map_err(blame_welcome)?;
        Self::entered(provider, mls, charter)
    }

    /// Gives the group up: nothing of it stays but what it takes to come back.
    pub(crate) fn leave_behind(&mut self, provider: &Provider) -> Result<Left, Error> {
        let left = Left {
            id: self.mls.group_id().clone(),
            claim: self.history.claim().ok_or(Error::Internal)?,
            members: self
                .mls
                .members()
                .map(|member| {
                    let identity = Identity::parse(&member.credential)?;
                    Ok((identity.participant, member.signature_key))
                })
                .collect::<Result<_, PeerMisbehaved>>()?,
        };
        self.discard_pending(provider)?;
        self.mls
            .delete(provider.storage())
            .map_err(|_| Error::Internal)?;
        Ok(left)
    }

    /// Whether the leaf of a participant may be replaced by what it knocks
    /// again with.
    pub(crate) fn vouch(&self, leaf: Leaf, returning: &VerifiedReturn) -> Result<(), Error> {
        let new = returning.knock.key_package.leaf_node();
        let old = self
            .mls
            .member_at(LeafNodeIndex::new(leaf.index().into()))
            .ok_or(Error::Internal)?;
        if !Identity::goes_on(&old.credential, new.credential())
            || old.signature_key != new.signature_key().as_slice()
        {
            return Err(PeerMisbehaved::IdentityChanged.into());
        }
        self.history
            .vouch(returning.participant(), &returning.claim)
    }

    /// Makes a commit and keeps it pending.
    pub(crate) fn commit(
        &mut self,
        provider: &Provider,
        own: &Own,
        change: Change,
    ) -> Result<Pending, Error> {
        if self.pending.is_some() {
            return Err(Misuse::CommitPending.into());
        }
        let psk = match change.add.is_empty() {
            true => None,
            false => Some(PreSharedKeyProposal::new(own.psk_id(provider)?)),
        };
        let leaf = match change.renew {
            true => LeafNodeParameters::builder().with_credential_with_key(own.credential()),
            false => LeafNodeParameters::builder(),
        };
        // Every commit renews our path, so that each heals the group from an
        // earlier leak of our state (RFC 9420 section 16.6).
        let bundle = self
            .mls
            .commit_builder()
            .leaf_node_parameters(leaf.build())
            .consume_proposal_store(false)
            .force_self_update(true)
            .propose_removals(
                change
                    .remove
                    .iter()
                    .map(|l| LeafNodeIndex::new(l.index().into())),
            )
            .propose_adds(change.add)
            .add_proposals(psk.map(|psk| Proposal::PreSharedKey(Box::new(psk))))
            .load_psks(provider.storage())
            .and_then(|builder| {
                builder.build(provider.rand(), provider.crypto(), &own.signer, |_| true)
            })
            .map_err(blame_own_commit)?
            .stage_commit(provider)
            .map_err(|_| Error::Internal)?;
        let epoch = self.epoch();
        let (commit, welcome, _) = bundle.into_messages();
        let pending = commit.to_bytes().and_then(|commit| {
            let welcome = welcome.map(|message| message.to_bytes()).transpose()?;
            Ok(Pending {
                commit,
                welcome,
                epoch,
            })
        });
        match (pending, self.check_pending(own)) {
            (Ok(pending), Ok(effect)) => {
                self.pending = Some((pending.commit.clone(), effect));
                Ok(pending)
            }
            (pending, effect) => {
                self.clear_pending(provider)?;
                pending.map_err(|_| Error::Internal)?;
                effect.map(drop)?;
                Err(Error::Internal)
            }
        }
    }

    /// Whether these bytes are our pending commit.
    pub(crate) fn is_pending(&self, bytes: &[u8]) -> bool {
        self.pending
            .as_ref()
            .is_some_and(|(commit, _)| commit == bytes)
    }

    /// Enters the epoch of our pending commit.
    pub(crate) fn confirm_pending(&mut self, provider: &Provider) -> Result<Effect, Error> {
        let (_, effect) = self.pending.take().ok_or(Misuse::NoCommitPending)?;
        self.mls
            .merge_pending_commit(provider)
            .map_err(|_| Error::Internal)?;
        self.went_on(provider, &effect)?;
        Ok(effect)
    }

    fn went_on(&mut self, provider: &Provider, effect: &Effect) -> Result<(), Error> {
        let added = effect.added.iter().map(|identity| identity.participant);
        self.history
            .goes_on(head(provider, &self.mls)?, added.collect());
        Ok(())
    }

    /// Gives our pending commit up, if there is one.
    pub(crate) fn discard_pending(&mut self, provider: &Provider) -> Result<(), Error> {
        self.pending = None;
        self.clear_pending(provider)
    }

    /// Verifies another member's commit and enters its epoch. On an error
    /// nothing has changed, our pending commit included.
    pub(crate) fn process(
        &mut self,
        provider: &Provider,
        own: &Own,
        bytes: &[u8],
    ) -> Result<Outcome, Error> {
        let message = self.expect_commit(bytes)?;
        let processed = self
            .mls
            .process_message(provider, message)
            .map_err(blame_message)?;
        let Sender::Member(committer) = *processed.sender() else {
            return Err(PeerMisbehaved::NotACommit.into());
        };
        let staged = match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => staged,
            ProcessedMessageContent::OwnPrivateMessage => {
                return Err(PeerMisbehaved::ForgottenCommit.into());
            }
            _ => return Err(PeerMisbehaved::NotACommit.into()),
        };
        let effect = self.check(own, &staged, committer)?;
        let removed = staged.self_removed();
        self.mls
            .merge_staged_commit(provider, *staged)
            .map_err(|_| Error::Internal)?;
        self.pending = None;
        if removed {
            return Ok(Outcome::Removed);
        }
        self.went_on(provider, &effect)?;
        Ok(Outcome::Next(effect))
    }

    /// The epoch the group is in.
    pub(crate) fn epoch(&self) -> u64 {
        self.mls.epoch().as_u64()
    }

    /// Our leaf.
    pub(crate) fn own_leaf(&self) -> Result<Leaf, Error> {
        u16::try_from(self.mls.own_leaf_index().u32())
            .map(Leaf)
            .map_err(|_| Error::Internal)
    }

    /// Credential and key of a leaf.
    pub(crate) fn leaf(&self, leaf: Leaf) -> Option<(Credential, Vec<u8>)> {
        let member = self
            .mls
            .member_at(LeafNodeIndex::new(leaf.index().into()))?;
        Some((member.credential, member.signature_key))
    }

    /// All members by ascending leaf.
    pub(crate) fn roster(&self) -> Result<Vec<Member>, Error> {
        Ok(rules::roster(&self.mls)?)
    }

    /// MLS-Exporter of the current epoch (RFC 9420 section 8.5).
    pub(crate) fn export(
        &self,
        provider: &Provider,
        label: &str,
        context: &[u8],
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.mls
            .export_secret(provider.crypto(), label, context, len)
            .map(Zeroizing::new)
            .map_err(|_| Error::Internal)
    }

    /// Parses a commit of this group's current epoch.
    fn expect_commit(&self, bytes: &[u8]) -> Result<ProtocolMessage, Error> {
        let MlsMessageBodyIn::PrivateMessage(message) = parse(bytes)? else {
            return Err(PeerMisbehaved::NotACommit.into());
        };
        let message = ProtocolMessage::from(message);
        if message.group_id() != self.mls.group_id() {
            return Err(PeerMisbehaved::WrongGroup.into());
        }
        if message.content_type() != ContentType::Commit {
            return Err(PeerMisbehaved::NotACommit.into());
        }
        match message.epoch().as_u64().cmp(&self.epoch()) {
            std::cmp::Ordering::Less => Err(PeerMisbehaved::StaleEpoch.into()),
            std::cmp::Ordering::Greater => Err(PeerMisbehaved::FutureEpoch.into()),
            std::cmp::Ordering::Equal => Ok(message),
        }
    }

    fn check_pending(&self, own: &Own) -> Result<Effect, Error> {
        let staged = self.mls.pending_commit().ok_or(Error::Internal)?;
        self.check(own, staged, self.mls.own_leaf_index())
    }

    fn check(
        &self,
        own: &Own,
        staged: &StagedCommit,
        committer: LeafNodeIndex,
    ) -> Result<Effect, Error> {
        let known = (&self.history, &self.charter);
        rules::check(&self.mls, known, staged, (committer, own))
    }

    fn clear_pending(&mut self, provider: &Provider) -> Result<(), Error> {
        self.mls
            .clear_pending_commit(provider.storage())
            .map_err(|_| Error::Internal)
    }
}

impl Left {
    /// Whether a Welcome leads back to where we were: to the same group, later,
    /// by one who was there with us and is who they were. Only such a member
    /// could compare our head with its own; anybody else who holds the link
    /// could be of the server's making.
    fn known_again(&self, staged: &StagedWelcome) -> Result<(), PeerMisbehaved> {
        let context = staged.group_context();
        if *context.group_id() != self.id {
            return Err(PeerMisbehaved::WrongGroup);
        }
        if context.epoch().as_u64() <= self.claim.epoch {
            return Err(PeerMisbehaved::StaleEpoch);
        }
        let known = |participant: ParticipantId| {
            let mut members = self.members.iter();
            members.find(|(who, _)| *who == participant)
        };
        let mut by_one_of_us = false;
        for member in staged.members() {
            let identity = Identity::parse(&member.credential)?;
            let Some((_, key)) = known(identity.participant) else {
                continue;
            };
            if member.signature_key != *key {
                return Err(PeerMisbehaved::IdentityChanged);
            }
            by_one_of_us |= member.index == staged.welcome_sender_index();
        }
        match by_one_of_us {
            true => Ok(()),
            false => Err(PeerMisbehaved::WelcomeByStranger),
        }
    }
}

/// The head of the epoch that a group is in.
fn head(provider: &Provider, mls: &MlsGroup) -> Result<returning::Head, Error> {
    let exported = mls
        .export_secret(provider.crypto(), HEAD_LABEL, &[], HEAD_LEN)
        .map(Zeroizing::new)
        .map_err(|_| Error::Internal)?;
    returning::head(&exported)
}

fn is_of_room(group: &GroupId, room: RoomId) -> bool {
    group.as_slice().len() == 32 && group.as_slice().starts_with(&room.0)
}

/// Reads one MLSMessage that fills `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Result<MlsMessageBodyIn, PeerMisbehaved> {
    if bytes.len() > MAX_MESSAGE {
        return Err(PeerMisbehaved::TooLong);
    }
    MlsMessageIn::tls_deserialize_exact(bytes)
        .map(MlsMessageIn::extract)
        .map_err(|_| PeerMisbehaved::Malformed)
}

fn blame_welcome<S>(error: WelcomeError<S>) -> Error {
    use openmls::treesync::errors::LeafNodeValidationError::Lifetime;
    match error {
        WelcomeError::CiphersuiteMismatch | WelcomeError::UnsupportedCiphersuite(_) => {
            PeerIncompatible::Suite.into()
        }
        WelcomeError::Psk(_) => PeerMisbehaved::WelcomeWithoutLinkSecret.into(),
        WelcomeError::LeafNodeValidation(Lifetime(_))
        | WelcomeError::PublicGroupError(CreationFromExternalError::LeafNodeValidation(
            Lifetime(_),
        )) => PeerIncompatible::Clock.into(),
        WelcomeError::StorageError(_) => Error::Internal,
        _ => PeerMisbehaved::InvalidWelcome.into(),
    }
}

fn blame_message<S>(error: ProcessMessageError<S>) -> Error {
    match error {
        ProcessMessageError::StorageError(_) => Error::Internal,
        ProcessMessageError::GroupStateError(_) => Misuse::Ended.into(),
        ProcessMessageError::IncompatibleWireFormat => PeerMisbehaved::NotACommit.into(),
        _ => PeerMisbehaved::InvalidCommit.into(),
    }
}

fn blame_own_commit(error: CreateCommitError) -> Error {
    match error {
        CreateCommitError::CannotRemoveSelf => Misuse::RemoveSelf.into(),
        // The caller's part was checked before; what is left are key packages
        // that do not fit this group.
        CreateCommitError::ProposalValidationError(_)
        | CreateCommitError::TreeSyncAddLeaf(_)
        | CreateCommitError::LeafNodeValidation(_) => PeerMisbehaved::InvalidKeyPackage.into(),
        _ => Error::Internal,
    }
}
