//! An organisation's root, and the certificates it issues (RFC 5280). Both keys
//! are Ed25519, as those of the MLS leaves are.

use super::key::ServerKey;
use crate::domain::Millis;
use crate::domain::device::{self, DRIFT, Subject};
use crate::store::Root;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use conclave_wire::code::Code;
use conclave_wire::id::TenantId;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SanType, SerialNumber,
    SignatureAlgorithm,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use std::time::{Duration, UNIX_EPOCH};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// How long a root is good: longer than anybody keeps a server without a new
/// one.
const LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 3600);

/// id-kp-imUri, for instant messaging and MLS (RFC 9734 section 3).
const IM_URI: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 40];

/// Length of an Ed25519 public key, bytes.
const KEY_LEN: usize = 32;

/// Whom a certificate is for.
pub(crate) struct Holder<'a> {
    pub(crate) subject: Subject,
    /// The person's name, as their organisation has it.
    pub(crate) name: &'a str,
    /// The organisation's.
    pub(crate) organisation: &'a str,
}

/// A public key as it came.
struct LeafKey<'a>(&'a [u8]);

impl PublicKeyData for LeafKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl ServerKey {
    /// Makes an organisation's root.
    ///
    /// # Errors
    /// [`Code::Internal`] when there is no randomness.
    pub(super) fn make_root(&self, tenant: TenantId, now: Millis) -> Result<Root, Code> {
        let key = KeyPair::generate_for(&PKCS_ED25519).map_err(internal)?;
        let mut params = of_root(tenant);
        params.serial_number = Some(serial()?);
        params.not_before = moment(Millis(now.0.saturating_sub(millis(DRIFT))));
        params.not_after = moment(now + LIFETIME);
        let certificate = params.self_signed(&key).map_err(internal)?;
        let secret = Zeroizing::new(key.serialize_der());
        let sealed = self.roots.seal(tenant.0, &secret).ok_or(Code::Internal)?;
        Ok(Root {
            certificate: certificate.der().to_vec(),
            key: sealed,
        })
    }

    /// A certificate by that root for a key whose possession was proved.
    ///
    /// # Errors
    /// [`Code::ProofWrong`]; [`Code::Internal`] when the root's key does not
    /// open or there is no randomness.
    pub(super) fn issue(
        &self,
        (root, now): (&Root, Millis),
        holder: &Holder<'_>,
        (key, proof): (&[u8], &[u8]),
    ) -> Result<Vec<u8>, Code> {
        let Holder { subject, .. } = holder;
        let proved = UnparsedPublicKey::new(&ED25519, key).verify(&subject.proves(key), proof);
        if key.len() != KEY_LEN || proved.is_err() {
            return Err(Code::ProofWrong);
        }
        let tenant = subject.tenant;
        let Some(secret) = self.roots.open(tenant.0, &root.key) else {
            tracing::error!("a root's key was sealed with another key than the server's");
            return Err(Code::Internal);
        };
        let secret = PrivatePkcs8KeyDer::from(secret.as_slice());
        let signer = KeyPair::from_pkcs8_der_and_sign_algo(&secret, &PKCS_ED25519);
        let issuer = Issuer::new(of_root(tenant), signer.map_err(internal)?);
        let mut params = CertificateParams::default();
        params.serial_number = Some(serial()?);
        params.not_before = moment(Millis(now.0.saturating_sub(millis(DRIFT))));
        params.not_after = moment(device::ends(now));
        params.distinguished_name = DistinguishedName::new();
        let names = &mut params.distinguished_name;
        names.push(DnType::CommonName, holder.name);
        names.push(DnType::OrganizationName, holder.organisation);
        let uri = Ia5String::try_from(subject.uri()).map_err(|_| Code::Internal)?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(IM_URI.to_vec())];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&LeafKey(key), &issuer);
        Ok(certificate.map_err(internal)?.der().to_vec())
    }
}

/// What is the same whenever the root is needed: who it is, and what it may.
fn of_root(tenant: TenantId) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = format!("conclave:{tenant}");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// 126 random bits; positive and of one length (RFC 5280 section 4.1.2.2).
fn serial() -> Result<SerialNumber, Code> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|_| Code::Internal)?;
    serial[0] = serial[0] & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&serial))
}

fn moment(moment: Millis) -> OffsetDateTime {
    OffsetDateTime::from(UNIX_EPOCH + Duration::from_millis(moment.0))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn internal(_: rcgen::Error) -> Code {
    Code::Internal
}
