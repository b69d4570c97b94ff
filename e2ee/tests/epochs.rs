//! Time: what a new epoch changes for frames, and when.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::*;
use kit::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// `committer` renews its keys and all follow, without activation.
fn update(members: &mut [&mut Session], now_ms: u64) -> u64 {
    let pending = members[0].update().unwrap();
    accept(members, &pending, now_ms);
    members[0].ready_epoch().unwrap()
}

#[test]
fn a_newcomer_opens_no_earlier_frame() {
    let (mut anna, mut ben, mut carl) = (founder(1), session(2), session(3));
    admit(&mut [&mut anna], &mut ben, 0);
    let before = seal(&mut anna, Context::CAMERA, b"before");
    admit(&mut [&mut anna, &mut ben], &mut carl, 0);
    assert_eq!(open(&mut carl, &before, 0), Err(FrameDrop::UnknownEpoch));
    assert!(open(&mut ben, &before, 0).is_ok());
    let after = seal(&mut anna, Context::CAMERA, b"after");
    assert!(open(&mut carl, &after, 0).is_ok());
}

#[test]
fn each_appointment_of_a_room_has_keys_of_its_own() {
    let call = || {
        let (mut anna, mut ben) = (founder(1), session(2));
        admit(&mut [&mut anna], &mut ben, 0);
        (anna, ben)
    };
    // By one link, one after the other: the same people, places and epochs.
    let ((mut anna, mut ben), (later_anna, mut later_ben)) = (call(), call());
    assert_eq!(anna.send_epoch(), later_anna.send_epoch());
    assert_eq!(anna.own_leaf(), later_anna.own_leaf());
    assert_ne!(anna.call_code().unwrap(), later_anna.call_code().unwrap());
    let said = seal(&mut anna, Context::MICROPHONE, b"said in the first");
    assert!(open(&mut later_ben, &said, 0).is_err());
    assert!(open(&mut ben, &said, 0).is_ok());
}

#[test]
fn a_removed_member_opens_no_later_frame() {
    let (mut anna, mut ben, mut carl) = three();
    let pending = anna.remove(&[participant(3)]).unwrap();
    let Processed::Advanced(advance) = anna.confirm_pending(0).unwrap() else {
        panic!("the committer is still a member");
    };
    assert!(advance.active, "a removal is not waited for");
    assert_eq!(advance.removed[0].participant, participant(3));
    ben.process(&pending.commit, 0).unwrap();
    assert_eq!(names(&ben), ["Person 1", "Person 2"]);

    let after = seal(&mut anna, Context::CAMERA, b"after");
    assert!(open(&mut ben, &after, 0).is_ok());
    // Carl never sees the commit, or refuses to forget: his keys do not fit.
    assert_eq!(open(&mut carl, &after, 0), Err(FrameDrop::EarlyEpoch));
    // When he does see it, he is out and all keys are gone.
    assert_eq!(carl.process(&pending.commit, 0), Ok(Processed::SelfRemoved));
    assert_eq!(
        carl.seal(Context::CAMERA, b"x", &mut Vec::new()),
        Err(Misuse::NoSendEpoch.into())
    );
    assert_eq!(carl.update(), Err(Misuse::Ended.into()));
    assert_eq!(carl.knock(), Err(Misuse::Ended.into()));
    assert!(carl.members().is_empty());
    assert_eq!(carl.ready_epoch(), None);
}

#[test]
fn frames_of_a_removed_member_are_dropped_at_once() {
    let (mut anna, mut ben, mut carl) = three();
    let heard = seal(&mut carl, Context::MICROPHONE, b"heard");
    let late = seal(&mut carl, Context::MICROPHONE, b"late");
    let from_anna = seal(&mut anna, Context::MICROPHONE, b"old epoch");
    open(&mut ben, &heard, RETIRED_MS).unwrap();
    let pending = anna.remove(&[participant(3)]).unwrap();
    accept(&mut [&mut anna, &mut ben], &pending, RETIRED_MS);
    assert_eq!(
        open(&mut ben, &late, RETIRED_MS),
        Err(FrameDrop::UnknownLeaf)
    );
    assert!(open(&mut ben, &from_anna, RETIRED_MS).is_ok());
}

#[test]
fn the_leaf_of_a_removed_member_names_its_next_holder_only_in_new_epochs() {
    let (mut anna, mut ben, mut carl) = three();
    let old_leaf = ben.own_leaf();
    let of_ben = seal(&mut ben, Context::CAMERA, b"ben");
    let pending = anna.remove(&[participant(2)]).unwrap();
    accept(&mut [&mut anna, &mut carl], &pending, RETIRED_MS);
    let mut dora = session(4);
    admit(&mut [&mut anna, &mut carl], &mut dora, RETIRED_MS);
    assert_eq!(dora.own_leaf(), old_leaf);
    assert_eq!(
        open(&mut carl, &of_ben, RETIRED_MS),
        Err(FrameDrop::UnknownLeaf)
    );
    let of_dora = seal(&mut dora, Context::CAMERA, b"dora");
    assert_eq!(
        open(&mut carl, &of_dora, RETIRED_MS).unwrap().0,
        participant(4)
    );
}

#[test]
fn a_prepared_epoch_is_opened_before_anyone_seals_with_it() {
    let (mut anna, mut ben, mut carl) = three();
    let old = anna.send_epoch().unwrap();
    let new = update(&mut [&mut anna, &mut ben, &mut carl], 20_000);
    assert_eq!(
        (anna.send_epoch(), anna.ready_epoch()),
        (Some(old), Some(new))
    );
    // Anna was told to switch, Ben not yet: both are understood.
    anna.activate(new, 20_000).unwrap();
    let from_anna = seal(&mut anna, Context::CAMERA, b"new");
    let from_ben = seal(&mut ben, Context::CAMERA, b"old");
    assert!(open(&mut ben, &from_anna, 20_000).is_ok());
    assert!(open(&mut carl, &from_ben, 20_000).is_ok());
    assert!(open(&mut anna, &from_ben, 20_000).is_ok());
}

#[test]
fn an_old_epoch_is_opened_for_exactly_ten_seconds() {
    let (mut anna, mut ben, _) = three();
    let frames: Vec<_> = (0..3u8)
        .map(|n| seal(&mut anna, Context::CAMERA, &[n]))
        .collect();
    let new = update(&mut [&mut ben, &mut anna], 20_000);
    assert_eq!(ben.next_timeout(), Some(20_000 + SWITCH_MS));
    ben.activate(new, 21_000).unwrap();
    assert_eq!(ben.next_timeout(), Some(31_000));
    // Saying it again does not prolong it.
    ben.activate(new, 25_000).unwrap();
    ben.tick(30_999);
    assert!(open(&mut ben, &frames[0], 30_999).is_ok());
    assert_eq!(
        open(&mut ben, &frames[1], 31_000),
        Err(FrameDrop::UnknownEpoch)
    );
    ben.tick(31_000);
    assert_eq!(
        open(&mut ben, &frames[2], 30_000),
        Err(FrameDrop::UnknownEpoch)
    );
    assert_eq!(ben.next_timeout(), None);
}

#[test]
fn an_epoch_that_nobody_activates_is_sealed_with_after_two_seconds() {
    let (mut anna, mut ben, mut carl) = three();
    let old = ben.send_epoch();
    let first = update(&mut [&mut anna, &mut ben, &mut carl], 20_000);
    let second = update(&mut [&mut anna, &mut ben, &mut carl], 20_500);
    assert_eq!(ben.next_timeout(), Some(22_000));
    ben.tick(21_999);
    assert_eq!(ben.send_epoch(), old);
    ben.tick(22_000);
    assert_eq!(ben.send_epoch(), Some(first));
    assert_eq!(ben.next_timeout(), Some(22_500));
    // Whoever looks late goes to the newest at once.
    for member in [&mut ben, &mut anna] {
        member.tick(25_000);
        assert_eq!(member.send_epoch(), Some(second));
    }
    ben.activate(first, 25_100).unwrap();
    assert_eq!(ben.send_epoch(), Some(second), "there is no way back");
    // The old keys go as they would have gone.
    assert_eq!(ben.next_timeout(), Some(22_000 + RETIRED_MS));
}

#[test]
fn a_frame_that_is_ahead_of_its_commit_is_told_from_one_that_is_over() {
    let (mut anna, mut ben, _) = three();
    let pending = anna.remove(&[participant(3)]).unwrap();
    anna.confirm_pending(0).unwrap();
    let ahead = seal(&mut anna, Context::CAMERA, b"ahead");
    assert_eq!(open(&mut ben, &ahead, 0), Err(FrameDrop::EarlyEpoch));
    ben.process(&pending.commit, 0).unwrap();
    // Nothing was spent on it: it opens, and once.
    assert_eq!(open(&mut ben, &ahead, 0).unwrap().2, b"ahead");
    assert_eq!(open(&mut ben, &ahead, 0), Err(FrameDrop::Replayed));
}

#[test]
fn an_epoch_that_was_skipped_retires_with_the_others() {
    let (mut anna, mut ben, mut carl) = three();
    let skipped = update(&mut [&mut anna, &mut ben, &mut carl], 20_000);
    let newest = update(&mut [&mut ben, &mut anna, &mut carl], 20_100);
    assert_eq!(newest, skipped + 1);
    // Carl learned of the newest alone, Anna switched to the skipped one first.
    anna.activate(skipped, 20_050).unwrap();
    let frame = seal(&mut anna, Context::CAMERA, b"skipped");
    carl.activate(newest, 20_200).unwrap();
    assert_eq!(carl.send_epoch(), Some(newest));
    carl.activate(skipped, 20_300).unwrap();
    assert_eq!(carl.send_epoch(), Some(newest), "there is no way back");
    assert!(open(&mut carl, &frame, 30_199).is_ok());
    carl.tick(30_200);
    let frame = seal(&mut anna, Context::CAMERA, b"skipped");
    assert_eq!(
        open(&mut carl, &frame, 30_200),
        Err(FrameDrop::UnknownEpoch)
    );
}

#[test]
fn an_epoch_not_reached_cannot_be_activated() {
    let mut anna = founder(1);
    assert_eq!(anna.activate(1, 0), Err(Misuse::UnknownEpoch.into()));
    assert_eq!(session(2).activate(0, 0), Err(Misuse::UnknownEpoch.into()));
}

#[test]
fn an_epoch_gives_way_to_the_one_with_the_same_key_ids() {
    let mut anna = founder(1);
    let mut ben = session(2);
    admit(&mut [&mut anna], &mut ben, 0);
    let first = ben.ready_epoch().unwrap();
    let frame = seal(&mut anna, Context::CAMERA, b"first");
    for _ in 0..63 {
        let epoch = update(&mut [&mut anna, &mut ben], 0);
        ben.activate(epoch, 0).unwrap();
    }
    assert!(open(&mut ben, &frame, 0).is_ok());
    let frame = seal(&mut anna, Context::CAMERA, b"first");
    assert_eq!(update(&mut [&mut anna, &mut ben], 0), first + 64);
    // Same key id, other key: not opened, and not mistaken for the old epoch.
    assert_eq!(open(&mut ben, &frame, 0), Err(FrameDrop::NotAuthentic));
}

#[test]
fn call_codes_and_exports_agree_within_an_epoch_and_change_with_it() {
    let (mut anna, mut ben, mut carl) = three();
    let code = anna.call_code().unwrap();
    assert_eq!(code.to_string().len(), 14);
    assert_eq!(Ok(code), ben.call_code());
    assert_eq!(anna.export("test", b"x", 32), carl.export("test", b"x", 32));
    assert_ne!(anna.export("test", b"x", 32), anna.export("test", b"y", 32));
    update(&mut [&mut anna, &mut ben, &mut carl], 0);
    assert_ne!(anna.call_code().unwrap(), code);
    assert_eq!(anna.call_code(), carl.call_code());
    assert_eq!(
        anna.export("test", b"", 0),
        Err(Misuse::ExportLength.into())
    );
    assert_eq!(
        anna.export("test", b"", 256),
        Err(Misuse::ExportLength.into())
    );
    assert_eq!(session(9).call_code(), Err(Misuse::NotInGroup.into()));
}
