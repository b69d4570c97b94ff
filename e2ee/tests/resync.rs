//! Members that fell behind the log and come back: who is brought back, by
//! whom, and what it takes to pretend.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::*;
use kit::rogue::{Rogue, identity, knock_tag, link_psk_id};
use kit::*;
use openmls::prelude::tls_codec::{Deserialize, Serialize};
use openmls::prelude::{
    KeyPackage, KeyPackageIn, LeafNodeParameters, OpenMlsProvider, ProtocolVersion,
};
use openmls_rust_crypto::OpenMlsRustCrypto;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Anna and Carl go on without Ben: he misses this many commits.
fn without_ben(anna: &mut Session, carl: &mut Session, commits: u64) {
    for _ in 0..commits {
        let pending = anna.update().unwrap();
        accept(&mut [anna, carl], &pending, 0);
    }
}

fn verify(member: &mut Session, who: u8, knock: &Knock) -> Result<VerifiedReturn, Error> {
    member.verify_return(participant(who), &knock.key_package, &knock.tag)
}

/// One of `members` brings Ben back.
fn bring_back(members: &mut [&mut Session], ben: &mut Session, now_ms: u64) {
    let knock = ben.resync(now_ms).unwrap();
    let returning = verify(members[0], 2, &knock).unwrap();
    let pending = members[0].readmit(&returning).unwrap();
    accept(members, &pending, now_ms);
    ben.join(pending.welcome.as_ref().unwrap()).unwrap();
    let epoch = ben.ready_epoch().unwrap();
    for member in members.iter_mut() {
        member.activate(epoch, now_ms).unwrap();
    }
    ben.activate(epoch, now_ms).unwrap();
}

#[test]
fn a_member_that_missed_commits_comes_back_by_its_own_key_at_one_leaf() {
    let (mut anna, mut ben, mut carl) = three();
    let before = seal(&mut anna, Context::CAMERA, b"before");
    without_ben(&mut anna, &mut carl, 5);
    assert_eq!(
        ben.process(&anna.update().unwrap().commit, 0),
        Err(PeerMisbehaved::FutureEpoch.into())
    );
    anna.discard_pending().unwrap();

    let knock = ben.resync(RETIRED_MS).unwrap();
    assert_eq!(
        ben.resync(RETIRED_MS),
        Ok(knock),
        "repeated, the same knock"
    );
    assert_eq!(names(&ben), ["Person 1", "Person 2", "Person 3"]);
    let mut out = Vec::new();
    let sealed = ben.seal(Context::CAMERA, b"who left may have this key", &mut out);
    assert_eq!(sealed, Err(Misuse::NoSendEpoch.into()));
    let last = ben.ready_epoch().unwrap();
    let bidden = ben.activate(last, RETIRED_MS);
    assert_eq!(bidden, Err(Misuse::UnknownEpoch.into()), "nor if told to");
    assert!(
        open(&mut ben, &before, RETIRED_MS).is_ok(),
        "it still opens"
    );
    assert_eq!(ben.update(), Err(Misuse::NotInGroup.into()));

    bring_back(&mut [&mut carl, &mut anna], &mut ben, RETIRED_MS);
    assert_eq!(ben.call_code(), anna.call_code());
    assert_eq!(ben.members(), anna.members());
    assert_eq!(ben.members().len(), 3);
    let frame = seal(&mut anna, Context::MICROPHONE, b"after");
    assert_eq!(
        open(&mut ben, &frame, RETIRED_MS).unwrap().0,
        participant(1)
    );
    let frame = seal(&mut ben, Context::MICROPHONE, b"after");
    assert_eq!(
        open(&mut carl, &frame, RETIRED_MS).unwrap().0,
        participant(2)
    );
    let old = RETIRED_MS + RETIRED_MS;
    ben.tick(old);
    assert!(open(&mut ben, &before, old).is_err(), "for ten seconds");
    // It follows the log again, and can fall behind again.
    let pending = ben.update().unwrap();
    accept(&mut [&mut ben, &mut anna, &mut carl], &pending, old);
    bring_back(&mut [&mut anna, &mut carl], &mut ben, old);
    assert_eq!(ben.call_code(), carl.call_code());
}

#[test]
fn others_see_neither_a_departure_nor_a_newcomer() {
    let (mut anna, mut ben, mut carl) = three();
    let knock = ben.resync(0).unwrap();
    let returning = verify(&mut anna, 2, &knock).unwrap();
    let pending = anna.readmit(&returning).unwrap();
    let Processed::Advanced(advance) = carl.process(&pending.commit, 0).unwrap() else {
        panic!("Carl is still there");
    };
    assert!(advance.added.is_empty() && advance.removed.is_empty());
    let returned: Vec<_> = advance.returned.iter().map(|who| who.participant).collect();
    assert_eq!(returned, [participant(2)]);
    assert!(
        !advance.active,
        "nobody is kept from hearing: it is no removal"
    );
}

#[test]
fn a_return_is_good_once() {
    let (mut anna, mut ben, mut carl) = three();
    let knock = ben.resync(0).unwrap();
    let twice = verify(&mut carl, 2, &knock).unwrap();
    bring_back(&mut [&mut anna, &mut carl], &mut ben, 0);
    let stale = PeerMisbehaved::StaleReturn.into();
    assert_eq!(verify(&mut anna, 2, &knock).unwrap_err(), stale);
    assert_eq!(carl.readmit(&twice).unwrap_err(), stale, "nor late");
    without_ben(&mut anna, &mut carl, 1);
    assert_eq!(verify(&mut carl, 2, &knock).unwrap_err(), stale);
}

#[test]
fn the_knock_that_let_a_member_in_does_not_bring_it_back() {
    let (mut anna, mut ben) = (founder(1), session(2));
    let first = ben.knock().unwrap();
    admit(&mut [&mut anna], &mut ben, 0);
    assert_eq!(
        verify(&mut anna, 2, &first).unwrap_err(),
        PeerMisbehaved::ReturnUnproven.into()
    );
    // Nor is the knock of a return good for being let in by mistake.
    let again = ben.resync(0).unwrap();
    assert_eq!(
        anna.verify_knock(participant(2), &again.key_package, &again.tag)
            .unwrap_err(),
        PeerMisbehaved::InvalidKeyPackage.into()
    );
}

#[test]
fn a_return_under_another_key_or_name_or_by_no_member_is_refused() {
    let (mut anna, mut ben, _) = three();
    let own = ben.resync(0).unwrap();
    let claim = parse_key_package(&own.key_package).extensions().clone();
    // Somebody with the link, who knows what Ben claims and signs it.
    for (number, name, error) in [
        (2, "Person 2", PeerMisbehaved::IdentityChanged.into()),
        (2, "Ben", PeerMisbehaved::IdentityChanged.into()),
        (7, "Person 7", Misuse::UnknownParticipant.into()),
        (1, "Person 1", Misuse::RemoveSelf.into()),
    ] {
        let rogue = Rogue::new(identity(participant(number), name));
        let package = rogue.key_package_with(claim.clone());
        let key_package = package.tls_serialize_detached().unwrap();
        let tag = knock_tag(&SECRET, participant(number), &key_package);
        let knock = Knock { key_package, tag };
        let refused = verify(&mut anna, number, &knock).unwrap_err();
        assert_eq!(refused, error, "{number} {name}");
    }
    // Without the link, or for another.
    let forged = PeerMisbehaved::KnockForged.into();
    let mut untagged = own.clone();
    untagged.tag[0] ^= 1;
    assert_eq!(verify(&mut anna, 2, &untagged).unwrap_err(), forged);
    assert_eq!(verify(&mut anna, 3, &own).unwrap_err(), forged);
    assert!(anna.apart().is_empty(), "none of it says anything of Ben");
    verify(&mut anna, 2, &own).unwrap();
}

#[test]
fn a_member_of_a_fork_is_not_brought_back_and_named() {
    let (mut anna, mut ben, mut carl) = three();
    // The server takes a commit of Ben's for him, and Anna's for the others.
    let own = ben.update().unwrap();
    ben.process(&own.commit, 0).unwrap();
    without_ben(&mut anna, &mut carl, 1);
    let old = seal(&mut ben, Context::CAMERA, b"from before the fork");
    ben.activate(ben.ready_epoch().unwrap(), 0).unwrap();
    let astray = seal(&mut ben, Context::CAMERA, b"from within it");
    let knock = ben.resync(0).unwrap();
    without_ben(&mut anna, &mut carl, 2);
    for member in [&mut anna, &mut carl] {
        let refused = verify(member, 2, &knock).unwrap_err();
        assert_eq!(refused, PeerMisbehaved::Forked.into());
        assert_eq!(member.apart(), [participant(2)]);
        // No frame of his takes that back.
        assert_eq!(open(member, &astray, 0), Err(FrameDrop::NotAuthentic));
        assert!(open(member, &old, 0).is_ok());
        assert_eq!(member.apart(), [participant(2)]);
    }
    let pending = anna.remove(&[participant(2)]).unwrap();
    accept(&mut [&mut anna, &mut carl], &pending, 0);
    assert!(anna.apart().is_empty(), "until he is removed");
}

#[test]
fn who_was_not_there_vouches_for_nobody() {
    let (mut anna, mut ben, mut carl) = three();
    let knock = ben.resync(0).unwrap();
    let mut dora = session(4);
    admit(&mut [&mut anna, &mut carl], &mut dora, 0);
    let unknown = Misuse::CannotVouch.into();
    assert_eq!(verify(&mut dora, 2, &knock).unwrap_err(), unknown);
    // She follows the commit of those who were.
    let returning = verify(&mut carl, 2, &knock).unwrap();
    let pending = carl.readmit(&returning).unwrap();
    accept(&mut [&mut carl, &mut anna, &mut dora], &pending, 0);
    ben.join(pending.welcome.as_ref().unwrap()).unwrap();
    assert_eq!(ben.call_code(), dora.call_code());
    assert_eq!(names(&ben).len(), 4);
}

#[test]
fn one_who_is_ahead_of_us_is_judged_when_we_come_so_far() {
    let (mut anna, mut ben, mut carl) = three();
    let pending = carl.update().unwrap();
    ben.process(&pending.commit, 0).unwrap();
    let knock = ben.resync(0).unwrap();
    let unknown = Misuse::CannotVouch.into();
    assert_eq!(verify(&mut anna, 2, &knock).unwrap_err(), unknown);
    anna.process(&pending.commit, 0).unwrap();
    verify(&mut anna, 2, &knock).unwrap();
}

#[test]
fn a_commit_that_puts_anything_else_in_the_place_of_a_member_is_refused() {
    let (mut anna, mut ben) = (founder(1), session(2));
    let first = ben.knock().unwrap();
    admit(&mut [&mut anna], &mut ben, 0);
    let rogue = Rogue::new(identity(participant(3), "Rogue"));
    let mut group = rogue.enter(&mut [&mut anna, &mut ben], participant(3));
    let leaf = ben.own_leaf().unwrap();

    // Another key under his name.
    let thief = Rogue::new(identity(participant(2), "Person 2")).key_package();
    let commit = rogue.replace(&mut group, leaf, thief);
    let changed = Err(PeerMisbehaved::IdentityChanged.into());
    assert_eq!(anna.process(&commit, 0), changed);

    // His own, by which he was let in.
    let commit = rogue.replace(&mut group, leaf, parse_key_package(&first.key_package));
    let unproven = Err(PeerMisbehaved::ReturnUnproven.into());
    assert_eq!(anna.process(&commit, 0), unproven);

    // His own, by which he would come back from a fork.
    let own = ben.update().unwrap();
    ben.process(&own.commit, 0).unwrap();
    let knock = ben.resync(0).unwrap();
    let pending = anna.update().unwrap();
    anna.confirm_pending(0).unwrap();
    rogue.follow(&mut group, &pending.commit);
    let commit = rogue.replace(&mut group, leaf, parse_key_package(&knock.key_package));
    let forked = Err(PeerMisbehaved::Forked.into());
    assert_eq!(anna.process(&commit, 0), forked);
    assert_eq!(names(&anna), ["Person 1", "Person 2", "Rogue"]);
}

#[test]
fn one_who_comes_back_is_led_to_no_other_group_and_by_no_stranger() {
    let (mut anna, mut ben, mut carl) = three();
    let knock = ben.resync(0).unwrap();
    let package = parse_key_package(&knock.key_package);

    // Whoever holds the link, as the server's accomplice, makes a call to which
    // Ben comes back: under the id of the true one, or another, with Anna in it
    // or without.
    let call = call_id(&anna.update().unwrap().commit);
    anna.discard_pending().unwrap();
    let other = [&ROOM.0[..], &[0; 16]].concat();
    for (id, number, error) in [
        (&call, 9, PeerMisbehaved::WelcomeByStranger),
        (&call, 1, PeerMisbehaved::IdentityChanged),
        (&other, 1, PeerMisbehaved::WrongGroup),
    ] {
        let name = format!("Person {number}");
        let rogue = Rogue::new(identity(participant(number), &name));
        let mut group = rogue.found(id);
        for early in [true, false] {
            let psk = rogue.psk(&link_psk_id());
            let leaf = LeafNodeParameters::default();
            let (_, welcome) = rogue.commit(&mut group, [psk], [package.clone()], leaf);
            let error = match (early, error) {
                // A welcome to where we were already is none back.
                (true, PeerMisbehaved::WelcomeByStranger | PeerMisbehaved::IdentityChanged) => {
                    PeerMisbehaved::StaleEpoch
                }
                (_, error) => error,
            };
            assert_eq!(ben.join(&welcome.unwrap()), Err(error.into()));
            rogue.go_on(&mut group, 4);
        }
    }
    // None of it used his knock up.
    let returning = verify(&mut carl, 2, &knock).unwrap();
    let pending = carl.readmit(&returning).unwrap();
    accept(&mut [&mut carl, &mut anna], &pending, 0);
    ben.join(pending.welcome.as_ref().unwrap()).unwrap();
    assert_eq!(ben.call_code(), anna.call_code());
}

#[test]
fn frames_of_one_who_was_removed_meanwhile_do_not_open_after_coming_back() {
    let (mut anna, mut ben, mut carl) = three();
    let frame = seal(&mut carl, Context::CAMERA, b"under way");
    let pending = anna.remove(&[participant(3)]).unwrap();
    accept(&mut [&mut anna], &pending, 0);
    bring_back(&mut [&mut anna], &mut ben, 0);
    assert_eq!(names(&ben), ["Person 1", "Person 2"]);
    assert_eq!(open(&mut ben, &frame, 0), Err(FrameDrop::UnknownLeaf));
}

/// The group id in the public part of a PrivateMessage.
fn call_id(commit: &[u8]) -> Vec<u8> {
    // Version, wire format, and a length of one byte.
    commit[5..5 + usize::from(commit[4])].to_vec()
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
