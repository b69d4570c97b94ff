//! What an organisation's server vouches for: that a participant's signature
//! key is on a device of somebody, under the name that the organisation knows
//! them by. X.509 (RFC 5280), Ed25519 throughout, as `docs/protocol.md` section
//! 2 says.
//!
//! ```text
//! Credential x509 = one certificate, DER   subject CN, O = the person's name, the organisation's
//!   signed by a Root                       SAN URI = conclave:TENANT/ACCOUNT/DEVICE/PARTICIPANT
//!   key = the leaf's signature key         EKU = id-kp-imUri (RFC 9734)
//! ```
//!
//! It proves no more than that the organisation's server says so. Which roots
//! count in a call its founder says (`charter` module).

use crate::error::PeerMisbehaved;
use crate::identity::{Name, ParticipantId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _, VLBytes};
use openmls::prelude::{Credential, CredentialType};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::SignatureScheme;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
    TrustAnchor, UnixTime, alg_id,
};
use std::time::Duration;
use webpki::{EndEntityCert, Error as WebpkiError, KeyUsage, anchor_from_trusted_cert};

/// How far the clock of another member may be from ours, seconds: what they let
/// in was good for them.
const TOLERANCE_S: u64 = 60 * 60;

/// Longest certificate, bytes. With the longest names one has about 900.
pub const MAX_CERTIFICATE: usize = 2048;
/// id-kp-imUri, DER (RFC 9734 section 3).
const IM_URI: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 40];
/// What an Ed25519 key in a certificate begins with (RFC 8410 section 4).
const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
/// Types of the attributes of a name (RFC 5280 appendix A.1).
const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
const ORGANISATION: [u8; 3] = [0x55, 4, 10];
/// What the URI in a certificate begins with, and a root's name.
const SCHEME: &str = "conclave:";

/// An organisation's root, which vouches for its people's devices.
#[derive(Clone, PartialEq, Eq)]
pub struct Root {
    certificate: Vec<u8>,
    tenant: [u8; 16],
}

/// A certificate as it came: nothing of it is known to be true.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(Vec<u8>);

/// What a certificate says, and a root vouches for once it
/// [verifies](Certificate::verify).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// The organisation.
    pub tenant: [u8; 16],
    /// The account in it.
    pub account: [u8; 16],
    /// The device of the account.
    pub device: [u8; 16],
    /// The stay for which it was issued.
    pub participant: ParticipantId,
    /// The name of whose account it is.
    pub name: Name,
    /// The organisation's name.
    pub organisation: Name,
}

impl Root {
    /// Takes a root's certificate, DER.
    ///
    /// # Errors
    /// [`PeerMisbehaved::InvalidCertificate`].
    pub fn new(certificate: &[u8]) -> Result<Self, PeerMisbehaved> {
        let invalid = PeerMisbehaved::InvalidCertificate;
        if certificate.len() > MAX_CERTIFICATE {
            return Err(invalid);
        }
        let der = CertificateDer::from(certificate);
        let anchor = anchor_from_trusted_cert(&der).map_err(|_| invalid)?;
        let name = attribute(&anchor.subject, COMMON_NAME).ok_or(invalid)?;
        let tenant = name.strip_prefix(SCHEME).and_then(id).ok_or(invalid)?;
        Ok(Self {
            certificate: certificate.to_vec(),
            tenant,
        })
    }

    /// The certificate, DER.
    pub fn as_bytes(&self) -> &[u8] {
        &self.certificate
    }

    /// Whose it is.
    pub fn tenant(&self) -> [u8; 16] {
        self.tenant
    }
}

impl Certificate {
    /// Takes a certificate, DER.
    ///
    /// # Errors
    /// [`PeerMisbehaved::InvalidCertificate`] if it is too long.
    pub fn new(certificate: &[u8]) -> Result<Self, PeerMisbehaved> {
        match certificate.len() <= MAX_CERTIFICATE {
            true => Ok(Self(certificate.to_vec())),
            false => Err(PeerMisbehaved::InvalidCertificate),
        }
    }

    /// As credential of an MLS leaf (RFC 9420 section 5.3).
    pub(crate) fn credential(&self) -> Credential {
        // Serialising bytes into memory does not fail.
        let chain = VLBytes::new(self.0.clone()).tls_serialize_detached();
        Credential::new(CredentialType::X509, chain.unwrap_or_default())
    }

    /// The certificate of such a credential: the only one in its chain.
    pub(crate) fn of(credential: &Credential) -> Result<Self, PeerMisbehaved> {
        let invalid = PeerMisbehaved::InvalidCertificate;
        if credential.credential_type() != CredentialType::X509 {
            return Err(PeerMisbehaved::InvalidCredential);
        }
        let chain = credential.serialized_content();
        let only = VLBytes::tls_deserialize_exact(chain).map_err(|_| invalid)?;
        Self::new(only.as_slice())
    }

    /// What it says, true or not.
    ///
    /// # Errors
    /// [`PeerMisbehaved::InvalidCertificate`] if it is none of a device.
    pub fn claims(&self) -> Result<Certified, PeerMisbehaved> {
        let invalid = PeerMisbehaved::InvalidCertificate;
        let der = CertificateDer::from(self.0.as_slice());
        claims(&EndEntityCert::try_from(&der).map_err(|_| invalid)?).ok_or(invalid)
    }

    /// What one of these roots vouches for with it, if it is for this key and
    /// good at this time, seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`PeerMisbehaved::InvalidCertificate`],
    /// [`PeerMisbehaved::CertificateExpired`] also for one that is not good yet,
    /// [`PeerMisbehaved::UnknownRoot`], [`PeerMisbehaved::CertificateOfAnotherKey`].
    pub fn verify(
        &self,
        roots: &[Root],
        key: &[u8],
        unix_s: u64,
    ) -> Result<Certified, PeerMisbehaved> {
        let invalid = PeerMisbehaved::InvalidCertificate;
        let der = CertificateDer::from(self.0.as_slice());
        let leaf = EndEntityCert::try_from(&der).map_err(|_| invalid)?;
        let roots: Vec<CertificateDer<'_>> = roots
            .iter()
            .map(|root| CertificateDer::from(root.certificate.as_slice()))
            .collect();
        let anchors: Vec<TrustAnchor<'_>> = roots
            .iter()
            .map(|root| anchor_from_trusted_cert(root).map_err(|_| invalid))
            .collect::<Result<_, _>>()?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(unix_s));
        let usage = KeyUsage::required(&IM_URI);
        let path = leaf.verify_for_usage(&[&Ed25519], &anchors, &[], time, usage, None, None);
        let path = path.map_err(|error| match error {
            WebpkiError::CertExpired { .. } | WebpkiError::CertNotValidYet { .. } => {
                PeerMisbehaved::CertificateExpired
            }
            WebpkiError::UnknownIssuer => PeerMisbehaved::UnknownRoot,
            _ => invalid,
        })?;
        let spki = leaf.subject_public_key_info();
        if spki.as_ref().strip_prefix(&SPKI_HEAD) != Some(key) {
            return Err(PeerMisbehaved::CertificateOfAnotherKey);
        }
        let by = attribute(&path.anchor().subject, COMMON_NAME).ok_or(invalid)?;
        let by = by.strip_prefix(SCHEME).and_then(id).ok_or(invalid)?;
        let certified = claims(&leaf).ok_or(invalid)?;
        // A root speaks for its own organisation alone.
        match certified.tenant == by {
            true => Ok(certified),
            false => Err(invalid),
        }
    }

    /// As [`verify`](Self::verify), by a clock that may be an hour off: what
    /// another member has let in, who looked at its own.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_about(
        &self,
        roots: &[Root],
        key: &[u8],
        unix_s: u64,
    ) -> Result<Certified, PeerMisbehaved> {
        let expired = Err(PeerMisbehaved::CertificateExpired);
        let off = [
            unix_s.saturating_sub(TOLERANCE_S),
            unix_s.saturating_add(TOLERANCE_S),
        ];
        let now = self.verify(roots, key, unix_s);
        off.into_iter().fold(now, |verdict, then| match verdict {
            verdict if verdict != expired => verdict,
            _ => self.verify(roots, key, then),
        })
    }
}

/// What a certificate says.
fn claims(leaf: &EndEntityCert<'_>) -> Option<Certified> {
    let mut uris = leaf.valid_uri_names();
    let (uri, None) = (uris.next()?, uris.next()) else {
        return None;
    };
    let [tenant, account, device, participant] = ids(uri)?;
    Some(Certified {
        tenant,
        account,
        device,
        participant: ParticipantId(participant),
        name: attribute(leaf.subject(), COMMON_NAME).and_then(Name::exact)?,
        organisation: attribute(leaf.subject(), ORGANISATION).and_then(Name::exact)?,
    })
}

/// The four identifiers of the URI.
fn ids(uri: &str) -> Option<[[u8; 16]; 4]> {
    let mut parts = uri.strip_prefix(SCHEME)?.split('/').map(id);
    let ids = [
        parts.next()??,
        parts.next()??,
        parts.next()??,
        parts.next()??,
    ];
    parts.next().is_none().then_some(ids)
}

fn id(text: &str) -> Option<[u8; 16]> {
    BASE64URL.decode(text).ok()?.try_into().ok()
}

/// The only attribute of this type in a distinguished name, whose outer tag is
/// off: UTF-8 or printable (RFC 5280 section 4.1.2.4).
fn attribute(mut names: &[u8], of_type: [u8; 3]) -> Option<&str> {
    let mut found = None;
    while !names.is_empty() {
        let (mut set, rest) = take(names, &[0x31])?;
        names = rest;
        while !set.is_empty() {
            let (attribute, rest) = take(set, &[0x30])?;
            set = rest;
            let (kind, value) = take(attribute, &[0x06])?;
            if kind != of_type {
                continue;
            }
            let (text, rest) = take(value, &[0x0c, 0x13])?;
            if !rest.is_empty() || found.is_some() {
                return None;
            }
            found = Some(std::str::from_utf8(text).ok()?);
        }
    }
    found
}

/// The content of the value that stands first, which has one of these tags, and
/// what is behind it. DER; no value here is longer than 65535 bytes.
fn take<'a>(der: &'a [u8], tags: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match (first, rest) {
        (0..=0x7f, rest) => (usize::from(*first), rest),
        (0x81, [length @ 0x80..=0xff, rest @ ..]) => (usize::from(*length), rest),
        (0x82, [high @ 1..=0xff, low, rest @ ..]) => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    tags.contains(tag).then_some((content, rest))
}

/// Ed25519 by the same implementation that verifies the leaves.
#[derive(Debug)]
struct Ed25519;

impl SignatureVerificationAlgorithm for Ed25519 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        RustCrypto::default()
            .verify_signature(SignatureScheme::ED25519, message, public_key, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
