//! Certificates in leaves: who vouches for whom, what a call's founder lays
//! down, and what a marked call refuses.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::*;
use kit::authority::{ACCOUNT, Authority, DEVICE, Known, NOW, leaf};
use kit::rogue::{Rogue, SUITE, identity, knock_tag, link_psk_id, psk_id};
use kit::*;
use openmls::prelude::tls_codec::{Deserialize, Serialize, VLBytes};
use openmls::prelude::{
    Capabilities, Credential, CredentialType, CredentialWithKey, Extension, ExtensionType,
    Extensions, GroupId, KeyPackage, KeyPackageIn, LeafNodeParameters, MlsGroup,
    MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, OpenMlsProvider,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PreSharedKeyProposal, Proposal, ProtocolVersion,
    StagedWelcome, UnknownExtension,
};

const PRAXIS: [u8; 16] = [1; 16];
const OTHER: [u8; 16] = [2; 16];
const DAY_S: u64 = 86_400;

/// A participant of now who is nobody's.
fn guest(number: u8) -> Session {
    let mut guest = session(number);
    guest.tell_time(NOW);
    guest
}

/// The certificate of a session's stay, until some day of June 2026.
fn certificate(of: &Session, by: &Authority, name: &str, until: u8) -> Vec<u8> {
    let (key, _) = of.proof(&ACCOUNT, &DEVICE).unwrap();
    let tenant = by.tenant();
    let mut params = leaf(tenant, of.participant().0, name);
    params.not_after = rcgen::date_time_ymd(2026, 6, until);
    by.issue(&params, &Known(key))
}

/// A participant for whom an organisation vouches.
fn certified(number: u8, by: &Authority) -> Session {
    let mut session = guest(number);
    let name = format!("Dr. {number}");
    let certificate = certificate(&session, by, &name, 16);
    session.certify(&certificate, &by.root()).unwrap();
    session
}

fn trusts(session: &Session) -> Vec<Trust> {
    let members = session.members();
    members.iter().map(|member| session.trust(member)).collect()
}

fn refused<T>(result: Result<T, Error>) -> Error {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error,
    }
}

fn knocks(host: &Session, newcomer: &mut Session) -> Result<VerifiedKnock, Error> {
    let knock = newcomer.knock().unwrap();
    host.verify_knock(newcomer.participant(), &knock.key_package, &knock.tag)
}

#[test]
fn members_see_for_whom_an_organisation_vouches() {
    let praxis = Authority::new(PRAXIS);
    let (mut anna, mut ben, mut carl) = (certified(1, &praxis), certified(2, &praxis), guest(3));
    anna.create_group(0).unwrap();
    let knock = knocks(&anna, &mut ben).unwrap();
    assert_eq!(knock.name().as_str(), "Dr. 2", "not what Ben typed");
    assert_eq!(knock.certified().unwrap().organisation.as_str(), "praxis");
    admit(&mut [&mut anna], &mut ben, 0);
    assert_eq!(knocks(&anna, &mut carl).unwrap().certified(), None);
    admit(&mut [&mut anna, &mut ben], &mut carl, 0);
    use Trust::{Certified, Guest};
    for session in [&anna, &ben, &carl] {
        assert_eq!(names(session), ["Dr. 1", "Dr. 2", "Person 3"]);
        assert_eq!(trusts(session), [Certified, Certified, Guest]);
        let said = session.certified(&session.members()[1]).unwrap();
        assert_eq!((said.account, said.device), (ACCOUNT, DEVICE));
        assert_eq!(session.marking(), None);
    }
    // Everything else goes on as it does for guests.
    let frame = seal(&mut ben, Context::CAMERA, b"hello");
    assert!(open(&mut carl, &frame, 0).is_ok());
    let pending = ben.update().unwrap();
    accept(&mut [&mut ben, &mut anna, &mut carl], &pending, 0);
    assert_eq!(trusts(&carl), [Certified, Certified, Guest]);
}

#[test]
fn a_certificate_by_a_root_that_the_founder_does_not_name_is_refused() {
    let praxis = Authority::new(PRAXIS);
    let mut anna = certified(1, &praxis);
    anna.create_group(0).unwrap();
    let mut ben = certified(2, &Authority::new(OTHER));
    let unknown = PeerMisbehaved::UnknownRoot.into();
    assert_eq!(refused(knocks(&anna, &mut ben)), unknown);
    // One that calls itself the same organisation.
    let mut carl = certified(3, &Authority::new(PRAXIS));
    let invalid = PeerMisbehaved::InvalidCertificate.into();
    assert_eq!(refused(knocks(&anna, &mut carl)), invalid);
}

#[test]
fn where_no_root_is_named_everybody_knows_their_own_colleagues() {
    let praxis = Authority::new(PRAXIS);
    let (mut anna, mut ben, mut carl) = (guest(1), certified(2, &praxis), certified(3, &praxis));
    let mut dora = certified(4, &Authority::new(OTHER));
    anna.create_group(0).unwrap();
    admit(&mut [&mut anna], &mut ben, 0);
    admit(&mut [&mut anna, &mut ben], &mut carl, 0);
    admit(&mut [&mut anna, &mut ben, &mut carl], &mut dora, 0);
    use Trust::{Certified, Guest};
    assert_eq!(trusts(&anna), [Guest; 4]);
    assert_eq!(trusts(&ben), [Guest, Certified, Certified, Guest]);
    assert_eq!(trusts(&dora), [Guest, Guest, Guest, Certified]);
}

#[test]
fn a_certificate_is_for_one_stay_and_its_key_and_for_its_time() {
    let praxis = Authority::new(PRAXIS);
    let mut anna = guest(1);
    let good = certificate(&anna, &praxis, "Dr. 1", 16);
    let of_another_stay = certificate(&guest(2), &praxis, "Dr. 1", 16);
    let another_key = PeerMisbehaved::CertificateOfAnotherKey.into();
    let refusal = anna.certify(&of_another_stay, &praxis.root());
    assert_eq!(refusal, Err(another_key));
    let (key, _) = anna.proof(&ACCOUNT, &DEVICE).unwrap();
    let stay = praxis.issue(&leaf(PRAXIS, [2; 16], "Dr. 1"), &Known(key));
    let another_stay = PeerMisbehaved::KnockIdentity.into();
    assert_eq!(anna.certify(&stay, &praxis.root()), Err(another_stay));
    let expired = Err(PeerMisbehaved::CertificateExpired.into());
    for then in [NOW - 2 * DAY_S, NOW + 2 * DAY_S] {
        anna.tell_time(then);
        assert_eq!(anna.certify(&good, &praxis.root()), expired);
    }
    assert_eq!(session(1).proof(&ACCOUNT, &DEVICE).unwrap().0.len(), 32);
    anna.tell_time(NOW);
    anna.certify(&good, &praxis.root()).unwrap();
    assert_eq!(anna.name().as_str(), "Dr. 1", "not what she typed");
    anna.knock().unwrap();
    let late = Err(Misuse::AlreadyCertified.into());
    assert_eq!(anna.certify(&good, &praxis.root()), late, "after a knock");
}

#[test]
fn a_clock_that_was_never_told_takes_no_certificate() {
    let praxis = Authority::new(PRAXIS);
    let mut anna = session(1);
    let good = certificate(&anna, &praxis, "Dr. 1", 16);
    let expired = Err(PeerMisbehaved::CertificateExpired.into());
    assert_eq!(anna.certify(&good, &praxis.root()), expired);
}

#[test]
fn one_whose_certificate_ran_out_is_not_let_in_and_is_certified_no_longer() {
    let praxis = Authority::new(PRAXIS);
    let (mut anna, mut ben, mut carl) = (certified(1, &praxis), certified(2, &praxis), guest(3));
    let until = certificate(&anna, &praxis, "Dr. 1", 18);
    anna.create_group(0).unwrap();
    admit(&mut [&mut anna], &mut ben, 0);
    assert!(!anna.tell_time(NOW + 1));
    let later = NOW + DAY_S + 7_200;
    assert!(anna.tell_time(later), "somebody's has run out");
    assert!(!anna.tell_time(later + 1));
    ben.tell_time(later);
    carl.tell_time(later);
    assert_eq!(trusts(&anna), [Trust::Guest, Trust::Guest]);
    let expired = PeerMisbehaved::CertificateExpired.into();
    let mut dora = certified(4, &praxis);
    assert_eq!(refused(knocks(&anna, &mut dora)), expired);
    // Who is in stays in, and others may still join them.
    admit(&mut [&mut anna, &mut ben], &mut carl, 0);
    let pending = anna.renew(&until, &praxis.root()).unwrap();
    accept(&mut [&mut anna, &mut ben, &mut carl], &pending, 0);
    for session in [&anna, &ben, &carl] {
        use Trust::{Certified, Guest};
        assert_eq!(trusts(session), [Certified, Guest, Guest]);
    }
}

#[test]
fn members_refuse_whom_another_let_in_with_an_expired_certificate() {
    let praxis = Authority::new(PRAXIS);
    // By how much Ben's clock is after the end; Anna's stands still.
    for (after_s, good) in [(3_599, true), (3_601, false)] {
        let (mut anna, mut ben) = (certified(1, &praxis), certified(2, &praxis));
        let mut carl = certified(3, &praxis);
        anna.create_group(0).unwrap();
        admit(&mut [&mut anna], &mut ben, 0);
        let knock = verified(&anna, &mut carl);
        let pending = anna.admit(&[knock]).unwrap();
        ben.tell_time(NOW + DAY_S + after_s);
        let verdict = ben.process(&pending.commit, 0).map(drop);
        let expired = Err(PeerMisbehaved::CertificateExpired.into());
        assert_eq!(verdict, if good { Ok(()) } else { expired });
    }
}

#[test]
fn a_renewed_certificate_says_the_same_as_the_old_one() {
    let praxis = Authority::new(PRAXIS);
    let (mut anna, mut ben) = (certified(1, &praxis), certified(2, &praxis));
    anna.create_group(0).unwrap();
    admit(&mut [&mut anna], &mut ben, 0);
    let other = certificate(&ben, &praxis, "Dr. Berg", 18);
    let changed = PeerMisbehaved::IdentityChanged.into();
    assert_eq!(refused(ben.renew(&other, &praxis.root())), changed);
    let forger = Authority::new(PRAXIS);
    let forged = certificate(&ben, &forger, "Dr. 2", 18);
    let invalid = PeerMisbehaved::InvalidCertificate.into();
    assert_eq!(refused(ben.renew(&forged, &forger.root())), invalid);
    let later = certificate(&ben, &praxis, "Dr. 2", 18);
    // It loses the race for the epoch, and is put in with the next.
    ben.renew(&later, &praxis.root()).unwrap();
    let won = anna.update().unwrap();
    accept(&mut [&mut anna, &mut ben], &won, 0);
    let pending = ben.renew(&later, &praxis.root()).unwrap();
    accept(&mut [&mut ben, &mut anna], &pending, 0);
    for session in [&mut anna, &mut ben] {
        session.tell_time(NOW + DAY_S + 7_200);
        assert_eq!(trusts(session), [Trust::Guest, Trust::Certified]);
    }
    // Who was behind meanwhile comes back with what they have now.
    let knock = ben.resync(0).unwrap();
    let who = ben.participant();
    let returning = anna.verify_return(who, &knock.key_package, &knock.tag);
    let pending = anna.readmit(&returning.unwrap()).unwrap();
    accept(&mut [&mut anna], &pending, 0);
    ben.join(pending.welcome.as_ref().unwrap()).unwrap();
    assert_eq!(trusts(&anna), [Trust::Guest, Trust::Certified]);
    let guests = refused(guest(3).renew(&later, &praxis.root()));
    assert_eq!(guests, Misuse::NotInGroup.into());
}

#[test]
fn a_marked_call_is_founded_and_joined_by_certified_people_alone() {
    let praxis = Authority::new(PRAXIS);
    let marking = || Marking::new("VS-NfD").unwrap();
    let uncertified = guest(1).create_marked_group(marking(), 0);
    assert_eq!(uncertified, Err(Misuse::NotCertified.into()));
    let (mut anna, mut ben, mut carl) = (certified(1, &praxis), certified(2, &praxis), guest(3));
    anna.create_marked_group(marking(), 0).unwrap();
    admit(&mut [&mut anna], &mut ben, 0);
    assert_eq!(ben.marking(), Some(&marking()));
    assert_eq!(trusts(&ben), [Trust::Certified; 2]);
    let refusal = PeerMisbehaved::Uncertified.into();
    assert_eq!(refused(knocks(&ben, &mut carl)), refusal);
    for wrong in ["", " VS", "a\nb", &"x".repeat(33)] {
        assert_eq!(
            Marking::new(wrong),
            Err(Misuse::InvalidMarking),
            "{wrong:?}"
        );
    }
}

#[test]
fn a_marked_call_refuses_a_guest_whom_a_member_lets_in_against_the_rules() {
    let praxis = Authority::new(PRAXIS);
    let (mut anna, mut ben) = (certified(1, &praxis), certified(2, &praxis));
    anna.create_marked_group(Marking::new("VS-NfD").unwrap(), 0)
        .unwrap();
    admit(&mut [&mut anna], &mut ben, 0);
    let mallory = Rogue::new(identity(participant(3), "Mallory"));
    let params = leaf(PRAXIS, participant(3).0, "Mallory");
    let certificate = praxis.issue(&params, &Known(mallory.signer.public().to_vec()));
    let mut group = enters_certified(&mallory, &mut [&mut anna, &mut ben], &certificate);
    assert_eq!(trusts(&anna), [Trust::Certified; 3]);

    let guest = Rogue::new(identity(participant(4), "Guest"));
    let forger = Authority::new(PRAXIS);
    let forged = forger.issue(
        &leaf(PRAXIS, participant(4).0, "Dr. 4"),
        &Known(guest.signer.public().to_vec()),
    );
    let cases = [
        (guest.credential(), PeerMisbehaved::Uncertified),
        (x509(&guest, &forged), PeerMisbehaved::InvalidCertificate),
    ];
    for (credential, why) in cases {
        let psk = PreSharedKeyProposal::new(psk_id(&mallory.provider, &link_psk_id()));
        let bundle = group
            .commit_builder()
            .propose_adds([key_package(&guest, credential)])
            .add_proposals([Proposal::PreSharedKey(Box::new(psk))])
            .load_psks(mallory.provider.storage())
            .unwrap()
            .build(
                mallory.provider.rand(),
                mallory.provider.crypto(),
                &mallory.signer,
                |_| true,
            )
            .unwrap()
            .stage_commit(&mallory.provider)
            .unwrap();
        let commit = bundle.into_commit().to_bytes().unwrap();
        assert_eq!(refused(ben.process(&commit, 0)), why.into());
        group
            .clear_pending_commit(mallory.provider.storage())
            .unwrap();
    }
    let pending = anna.update().unwrap();
    accept(&mut [&mut anna, &mut ben], &pending, 0);
}

#[test]
fn a_member_who_takes_another_name_by_another_certificate_is_refused() {
    let praxis = Authority::new(PRAXIS);
    let (mut anna, mut ben) = (certified(1, &praxis), certified(2, &praxis));
    anna.create_group(0).unwrap();
    admit(&mut [&mut anna], &mut ben, 0);
    let mallory = Rogue::new(identity(participant(3), "Mallory"));
    let key = || Known(mallory.signer.public().to_vec());
    let certificate = praxis.issue(&leaf(PRAXIS, participant(3).0, "Mallory"), &key());
    let mut group = enters_certified(&mallory, &mut [&mut anna, &mut ben], &certificate);
    let another = praxis.issue(&leaf(PRAXIS, participant(3).0, "Dr. 1"), &key());
    let guest = mallory.credential();
    for credential in [x509(&mallory, &another), guest] {
        let leaf = LeafNodeParameters::builder().with_credential_with_key(credential);
        let update = group.self_update(&mallory.provider, &mallory.signer, leaf.build());
        let commit = update.unwrap().into_commit().to_bytes().unwrap();
        let changed = PeerMisbehaved::IdentityChanged.into();
        assert_eq!(refused(ben.process(&commit, 0)), changed);
        group
            .clear_pending_commit(mallory.provider.storage())
            .unwrap();
    }
}

#[test]
fn nobody_joins_a_marked_call_that_a_guest_is_in_or_one_whose_charter_is_none() {
    let praxis = Authority::new(PRAXIS);
    let charter = |roots: &[Vec<u8>], marking: &str| {
        let roots: Vec<_> = roots.iter().cloned().map(VLBytes::new).collect();
        let marking = VLBytes::new(marking.as_bytes().to_vec());
        (roots, marking).tls_serialize_detached().unwrap()
    };
    let root = praxis.root();
    let only = std::slice::from_ref(&root);
    let good = charter(only, "");
    let cases = [
        (0xF0A3, good.clone(), None),
        (
            0xF0A3,
            charter(only, "VS"),
            Some(PeerMisbehaved::Uncertified),
        ),
        (
            0xF0A3,
            charter(&[], "VS"),
            Some(PeerMisbehaved::InvalidCharter),
        ),
        (
            0xF0A3,
            charter(&[vec![7; 9]], ""),
            Some(PeerMisbehaved::InvalidCharter),
        ),
        (
            0xF0A3,
            charter(only, " VS"),
            Some(PeerMisbehaved::InvalidCharter),
        ),
        (
            0xF0A3,
            charter(&vec![root.clone(); 9], ""),
            Some(PeerMisbehaved::InvalidCharter),
        ),
        (
            0xF0A3,
            good[1..].to_vec(),
            Some(PeerMisbehaved::InvalidCharter),
        ),
        (0xF0A2, good, Some(PeerMisbehaved::InvalidCharter)),
    ];
    for (at, (kind, data, why)) in cases.into_iter().enumerate() {
        let mut anna = certified(1, &praxis);
        let mallory = Rogue::new(identity(participant(3), "Mallory"));
        let extension = Extension::Unknown(kind, UnknownExtension(data));
        let group = MlsGroup::builder()
            .ciphersuite(SUITE)
            .with_wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .with_capabilities(capabilities())
            .with_group_id(GroupId::from_slice(&[&ROOM.0[..], &[0; 16]].concat()))
            .with_group_context_extensions(Extensions::single(extension).unwrap())
            .build(&mallory.provider, &mallory.signer, mallory.credential());
        let mut group = group.unwrap();
        let knock = anna.knock().unwrap();
        let package = KeyPackageIn::tls_deserialize_exact(&knock.key_package).unwrap();
        let package = package.validate(mallory.provider.crypto(), ProtocolVersion::Mls10);
        let psk = PreSharedKeyProposal::new(psk_id(&mallory.provider, &link_psk_id()));
        let bundle = group
            .commit_builder()
            .propose_adds([package.unwrap()])
            .add_proposals([Proposal::PreSharedKey(Box::new(psk))])
            .load_psks(mallory.provider.storage())
            .unwrap()
            .build(
                mallory.provider.rand(),
                mallory.provider.crypto(),
                &mallory.signer,
                |_| true,
            )
            .unwrap()
            .stage_commit(&mallory.provider)
            .unwrap();
        let (_, welcome, _) = bundle.into_messages();
        let joined = anna.join(&welcome.unwrap().to_bytes().unwrap());
        assert_eq!(joined, why.map_or(Ok(()), |why| Err(why.into())), "{at}");
    }
}

fn x509(rogue: &Rogue, certificate: &[u8]) -> CredentialWithKey {
    let chain = VLBytes::new(certificate.to_vec());
    let chain = chain.tls_serialize_detached().unwrap();
    CredentialWithKey {
        credential: Credential::new(CredentialType::X509, chain),
        signature_key: rogue.signer.public().into(),
    }
}

fn key_package(rogue: &Rogue, credential: CredentialWithKey) -> KeyPackage {
    KeyPackage::builder()
        .leaf_node_capabilities(capabilities())
        .build(SUITE, &rogue.provider, &rogue.signer, credential)
        .unwrap()
        .into_key_package()
}

/// What every leaf of ours says it knows.
fn capabilities() -> Capabilities {
    let extensions = [0xF0A2, 0xF0A3].map(ExtensionType::Unknown);
    let credentials = [CredentialType::Basic, CredentialType::X509];
    Capabilities::new(None, None, Some(&extensions), None, Some(&credentials))
}

/// As [`Rogue::enter`], with a certificate.
fn enters_certified(rogue: &Rogue, members: &mut [&mut Session], certificate: &[u8]) -> MlsGroup {
    let package = key_package(rogue, x509(rogue, certificate));
    let package = package.tls_serialize_detached().unwrap();
    let tag = knock_tag(&SECRET, participant(3), &package);
    let knock = members[0].verify_knock(participant(3), &package, &tag);
    let pending = members[0].admit(&[knock.unwrap()]).unwrap();
    accept(members, &pending, 0);
    let welcome = MlsMessageIn::tls_deserialize_exact(pending.welcome.unwrap()).unwrap();
    let MlsMessageBodyIn::Welcome(welcome) = welcome.extract() else {
        panic!("no welcome");
    };
    let config = MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .build();
    StagedWelcome::new_from_welcome(&rogue.provider, &config, welcome, None)
        .unwrap()
        .into_group(&rogue.provider)
        .unwrap()
}
