//! Who takes part: rooms, participants, names, and how an MLS leaf carries them.
//!
//! ```text
//! BasicCredential.identity = 0x01 ‖ participant id (16) ‖ name (UTF-8)
//! x509 = a certificate that says both (`certificate` module)
//! ```
//!
//! Names are what people typed, or what a certificate says. A credential proves
//! that frames and commits come from the leaf that joined under this name; that
//! the name is true, only a certificate by a root that counts.

use crate::certificate::Certificate;
use crate::error::{Misuse, PeerMisbehaved};
use openmls::prelude::{BasicCredential, Credential, CredentialType};
use std::fmt;

/// First byte of a credential's identity; another value is another format.
const IDENTITY_VERSION: u8 = 1;
/// Bytes of an identity before the name.
const NAME_OFFSET: usize = 1 + 16;

/// Identifier of a room, chosen by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub [u8; 16]);

/// Identifier of a participant in one call, chosen by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(pub [u8; 16]);

/// Index of a member's leaf in the ratchet tree, 0 to 1023 (10 bits of a key id).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Leaf(pub(crate) u16);

impl Leaf {
    /// The index itself.
    pub const fn index(self) -> u16 {
        self.0
    }
}

/// A display name: 1 to 64 characters, at most 128 bytes, no control
/// characters, no white space at either end.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// Longest name in characters; a longer one does not fit a tile.
    pub const MAX_CHARS: usize = 64;
    /// Longest name in bytes of UTF-8.
    pub const MAX_BYTES: usize = 128;

    /// Takes a name as typed, without the white space around it.
    ///
    /// # Errors
    /// [`Misuse::InvalidName`] if nothing is left, it is too long, or it holds
    /// control characters.
    pub fn new(typed: &str) -> Result<Self, Misuse> {
        Self::exact(typed.trim()).ok_or(Misuse::InvalidName)
    }

    pub(crate) fn exact(text: &str) -> Option<Self> {
        let valid = !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && text.chars().count() <= Self::MAX_CHARS
            && text.trim().len() == text.len()
            && !text.chars().any(char::is_control);
        valid.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    /// Names stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(..)")
    }
}

/// A member of the group, as its authenticated leaf says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where it sits in the ratchet tree; leaves are reused after a removal.
    pub leaf: Leaf,
    /// Who it is for the server.
    pub participant: ParticipantId,
    /// What it calls itself.
    pub name: Name,
    /// Whether it takes video frames in packets without a payload descriptor,
    /// which then show nothing of a frame but its length. Its leaf lists
    /// [`RAW_VIDEO`] among the extensions it supports.
    pub raw_video: bool,
}

/// The extension type by which a leaf's capabilities say that its member takes
/// raw video (RFC 9420 section 7.2). It is of the private range (section 17.3)
/// and never has a value.
pub const RAW_VIDEO: u16 = 0xF0A1;

/// What a credential says: participant and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) participant: ParticipantId,
    pub(crate) name: Name,
}

impl Identity {
    /// Writes the identity into an MLS basic credential.
    pub(crate) fn credential(&self) -> Credential {
        let mut bytes = Vec::with_capacity(NAME_OFFSET + self.name.0.len());
        bytes.push(IDENTITY_VERSION);
        bytes.extend_from_slice(&self.participant.0);
        bytes.extend_from_slice(self.name.0.as_bytes());
        BasicCredential::new(bytes).into()
    }

    /// Reads an identity back, true or not; every byte has to be as
    /// [`Self::credential`] writes it, or as a certificate has it.
    pub(crate) fn parse(credential: &Credential) -> Result<Self, PeerMisbehaved> {
        if credential.credential_type() == CredentialType::X509 {
            let claims = Certificate::of(credential)?.claims()?;
            return Ok(Self {
                participant: claims.participant,
                name: claims.name,
            });
        }
        BasicCredential::try_from(credential.clone())
            .ok()
            .and_then(|basic| Self::from_bytes(basic.identity()))
            .ok_or(PeerMisbehaved::InvalidCredential)
    }

    /// Whether a leaf that had the one credential may have the other, with the
    /// same key: the same, or a later certificate that says the same.
    pub(crate) fn goes_on(before: &Credential, after: &Credential) -> bool {
        let claims = |credential| Certificate::of(credential).and_then(|it| it.claims());
        before == after
            || claims(before).is_ok_and(|before| claims(after).is_ok_and(|after| before == after))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&version, rest) = bytes.split_first()?;
        let (participant, name) = rest.split_first_chunk::<16>()?;
        if version != IDENTITY_VERSION {
            return None;
        }
        let name = Name::exact(std::str::from_utf8(name).ok()?)?;
        Some(Self {
            participant: ParticipantId(*participant),
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity_with_name(name: &[u8]) -> Vec<u8> {
        [&[IDENTITY_VERSION][..], &[7; 16], name].concat()
    }

    #[test]
    fn an_identity_survives_the_credential() {
        let identity = Identity {
            participant: ParticipantId([7; 16]),
            name: Name::new("  Zoë Ångström ").unwrap(),
        };
        assert_eq!(identity.name.as_str(), "Zoë Ångström");
        assert_eq!(Identity::parse(&identity.credential()), Ok(identity));
    }

    #[test]
    fn names_outside_the_bounds_are_refused() {
        assert!(Name::new(&"x".repeat(64)).is_ok());
        for bad in [
            "",
            "   ",
            "a\u{7}b",
            "a\nb",
            &"x".repeat(65),
            &"漢".repeat(43),
        ] {
            assert_eq!(Name::new(bad), Err(Misuse::InvalidName), "{bad:?}");
        }
    }

    #[test]
    fn credentials_that_deviate_are_refused() {
        assert!(Identity::from_bytes(&identity_with_name(b"Ben")).is_some());
        let mut version = identity_with_name(b"Ben");
        version[0] = 2;
        let truncated = &identity_with_name(b"")[..16];
        for bad in [
            &version[..],
            truncated,
            &identity_with_name(b""),
            &identity_with_name(b" Ben"),
            &identity_with_name(b"B\0n"),
            &identity_with_name(&[0xff, 0xfe]),
            &identity_with_name(&[b'x'; 129]),
        ] {
            assert_eq!(Identity::from_bytes(bad), None, "{bad:?}");
        }
    }
}
