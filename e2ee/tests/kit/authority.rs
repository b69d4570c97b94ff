//! An organisation's server, as far as it issues certificates.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, PKCS_ED25519, PublicKeyData, SanType, SignatureAlgorithm, date_time_ymd,
};

/// 2026-06-15, midnight. What [`leaf`] makes is good a day before and after.
pub const NOW: u64 = 1_781_481_600;
/// Whose device every certificate is for.
pub const ACCOUNT: [u8; 16] = [7; 16];
pub const DEVICE: [u8; 16] = [8; 16];

pub struct Authority {
    tenant: [u8; 16],
    key: KeyPair,
}

/// An Ed25519 key that is known by its public half.
pub struct Known(pub Vec<u8>);

impl PublicKeyData for Known {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl Authority {
    pub fn new(tenant: [u8; 16]) -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        Self { tenant, key }
    }

    pub fn tenant(&self) -> [u8; 16] {
        self.tenant
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("conclave:{}", BASE64URL.encode(self.tenant)));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params
    }

    /// The root's certificate, DER.
    pub fn root(&self) -> Vec<u8> {
        let root = self.params().self_signed(&self.key).unwrap();
        root.der().to_vec()
    }

    /// A certificate, DER.
    pub fn issue(&self, params: &CertificateParams, key: &impl PublicKeyData) -> Vec<u8> {
        let issuer = Issuer::new(self.params(), &self.key);
        params.signed_by(key, &issuer).unwrap().der().to_vec()
    }
}

pub fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names.push(DnType::OrganizationName, "praxis");
    names
}

pub fn uri(tenant: [u8; 16], participant: [u8; 16]) -> SanType {
    let ids = [tenant, ACCOUNT, DEVICE, participant].map(|id| BASE64URL.encode(id));
    let uri = format!("conclave:{}", ids.join("/"));
    SanType::URI(Ia5String::try_from(uri).unwrap())
}

/// What the service writes into a certificate.
pub fn leaf(tenant: [u8; 16], participant: [u8; 16], name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.subject_alt_names = vec![uri(tenant, participant)];
    params.is_ca = IsCa::ExplicitNoCa;
    let purpose = vec![1, 3, 6, 1, 5, 5, 7, 3, 40];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(purpose)];
    params.not_before = date_time_ymd(2026, 6, 14);
    params.not_after = date_time_ymd(2026, 6, 16);
    params
}
