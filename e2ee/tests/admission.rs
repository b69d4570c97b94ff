//! Who gets in: knocks, Welcomes, and what the link secret decides.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::*;
use kit::rogue::{Rogue, identity, knock_tag, link_psk_id};
use kit::*;
use openmls::prelude::tls_codec::Deserialize;
use openmls::prelude::{
    KeyPackage, KeyPackageIn, LeafNodeParameters, OpenMlsProvider, ProtocolVersion,
};
use openmls_rust_crypto::OpenMlsRustCrypto;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn both_suites_admit_and_let_members_talk() {
    for suite in [Suite::Hybrid, Suite::Classic] {
        let mut anna = session_in(suite, 1, SECRET);
        let mut ben = session_in(suite, 2, SECRET);
        anna.create_group(0).unwrap();
        admit(&mut [&mut anna], &mut ben, 0);
        assert_eq!(names(&ben), ["Person 1", "Person 2"]);
        let frame = seal(&mut ben, Context::CAMERA, b"hello");
        let opened = open(&mut anna, &frame, 0).unwrap();
        assert_eq!(opened, (participant(2), Context::CAMERA, b"hello".to_vec()));
    }
}

#[test]
fn members_learn_from_each_others_leaves_who_takes_raw_video() {
    let takes = |number, raw_video| {
        let config = Config {
            suite: Suite::Classic,
            raw_video,
        };
        session_with(config, number, SECRET)
    };
    let (mut anna, mut ben, mut chris) = (takes(1, true), takes(2, false), takes(3, true));
    anna.create_group(0).unwrap();
    admit(&mut [&mut anna], &mut ben, 0);
    admit(&mut [&mut anna, &mut ben], &mut chris, 0);
    for session in [&anna, &ben, &chris] {
        let told: Vec<_> = session.members().iter().map(|m| m.raw_video).collect();
        assert_eq!(told, [true, false, true]);
    }
}

#[test]
fn a_verified_knock_shows_participant_and_name() {
    let (anna, mut ben) = (founder(1), session(2));
    let knock = verified(&anna, &mut ben);
    assert_eq!(knock.participant(), participant(2));
    assert_eq!(knock.name().as_str(), "Person 2");
}

#[test]
fn a_knock_without_the_link_secret_is_refused() {
    let anna = founder(1);
    let knock = session_in(Suite::Classic, 2, [0; 32]).knock().unwrap();
    let refused = anna.verify_knock(participant(2), &knock.key_package, &knock.tag);
    assert_eq!(refused.unwrap_err(), PeerMisbehaved::KnockForged.into());
}

#[test]
fn a_knock_with_a_swapped_part_is_refused() {
    let anna = founder(1);
    let ben = session(2).knock().unwrap();
    let eve = session(3).knock().unwrap();
    let forged = Err(Error::from(PeerMisbehaved::KnockForged));
    let verify = |who, package: &[u8], tag: &[u8]| {
        anna.verify_knock(participant(who), package, tag)
            .map(|knock| knock.participant())
    };
    assert_eq!(verify(2, &ben.key_package, &ben.tag), Ok(participant(2)));
    assert_eq!(verify(2, &eve.key_package, &ben.tag), forged);
    assert_eq!(verify(3, &ben.key_package, &ben.tag), forged);
    assert_eq!(verify(2, &ben.key_package, &ben.tag[..31]), forged);
    assert_eq!(verify(2, &ben.key_package, &[]), forged);
}

#[test]
fn a_knock_tagged_for_anothers_key_package_is_refused() {
    // Who knows the link can tag what it likes, but not take another's name.
    let anna = founder(1);
    let ben = session(2).knock().unwrap();
    let tag = knock_tag(&SECRET, participant(3), &ben.key_package);
    let refused = anna.verify_knock(participant(3), &ben.key_package, &tag);
    assert_eq!(refused.unwrap_err(), PeerMisbehaved::KnockIdentity.into());
}

#[test]
fn a_correctly_tagged_key_package_that_is_none_is_refused() {
    let anna = founder(1);
    let mut package = session(2).knock().unwrap().key_package;
    let at = package.len() - 1;
    package[at] ^= 1;
    for (bad, error) in [
        (package.clone(), PeerMisbehaved::InvalidKeyPackage),
        (package[..at].to_vec(), PeerMisbehaved::Malformed),
        (Vec::new(), PeerMisbehaved::Malformed),
        (vec![0; 100_000], PeerMisbehaved::TooLong),
    ] {
        let tag = knock_tag(&SECRET, participant(2), &bad);
        let refused = anna.verify_knock(participant(2), &bad, &tag);
        assert_eq!(refused.unwrap_err(), error.into());
    }
}

#[test]
fn a_knock_in_another_suite_is_refused() {
    let anna = founder(1);
    let knock = session_in(Suite::Hybrid, 2, SECRET).knock().unwrap();
    let refused = anna.verify_knock(participant(2), &knock.key_package, &knock.tag);
    assert_eq!(refused.unwrap_err(), PeerIncompatible::Suite.into());
}

#[test]
fn a_repeated_knock_is_the_same_knock() {
    let mut ben = session(2);
    assert_eq!(ben.knock().unwrap(), ben.knock().unwrap());
}

#[test]
fn the_welcome_of_a_group_with_another_link_secret_is_refused() {
    // Eve runs the server: it knows the room and sees the knock, but not the
    // secret. It cannot verify the knock, so it takes the tag for its own.
    let mut eve = session_in(Suite::Classic, 9, [0xee; 32]);
    eve.create_group(0).unwrap();
    let mut ben = session(2);
    let package = ben.knock().unwrap().key_package;
    let tag = knock_tag(&[0xee; 32], participant(2), &package);
    let knock = eve.verify_knock(participant(2), &package, &tag).unwrap();
    let forged = eve.admit(&[knock]).unwrap().welcome.unwrap();
    assert!(matches!(ben.join(&forged), Err(Error::Misbehaved(_))));

    // The forged Welcome has not used up the knock.
    let mut anna = founder(1);
    admit(&mut [&mut anna], &mut ben, 0);
    assert_eq!(ben.members(), anna.members());
}

#[test]
fn a_welcome_for_another_is_refused() {
    let (mut anna, mut ben, mut eve) = (founder(1), session(2), session(3));
    eve.knock().unwrap();
    let knock = verified(&anna, &mut ben);
    let welcome = anna.admit(&[knock]).unwrap().welcome.unwrap();
    assert_eq!(
        eve.join(&welcome),
        Err(PeerMisbehaved::InvalidWelcome.into())
    );
    assert_eq!(session(4).join(&welcome), Err(Misuse::NotInGroup.into()));
    ben.join(&welcome).unwrap();
    assert_eq!(ben.join(&welcome), Err(Misuse::AlreadyInGroup.into()));
}

#[test]
fn several_knocks_are_admitted_by_one_commit() {
    let (mut anna, mut ben, mut carl) = (founder(1), session(2), session(3));
    let knocks = [verified(&anna, &mut ben), verified(&anna, &mut carl)];
    let pending = anna.admit(&knocks).unwrap();
    let Processed::Advanced(advance) = anna.confirm_pending(0).unwrap() else {
        panic!("removed");
    };
    assert_eq!(advance.added.len(), 2);
    assert!(!advance.active);
    for newcomer in [&mut ben, &mut carl] {
        newcomer.join(pending.welcome.as_ref().unwrap()).unwrap();
        assert_eq!(newcomer.members(), anna.members());
        assert_eq!(newcomer.call_code(), anna.call_code());
    }
}

#[test]
fn the_same_participant_is_admitted_once() {
    let (mut anna, mut ben) = (founder(1), session(2));
    let knock = verified(&anna, &mut ben);
    let twice = anna.admit(&[knock.clone(), verified(&anna, &mut session(2))]);
    assert_eq!(twice, Err(Misuse::AlreadyMember.into()));
    admit(&mut [&mut anna], &mut ben, 0);
    assert_eq!(anna.admit(&[knock]), Err(Misuse::AlreadyMember.into()));
}

#[test]
fn names_are_checked_before_anything_else() {
    let secret = LinkSecret::from_bytes(SECRET);
    let refused = Session::new(
        Config::default(),
        ROOM,
        participant(1),
        "\u{1b}[2J",
        &secret,
    );
    assert_eq!(refused.err(), Some(Misuse::InvalidName.into()));
}

#[test]
fn a_link_without_its_password_knocks_in_vain_and_is_led_nowhere() {
    let mut anna = session_with_password(1, "000000000000");
    anna.create_group(0).unwrap();
    for mut eve in [session(2), session_with_password(2, "000000000001")] {
        let knock = eve.knock().unwrap();
        let refused = anna.verify_knock(participant(2), &knock.key_package, &knock.tag);
        assert_eq!(
            refused.err(),
            Some(PeerMisbehaved::KnockForged.into()),
            "by the link alone, or by another password"
        );

        // The other way round: a group of those without the password takes in
        // nobody who has it.
        let mut ben = session_with_password(3, "000000000000");
        let mut other = eve;
        other.create_group(0).unwrap();
        let knock = ben.knock().unwrap();
        let refused = other.verify_knock(participant(3), &knock.key_package, &knock.tag);
        assert_eq!(refused.err(), Some(PeerMisbehaved::KnockForged.into()));
    }
    let mut ben = session_with_password(3, "000000000000");
    admit(&mut [&mut anna], &mut ben, 0);
    assert_eq!(ben.members().len(), 2);
}

#[test]
fn a_welcome_made_without_any_psk_is_refused() {
    // The server, without the secret, forms a group and welcomes Ben to it.
    let server = Rogue::new(identity(participant(9), "Anna"));
    let mut group = server.found(&[ROOM.0, [0; 16]].concat());
    let mut ben = session(2);
    let package = parse_key_package(&ben.knock().unwrap().key_package);
    let (_, welcome) = server.commit(&mut group, [], [package], LeafNodeParameters::default());
    let refused = PeerMisbehaved::WelcomeWithoutLinkSecret;
    assert_eq!(ben.join(&welcome.unwrap()), Err(refused.into()));
    assert!(ben.members().is_empty());
}

#[test]
fn a_welcome_to_a_group_of_another_room_is_refused() {
    let rogue = Rogue::new(identity(participant(9), "Anna"));
    for id in [&[1; 32][..], &ROOM.0, &[ROOM.0, [0; 16], [0; 16]].concat()] {
        let mut ben = session(2);
        let mut group = rogue.found(id);
        let package = parse_key_package(&ben.knock().unwrap().key_package);
        let psk = rogue.psk(&link_psk_id());
        let (_, welcome) =
            rogue.commit(&mut group, [psk], [package], LeafNodeParameters::default());
        assert_eq!(
            ben.join(&welcome.unwrap()),
            Err(PeerMisbehaved::WrongGroup.into())
        );
    }
}

#[test]
fn a_welcome_to_a_group_with_a_malformed_member_is_refused() {
    for bad in [
        vec![],
        b"\x01short".to_vec(),
        identity(participant(9), "two\nlines"),
    ] {
        let rogue = Rogue::new(bad);
        let mut ben = session(2);
        let mut group = rogue.found(&[ROOM.0, [0; 16]].concat());
        let package = parse_key_package(&ben.knock().unwrap().key_package);
        let psk = rogue.psk(&link_psk_id());
        let (_, welcome) =
            rogue.commit(&mut group, [psk], [package], LeafNodeParameters::default());
        assert_eq!(
            ben.join(&welcome.unwrap()),
            Err(PeerMisbehaved::InvalidCredential.into())
        );
    }
}

fn parse_key_package(bytes: &[u8]) -> KeyPackage {
    KeyPackageIn::tls_deserialize_exact(bytes)
        .unwrap()
        .validate(
            OpenMlsRustCrypto::default().crypto(),
            ProtocolVersion::Mls10,
        )
        .unwrap()
}

#[test]
fn members_and_one_who_waits_talk_through_the_door() {
    let (anna, mut ben, mut chris) = (founder(1), session(2), session(3));
    let knock = verified(&anna, &mut ben);
    let word = Word::Text(Text::new("ten minutes, please").unwrap());
    let sealed = anna.answer(&knock, &word).unwrap();
    let forged = Err(Error::from(PeerMisbehaved::WordForged));
    chris.knock().unwrap();
    assert_eq!(chris.told(&sealed), forged, "another who waits");
    assert_eq!(ben.told(&sealed), Ok(word));
    let repeated = Err(PeerMisbehaved::WordRepeated.into());
    assert_eq!(ben.told(&sealed), repeated, "the server plays it again");

    let ready = Devices {
        microphone: true,
        camera: true,
    };
    let sealed = ben.show_devices(ready).unwrap();
    assert_eq!(anna.devices(&knock, &sealed), Ok(ready));
    let other = verified(&anna, &mut chris);
    let shown = anna.devices(&other, &sealed);
    assert_eq!(shown, Err(PeerMisbehaved::WordForged.into()));

    // Without the link nothing of it can be read or made.
    let mut stranger = session_in(Suite::Classic, 2, [0; 32]);
    stranger.knock().unwrap();
    let word = anna.answer(&knock, &Word::Seen).unwrap();
    assert_eq!(stranger.told(&word), forged);
    let made = stranger.show_devices(ready).unwrap();
    let shown = anna.devices(&knock, &made);
    assert_eq!(shown, Err(PeerMisbehaved::WordForged.into()));
    // Nor before a knock, nor inside.
    let outside = Err(Misuse::NotInGroup.into());
    assert_eq!(session(4).told(&word), outside);
    assert_eq!(founder(5).told(&word), outside);
}
