//! Comparing aloud: one code for all members of an epoch, and what it proves of
//! them afterwards.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::compare::{ALLOWANCE_MS, ANSWER_MS, MAX_REVEALS};
use conclave_e2ee::*;
use kit::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// `members[0]` asks for a code, and everything anybody posts reaches all.
fn compare(members: &mut [&mut Session], now_ms: u64) {
    let mut posts: Vec<(usize, Vec<u8>)> = Vec::new();
    for message in members[0].compare(now_ms).unwrap() {
        posts.push((0, message));
    }
    while let Some((from, message)) = posts.pop() {
        for (to, member) in members.iter_mut().enumerate() {
            if to != from {
                let answers = member.hear(&message, now_ms).unwrap();
                posts.extend(answers.into_iter().map(|answer| (to, answer)));
            }
        }
    }
}

fn code(session: &Session) -> SpokenCode {
    match session.comparison(0) {
        Comparison::Agreed(code) => code,
        other => panic!("no code: {other:?}"),
    }
}

fn trusts(session: &Session) -> Vec<Trust> {
    let members = session.members();
    members.iter().map(|member| session.trust(member)).collect()
}

#[test]
fn all_members_have_one_code_and_it_goes_with_its_epoch() {
    let (mut anna, mut ben, mut carl) = three();
    assert_eq!(anna.comparison(0), Comparison::Idle);
    compare(&mut [&mut ben, &mut anna, &mut carl], 0);
    let first = code(&anna);
    assert_eq!((code(&ben), code(&carl)), (first, first));
    assert_eq!(anna.compare(0), Ok(vec![]), "nothing is left to say");

    let mut dora = session(4);
    admit(&mut [&mut anna, &mut ben, &mut carl], &mut dora, 0);
    assert_eq!(anna.comparison(0), Comparison::Idle, "the old code is gone");
    compare(&mut [&mut dora, &mut anna, &mut ben, &mut carl], 0);
    assert_ne!(code(&anna), first);
    assert_eq!(code(&dora), code(&carl));
}

#[test]
fn two_halves_of_a_call_have_two_codes() {
    let (mut anna, mut ben) = (founder(1), session(2));
    admit(&mut [&mut anna], &mut ben, 0);
    let (mut mallory, mut carl) = (founder(1), session(2));
    admit(&mut [&mut mallory], &mut carl, 0);
    compare(&mut [&mut anna, &mut ben], 0);
    compare(&mut [&mut mallory, &mut carl], 0);
    assert_ne!(code(&ben), code(&carl));
    // What is said in one half is not heard in the other.
    let said = anna.said()[0].clone();
    assert_eq!(carl.hear(&said, 0), Err(PeerMisbehaved::WrongGroup.into()));
}

#[test]
fn what_the_server_makes_up_or_repeats_is_not_heard() {
    let (mut anna, mut ben, mut carl) = three();
    let [said] = &anna.compare(0).unwrap()[..] else {
        panic!("one commitment");
    };
    let mut rng = Rng(0xc0de);
    for _ in 0..300 {
        let mut altered = said.clone();
        let at = rng.below(altered.len());
        altered[at] ^= 1 << rng.below(8);
        assert!(ben.hear(&altered, 0).is_err());
    }
    assert!(ben.hear(&rng.bytes(300), 0).is_err());
    assert!(ben.hear(&vec![0; 2_000], 0).is_err());
    assert_eq!(ben.comparison(0), Comparison::Idle);

    // As it was sent it opens, once, and never for its sender.
    assert_eq!(ben.hear(said, 0).unwrap().len(), 1);
    let again = Err(PeerMisbehaved::InvalidMessage.into());
    assert_eq!(ben.hear(said, 0), again);
    assert_eq!(anna.hear(said, 0), again);
    let waits = Comparison::Waiting {
        missing: vec![carl.own_leaf().unwrap()],
        overdue: false,
    };
    assert_eq!(ben.comparison(0), waits);
    // A commit is no message, a message no commit.
    assert_eq!(
        anna.process(&ben.said()[0], 0),
        Err(PeerMisbehaved::NotACommit.into())
    );
    let commit = carl.update().unwrap().commit;
    assert_eq!(anna.hear(&commit, 0), again);
}

#[test]
fn what_is_said_in_an_epoch_is_not_heard_in_another() {
    let (mut anna, mut ben, mut carl) = three();
    let said = anna.compare(0).unwrap().remove(0);
    let update = ben.update().unwrap();
    accept(&mut [&mut ben, &mut carl], &update, 0);
    assert_eq!(ben.hear(&said, 0), Err(PeerMisbehaved::StaleEpoch.into()));
    let early = ben.compare(0).unwrap().remove(0);
    assert_eq!(
        anna.hear(&early, 0),
        Err(PeerMisbehaved::FutureEpoch.into())
    );
    anna.process(&update.commit, 0).unwrap();
    assert!(anna.said().is_empty());
    assert_eq!(anna.hear(&early, 0).unwrap().len(), 1);
}

#[test]
fn a_device_that_does_not_answer_is_named() {
    let (mut anna, mut ben, carl) = three();
    let said = anna.compare(0).unwrap().remove(0);
    let answer = ben.hear(&said, 0).unwrap().remove(0);
    assert_eq!(anna.hear(&answer, 0), Ok(vec![]));
    let missing = vec![carl.own_leaf().unwrap()];
    let overdue = true;
    assert_eq!(
        anna.comparison(ANSWER_MS),
        Comparison::Waiting { missing, overdue }
    );
}

#[test]
fn those_who_were_compared_stay_so_as_long_as_their_keys_do() {
    use Trust::{Compared, Guest};
    let (mut anna, mut ben, mut carl) = three();
    let epoch = anna.epoch().unwrap();
    let nothing = Err(Misuse::NothingCompared.into());
    assert_eq!(anna.confirm_comparison(epoch, 0), nothing);
    compare(&mut [&mut anna, &mut ben, &mut carl], 0);
    assert_eq!(anna.confirm_comparison(epoch - 1, 0), nothing);
    assert_eq!(trusts(&anna), [Guest; 3]);
    anna.confirm_comparison(epoch, 0).unwrap();
    assert_eq!(trusts(&anna), [Compared; 3]);
    assert_eq!(trusts(&ben), [Guest; 3], "each person's own finding");

    // Renewed keys of an epoch change nothing, a newcomer is a guest.
    let update = ben.update().unwrap();
    accept(&mut [&mut ben, &mut anna, &mut carl], &update, 0);
    let mut dora = session(4);
    admit(&mut [&mut anna, &mut ben, &mut carl], &mut dora, 0);
    assert_eq!(trusts(&anna), [Compared, Compared, Compared, Guest]);

    // Carl fell behind and came back by the same key.
    let knock = carl.resync(0).unwrap();
    let back = anna.verify_return(participant(3), &knock.key_package, &knock.tag);
    let pending = anna.readmit(&back.unwrap()).unwrap();
    accept(&mut [&mut anna, &mut ben, &mut dora], &pending, 0);
    carl.join(pending.welcome.as_ref().unwrap()).unwrap();
    assert_eq!(trusts(&anna), [Compared, Compared, Compared, Guest]);
    assert_eq!(
        trusts(&carl),
        [Guest; 4],
        "who compared nothing knows nothing"
    );

    // He was removed and let in anew: the same participant, another key.
    let pending = anna.remove(&[participant(3)]).unwrap();
    accept(&mut [&mut anna, &mut ben, &mut dora], &pending, 0);
    let mut again = session(3);
    admit(&mut [&mut anna, &mut ben, &mut dora], &mut again, 0);
    let carl_now = anna
        .members()
        .iter()
        .find(|member| member.participant == participant(3))
        .unwrap();
    assert_eq!(anna.trust(carl_now), Guest);
}

#[test]
fn rounds_follow_each_other_no_faster_than_nonces_may() {
    let (mut anna, mut ben) = (founder(1), session(2));
    admit(&mut [&mut anna], &mut ben, 0);
    for _ in 0..MAX_REVEALS {
        compare(&mut [&mut anna, &mut ben], 0);
        code(&anna);
        let update = ben.update().unwrap();
        accept(&mut [&mut ben, &mut anna], &update, 0);
    }
    compare(&mut [&mut anna, &mut ben], ALLOWANCE_MS - 1);
    assert_eq!(anna.comparison(0), Comparison::Held);
    assert_eq!(anna.next_comparison(), Some(ALLOWANCE_MS));
    let nonce = anna.compare(ALLOWANCE_MS).unwrap().remove(0);
    for answer in ben.hear(&nonce, ALLOWANCE_MS).unwrap() {
        anna.hear(&answer, ALLOWANCE_MS).unwrap();
    }
    assert_eq!(code(&anna), code(&ben));
}

#[test]
fn nobody_compares_outside_of_a_call() {
    let mut anna = session(1);
    assert_eq!(anna.compare(0), Err(Misuse::NotInGroup.into()));
    assert_eq!(anna.hear(b"", 0), Err(Misuse::NotInGroup.into()));
    assert_eq!(anna.comparison(0), Comparison::Idle);
    let (mut anna, _, mut carl) = three();
    let pending = anna.remove(&[participant(3)]).unwrap();
    carl.process(&pending.commit, 0).unwrap();
    assert_eq!(carl.compare(0), Err(Misuse::Ended.into()));
}

#[test]
fn a_member_whose_device_breaks_the_rules_is_named() {
    let mut anna = founder(1);
    let rogue = kit::rogue::Rogue::new(kit::rogue::identity(participant(2), "Rogue"));
    let mut group = rogue.enter(&mut [&mut anna], participant(2));
    for said in [[1; 33], [2; 33]] {
        let message = group
            .create_message(&rogue.provider, &rogue.signer, &said)
            .unwrap();
        // Our own commitment and our nonce, and no code after a false one.
        anna.hear(&message.to_bytes().unwrap(), 0).unwrap();
    }
    let leaf = anna.members()[1].leaf;
    let wrong = compare::Wrong::OtherNonce;
    assert_eq!(anna.comparison(0), Comparison::Broken { leaf, wrong });
    let epoch = anna.epoch().unwrap();
    assert_eq!(
        anna.confirm_comparison(epoch, 0),
        Err(Misuse::NothingCompared.into())
    );
}
