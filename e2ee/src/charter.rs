//! What the founder of a call lays down for as long as it lasts: whose word
//! counts of who somebody is, and how the call is marked.
//!
//! ```text
//! GroupContext extension 0xF0A3 (RFC 9420 section 12.1.7):
//!   struct { opaque root<V>; } Root;
//!   struct { Root roots<V>; opaque marking<V>; } Charter;
//! ```
//!
//! Every member has it from the group's authenticated context, so that all judge
//! alike. A call without one has no roots: nobody in it is certified by it.

use crate::certificate::{Certificate, MAX_CERTIFICATE, Root};
use crate::error::{Misuse, PeerMisbehaved};
use openmls::group::GroupContext;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _, VLBytes};
use openmls::prelude::{
    Credential, CredentialType, Extension, Extensions, InvalidExtensionError, UnknownExtension,
};

/// The type of the extension, of the private range (RFC 9420 section 17.3).
/// Every leaf's capabilities list it.
pub(crate) const CHARTER: u16 = 0xF0A3;

/// Most roots a charter names. More organisations in one call need more.
const MAX_ROOTS: usize = 8;

/// How a call is marked, such as `VS-NfD`: 1 to 32 characters, no control
/// characters, no white space at either end. It says how what is spoken is to
/// be handled, and nothing about whether anybody has approved of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marking(String);

impl Marking {
    /// Longest marking, characters.
    pub const MAX_CHARS: usize = 32;

    /// Takes a marking.
    ///
    /// # Errors
    /// [`Misuse::InvalidMarking`].
    pub fn new(text: &str) -> Result<Self, Misuse> {
        let valid = !text.is_empty()
            && text.chars().count() <= Self::MAX_CHARS
            && text.trim().len() == text.len()
            && !text.chars().any(char::is_control);
        match valid {
            true => Ok(Self(text.to_owned())),
            false => Err(Misuse::InvalidMarking),
        }
    }

    /// The marking as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a call's founder laid down.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Charter {
    /// Whose certificates count.
    pub(crate) roots: Vec<Root>,
    /// How the call is marked. Whoever is in a marked call is certified.
    pub(crate) marking: Option<Marking>,
}

impl Charter {
    /// As extensions of a group's context.
    pub(crate) fn extensions(&self) -> Result<Extensions<GroupContext>, InvalidExtensionError> {
        if *self == Self::default() {
            return Ok(Extensions::empty());
        }
        let roots: Vec<VLBytes> = self
            .roots
            .iter()
            .map(|root| VLBytes::new(root.as_bytes().to_vec()))
            .collect();
        let marking = self.marking.as_ref().map_or("", Marking::as_str);
        let marking = VLBytes::new(marking.as_bytes().to_vec());
        // Serialising bytes into memory does not fail.
        let data = (roots, marking).tls_serialize_detached();
        let data = UnknownExtension(data.unwrap_or_default());
        Extensions::single(Extension::Unknown(CHARTER, data))
    }

    /// The charter of a group with these extensions.
    ///
    /// # Errors
    /// [`PeerMisbehaved::InvalidCharter`] if it has any other extension, or one
    /// that is not as [`Self::extensions`] writes it.
    pub(crate) fn of(extensions: &Extensions<GroupContext>) -> Result<Self, PeerMisbehaved> {
        let invalid = PeerMisbehaved::InvalidCharter;
        let mut extensions = extensions.iter();
        let data = match (extensions.next(), extensions.next()) {
            (None, _) => return Ok(Self::default()),
            (Some(Extension::Unknown(CHARTER, UnknownExtension(data))), None) => data,
            _ => return Err(invalid),
        };
        if data.len() > (MAX_ROOTS + 1) * MAX_CERTIFICATE {
            return Err(invalid);
        }
        let (roots, marking) =
            <(Vec<VLBytes>, VLBytes)>::tls_deserialize_exact(data).map_err(|_| invalid)?;
        // Without a root nobody could be in a marked call.
        if roots.is_empty() || roots.len() > MAX_ROOTS {
            return Err(invalid);
        }
        let roots: Vec<Root> = roots
            .iter()
            .map(|root| Root::new(root.as_slice()).map_err(|_| invalid))
            .collect::<Result<_, _>>()?;
        let marking = match marking.as_slice() {
            [] => None,
            text => {
                let text = std::str::from_utf8(text).map_err(|_| invalid)?;
                Some(Marking::new(text).map_err(|_| invalid)?)
            }
        };
        Ok(Self { roots, marking })
    }

    /// Whether a leaf may come into the call: a certificate is one by these
    /// roots, if there are any, and in a marked call everybody has one.
    ///
    /// # Errors
    /// As [`Certificate::verify`]; [`PeerMisbehaved::Uncertified`].
    pub(crate) fn lets_in(
        &self,
        (credential, key): (&Credential, &[u8]),
        unix_s: u64,
        clock: Clock,
    ) -> Result<(), PeerMisbehaved> {
        if credential.credential_type() != CredentialType::X509 {
            return match self.marking {
                Some(_) => Err(PeerMisbehaved::Uncertified),
                None => Ok(()),
            };
        }
        if self.roots.is_empty() {
            return Ok(());
        }
        let certificate = Certificate::of(credential)?;
        match clock {
            Clock::Ours => certificate.verify(&self.roots, key, unix_s),
            Clock::Theirs => certificate.verify_about(&self.roots, key, unix_s),
        }
        .map(drop)
    }

    /// As [`lets_in`](Self::lets_in), of one who is in the call: their
    /// certificate may have run out since they came.
    ///
    /// # Errors
    /// As [`lets_in`](Self::lets_in).
    pub(crate) fn lets_stay(
        &self,
        leaf: (&Credential, &[u8]),
        unix_s: u64,
    ) -> Result<(), PeerMisbehaved> {
        match self.lets_in(leaf, unix_s, Clock::Theirs) {
            Err(PeerMisbehaved::CertificateExpired) => Ok(()),
            verdict => verdict,
        }
    }
}

/// By whose clock a certificate has to be good.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// Ours: we let them in.
    Ours,
    /// That of another, who let them in: an hour around ours.
    Theirs,
}
