//! A member that speaks MLS but not our rules: plain OpenMLS with the link secret.

use super::{ROOM, SECRET, accept};
use conclave_e2ee::*;
use hmac::{Hmac, KeyInit, Mac};
use openmls::prelude::tls_codec::{Deserialize, Serialize};
use openmls::prelude::*;
use openmls::schedule::psk::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use sha2::Sha256;

pub const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// One client on bare OpenMLS.
pub struct Rogue {
    pub provider: OpenMlsRustCrypto,
    pub signer: SignatureKeyPair,
    pub identity: Vec<u8>,
}

/// What the link secret derives, computed without the crate.
pub fn derive(secret: &[u8; 32], info: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    hkdf::Hkdf::<Sha256>::new(Some(&ROOM.0), secret)
        .expand(info, &mut key)
        .unwrap();
    key
}

/// A knock's tag as the protocol defines it.
pub fn knock_tag(secret: &[u8; 32], participant: ParticipantId, key_package: &[u8]) -> [u8; 32] {
    let key = derive(secret, b"conclave 1 knock");
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).unwrap();
    for part in [&b"knock"[..], &ROOM.0, &participant.0, key_package] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

pub fn identity(participant: ParticipantId, name: &str) -> Vec<u8> {
    [&[1][..], &participant.0, name.as_bytes()].concat()
}

pub fn psk_id(provider: &OpenMlsRustCrypto, id: &[u8]) -> PreSharedKeyId {
    let psk = Psk::External(ExternalPsk::new(id.to_vec()));
    PreSharedKeyId::new(SUITE, provider.rand(), psk).unwrap()
}

pub fn link_psk_id() -> Vec<u8> {
    [b"conclave 1 link", &ROOM.0[..]].concat()
}

impl Rogue {
    pub fn new(identity: Vec<u8>) -> Self {
        let provider = OpenMlsRustCrypto::default();
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm()).unwrap();
        signer.store(provider.storage()).unwrap();
        psk_id(&provider, &link_psk_id())
            .store(&provider, &derive(&SECRET, b"conclave 1 psk"))
            .unwrap();
        Self {
            provider,
            signer,
            identity,
        }
    }

    pub fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(self.identity.clone()).into(),
            signature_key: self.signer.public().into(),
        }
    }

    pub fn key_package(&self) -> KeyPackage {
        KeyPackage::builder()
            .build(SUITE, &self.provider, &self.signer, self.credential())
            .unwrap()
            .into_key_package()
    }

    /// One with these extensions, which its leaf says it knows.
    pub fn key_package_with(&self, extensions: Extensions<KeyPackage>) -> KeyPackage {
        let known: Vec<_> = extensions.iter().map(Extension::extension_type).collect();
        let capabilities = Capabilities::new(None, None, Some(&known), None, None);
        KeyPackage::builder()
            .leaf_node_capabilities(capabilities)
            .key_package_extensions(extensions)
            .build(SUITE, &self.provider, &self.signer, self.credential())
            .unwrap()
            .into_key_package()
    }

    /// Founds a group of its own with this id.
    pub fn found(&self, group_id: &[u8]) -> MlsGroup {
        MlsGroup::builder()
            .ciphersuite(SUITE)
            .with_wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .with_group_id(GroupId::from_slice(group_id))
            .build(&self.provider, &self.signer, self.credential())
            .unwrap()
    }

    /// Is admitted to the call of `members`, as any holder of the link may be.
    pub fn enter(&self, members: &mut [&mut Session], participant: ParticipantId) -> MlsGroup {
        let package = self.key_package().tls_serialize_detached().unwrap();
        let tag = knock_tag(&SECRET, participant, &package);
        let knock = members[0]
            .verify_knock(participant, &package, &tag)
            .unwrap();
        let pending = members[0].admit(&[knock]).unwrap();
        accept(members, &pending, 0);
        let welcome = pending.welcome.unwrap();
        let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::tls_deserialize_exact(&welcome)
            .unwrap()
            .extract()
        else {
            panic!("no welcome");
        };
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .build();
        StagedWelcome::new_from_welcome(&self.provider, &config, welcome, None)
            .unwrap()
            .into_group(&self.provider)
            .unwrap()
    }

    /// Goes through some epochs alone.
    pub fn go_on(&self, group: &mut MlsGroup, epochs: u32) {
        for _ in 0..epochs {
            group
                .self_update(&self.provider, &self.signer, LeafNodeParameters::default())
                .unwrap();
            group.merge_pending_commit(&self.provider).unwrap();
        }
    }

    /// Takes a commit of another.
    pub fn follow(&self, group: &mut MlsGroup, commit: &[u8]) {
        let message = MlsMessageIn::tls_deserialize_exact(commit).unwrap();
        let message = message.try_into_protocol_message().unwrap();
        let processed = group.process_message(&self.provider, message).unwrap();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            panic!("no commit");
        };
        group.merge_staged_commit(&self.provider, *staged).unwrap();
    }

    /// A commit of these proposals, and its Welcome.
    pub fn commit(
        &self,
        group: &mut MlsGroup,
        proposals: impl IntoIterator<Item = Proposal>,
        adds: impl IntoIterator<Item = KeyPackage>,
        leaf: LeafNodeParameters,
    ) -> (Vec<u8>, Option<Vec<u8>>) {
        let (commit, welcome, _) = group
            .commit_builder()
            .propose_adds(adds)
            .add_proposals(proposals)
            .leaf_node_parameters(leaf)
            .load_psks(self.provider.storage())
            .unwrap()
            .build(
                self.provider.rand(),
                self.provider.crypto(),
                &self.signer,
                |_| true,
            )
            .unwrap()
            .stage_commit(&self.provider)
            .unwrap()
            .into_messages();
        group.clear_pending_commit(self.provider.storage()).unwrap();
        (
            commit.to_bytes().unwrap(),
            welcome.map(|message| message.to_bytes().unwrap()),
        )
    }

    /// The commit that puts a key package in the place of a leaf.
    pub fn replace(&self, group: &mut MlsGroup, leaf: Leaf, add: KeyPackage) -> Vec<u8> {
        let (commit, _, _) = group
            .commit_builder()
            .propose_removals([LeafNodeIndex::new(leaf.index().into())])
            .propose_adds([add])
            .add_proposals([self.psk(&link_psk_id())])
            .load_psks(self.provider.storage())
            .unwrap()
            .build(
                self.provider.rand(),
                self.provider.crypto(),
                &self.signer,
                |_| true,
            )
            .unwrap()
            .stage_commit(&self.provider)
            .unwrap()
            .into_messages();
        group.clear_pending_commit(self.provider.storage()).unwrap();
        commit.to_bytes().unwrap()
    }

    /// The proposal that mixes in the PSK with this id.
    pub fn psk(&self, id: &[u8]) -> Proposal {
        Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk_id(
            &self.provider,
            id,
        ))))
    }
}
