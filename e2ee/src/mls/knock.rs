//! Knocks: how a newcomer asks members to add it.
//!
//! ```text
//! tag = HMAC-SHA256(knock key, "knock" ‖ room id (16) ‖ participant id (16) ‖ key package)
//! ```
//!
//! The server relays a knock but can neither make one up nor swap its key
//! package or participant. Only a [`VerifiedKnock`] can be admitted, and only
//! verification makes one.

use crate::certificate::Certified;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::identity::{Identity, Name, ParticipantId, RoomId};
use crate::secret::LinkKeys;
use crate::suite::Suite;
use crate::word::Door;
use openmls::prelude::tls_codec::Deserialize;
use openmls::prelude::{
    Credential, KeyPackage, KeyPackageIn, KeyPackageVerifyError, ProtocolVersion,
};
use openmls_rust_crypto::RustCrypto;

/// Longest key package accepted, in bytes. One of the hybrid suite has about 2.8 KiB.
const MAX_KEY_PACKAGE: usize = 16 * 1024;

/// What a newcomer sends to the members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// An MLS KeyPackage (RFC 9420 section 10), without message framing.
    pub key_package: Vec<u8>,
    /// The tag over it (module documentation).
    pub tag: [u8; 32],
}

/// A knock whose sender knows the link secret and owns the key package.
#[derive(Debug, Clone)]
pub struct VerifiedKnock {
    participant: ParticipantId,
    name: Name,
    /// Who vouches for the name, if somebody does whose word counts.
    pub(crate) certified: Option<Certified>,
    pub(crate) key_package: KeyPackage,
    /// SHA-256 of the key package as it was sent.
    key_package_hash: [u8; 32],
}

impl VerifiedKnock {
    /// Who knocks, as the server said and the key package confirms.
    pub fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// To talk to who knocks before they are let in.
    pub(crate) fn door(&self) -> Door {
        Door {
            participant: self.participant,
            key_package: self.key_package_hash,
        }
    }

    /// The name to show to the one who admits.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What is certified of who knocks, if anything is.
    pub fn certified(&self) -> Option<&Certified> {
        self.certified.as_ref()
    }

    /// Credential and key of the leaf they are to have.
    pub(crate) fn leaf(&self) -> (&Credential, &[u8]) {
        let leaf = self.key_package.leaf_node();
        (leaf.credential(), leaf.signature_key().as_slice())
    }
}

/// Checks tag, key package, suite, lifetime and identity of a knock.
pub(crate) fn verify(
    keys: &LinkKeys,
    suite: Suite,
    room: RoomId,
    participant: ParticipantId,
    key_package: &[u8],
    tag: &[u8],
) -> Result<VerifiedKnock, Error> {
    if key_package.len() > MAX_KEY_PACKAGE {
        return Err(PeerMisbehaved::TooLong.into());
    }
    // The tag comes first: nothing else is parsed for those without the link.
    if !keys.verifies_knock(room, participant, key_package, tag)? {
        return Err(PeerMisbehaved::KnockForged.into());
    }
    let Door {
        key_package: key_package_hash,
        ..
    } = Door::new(participant, key_package);
    let key_package = KeyPackageIn::tls_deserialize_exact(key_package)
        .map_err(|_| PeerMisbehaved::Malformed)?
        .validate(&RustCrypto::default(), ProtocolVersion::Mls10)
        .map_err(|error| match error {
            KeyPackageVerifyError::LifetimeError(_) => Error::from(PeerIncompatible::Clock),
            _ => PeerMisbehaved::InvalidKeyPackage.into(),
        })?;
    if key_package.ciphersuite() != suite.mls() {
        return Err(PeerIncompatible::Suite.into());
    }
    let identity = Identity::parse(key_package.leaf_node().credential())?;
    if identity.participant != participant {
        return Err(PeerMisbehaved::KnockIdentity.into());
    }
    Ok(VerifiedKnock {
        participant,
        name: identity.name,
        certified: None,
        key_package,
        key_package_hash,
    })
}
