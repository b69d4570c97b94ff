//! Certificates as the service makes them, and as others might.

use super::*;
use authority::{Authority, NOW, named, uri};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    PKCS_ED25519, PublicKeyData as _,
};

#[path = "../../tests/kit/authority.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is the behaviour tests', too")]
mod authority;

const PRAXIS: [u8; 16] = [1; 16];
const OTHER: [u8; 16] = [2; 16];

fn leaf() -> CertificateParams {
    authority::leaf(PRAXIS, [9; 16], "Dr. Änne Berg")
}

fn root(authority: &Authority) -> Root {
    Root::new(&authority.root()).unwrap()
}

fn issue(authority: &Authority, params: &CertificateParams, key: &KeyPair) -> Certificate {
    Certificate::new(&authority.issue(params, key)).unwrap()
}

fn draw() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).unwrap()
}

#[test]
fn a_root_vouches_for_a_name_and_a_key_for_some_time() {
    let (praxis, key) = (Authority::new(PRAXIS), draw());
    let certificate = issue(&praxis, &leaf(), &key);
    let roots = [root(&Authority::new(OTHER)), root(&praxis)];
    let certified = certificate.verify(&roots, key.der_bytes(), NOW).unwrap();
    assert_eq!(certified.name.as_str(), "Dr. Änne Berg");
    assert_eq!(certified.tenant, PRAXIS);
    assert_eq!((certified.account, certified.device), ([7; 16], [8; 16]));
    assert_eq!(certified.participant, ParticipantId([9; 16]));
    assert_eq!(certified.organisation.as_str(), "praxis");
    assert_eq!(certificate.claims(), Ok(certified));
    let expired = Err(PeerMisbehaved::CertificateExpired);
    for day in [-2, 2_i64] {
        let then = NOW.checked_add_signed(day * 86_400).unwrap();
        assert_eq!(certificate.verify(&roots, key.der_bytes(), then), expired);
        assert_eq!(
            certificate.verify_about(&roots, key.der_bytes(), then),
            expired
        );
    }
    // It is good from midnight to midnight, two days later.
    for (s, about) in [(-1, true), (-3_600, true), (-3_601, false)] {
        for (end, s) in [
            (NOW - 86_400 - NOW % 86_400, s),
            (NOW + 86_400 - NOW % 86_400, -s),
        ] {
            let then = end.checked_add_signed(s).unwrap();
            assert_eq!(certificate.verify(&roots, key.der_bytes(), then), expired);
            let verdict = certificate.verify_about(&roots, key.der_bytes(), then);
            assert_eq!(verdict.is_ok(), about, "{s} s off");
        }
    }
    let credential = certificate.credential();
    assert!(Certificate::of(&credential).is_ok_and(|read| read == certificate));
}

#[test]
fn another_root_another_key_and_a_changed_certificate_are_refused() {
    let (praxis, key) = (Authority::new(PRAXIS), draw());
    let certificate = issue(&praxis, &leaf(), &key);
    let verify = |certificate: &Certificate, roots: &[Root], key: &KeyPair| {
        certificate.verify(roots, key.der_bytes(), NOW).unwrap_err()
    };
    let unknown = PeerMisbehaved::UnknownRoot;
    assert_eq!(verify(&certificate, &[], &key), unknown);
    let other = root(&Authority::new(OTHER));
    assert_eq!(verify(&certificate, &[other], &key), unknown);
    // Another that calls itself the same.
    let forged = root(&Authority::new(PRAXIS));
    assert_eq!(
        verify(&certificate, &[forged], &key),
        PeerMisbehaved::InvalidCertificate
    );
    let roots = [root(&praxis)];
    let another = PeerMisbehaved::CertificateOfAnotherKey;
    assert_eq!(verify(&certificate, &roots, &draw()), another);
    for at in 0..certificate.0.len() {
        let mut changed = certificate.clone();
        changed.0[at] ^= 1;
        let verdict = changed.verify(&roots, key.der_bytes(), NOW);
        assert!(verdict.is_err(), "byte {at}");
        let short = Certificate(certificate.0[..at].to_vec());
        assert!(short.verify(&roots, key.der_bytes(), NOW).is_err());
    }
}

#[test]
fn what_a_root_signed_for_another_purpose_is_refused() {
    let (praxis, key) = (Authority::new(PRAXIS), draw());
    let roots = [root(&praxis)];
    let changes: [fn(&mut CertificateParams); 8] = [
        |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        |params| params.extended_key_usages.clear(),
        |params| params.subject_alt_names = vec![uri(OTHER, [9; 16])],
        |params| params.subject_alt_names.push(uri(PRAXIS, [9; 16])),
        |params| params.subject_alt_names.clear(),
        |params| params.distinguished_name = named(" "),
        |params| {
            params
                .distinguished_name
                .remove(DnType::OrganizationName)
                .then_some(())
                .unwrap()
        },
        |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut params = leaf();
        change(&mut params);
        let verdict = issue(&praxis, &params, &key).verify(&roots, key.der_bytes(), NOW);
        assert_eq!(verdict, Err(PeerMisbehaved::InvalidCertificate), "{at}");
    }
}

#[test]
fn credentials_with_no_certificate_or_several_are_refused() {
    let one = Certificate(vec![7; 9]).credential();
    let one = one.serialized_content();
    for chain in [&[][..], &[one, one].concat(), &one[1..], &[0x40]] {
        let credential = Credential::new(CredentialType::X509, chain.to_vec());
        assert!(Certificate::of(&credential).is_err(), "{chain:?}");
    }
    let basic = Credential::new(CredentialType::Basic, one.to_vec());
    assert!(Certificate::of(&basic).is_err());
    assert!(Certificate::new(&[0; MAX_CERTIFICATE + 1]).is_err());
}

#[test]
fn lengths_have_one_form() {
    assert_eq!(take(&[0x0c, 1, 7, 9], &[0x0c]), Some((&[7][..], &[9][..])));
    for wrong in [
        &[][..],
        &[0x0c],
        &[0x0c, 2, 7],
        &[0x0c, 0x81, 1, 7],
        &[0x0c, 0x82, 0, 1, 7],
        &[0x0c, 0x80],
        &[0x0c, 0x84, 0, 0, 0, 1, 7],
    ] {
        assert_eq!(take(wrong, &[0x0c]), None, "{wrong:?}");
    }
    assert_eq!(take(&[0x13, 0], &[0x0c]), None);
}
