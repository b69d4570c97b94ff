//! A call whose server gives its members different commits: who notices, when,
//! and what is no reason for an alarm.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::*;
use kit::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// When the tests begin: the epochs of the admissions are over.
const START: u64 = 2 * RETIRED_MS;
/// Between two frames of a microphone, milliseconds.
const PACE: u64 = 20;

/// Anna and Carl renew their keys in the same epoch; Ben is given Carl's commit
/// and Anna nobody's. All are in the same epoch by number.
fn forked() -> (Session, Session, Session) {
    let (mut anna, mut ben, mut carl) = three();
    anna.update().unwrap();
    anna.confirm_pending(START).unwrap();
    let other = carl.update().unwrap();
    accept(&mut [&mut carl, &mut ben], &other, START);
    for member in [&mut anna, &mut ben, &mut carl] {
        let epoch = member.ready_epoch().unwrap();
        member.activate(epoch, START).unwrap();
    }
    assert_eq!(anna.epoch(), ben.epoch());
    assert_ne!(anna.call_code(), ben.call_code());
    (anna, ben, carl)
}

/// `listener` hears `speaker` from `from_ms` on, for so long; at every frame it
/// says when it was and who is apart.
fn hear(
    listener: &mut Session,
    speaker: &mut Session,
    from_ms: u64,
    for_ms: u64,
) -> Vec<(u64, Vec<ParticipantId>)> {
    (from_ms..=from_ms + for_ms)
        .step_by(PACE as usize)
        .map(|now| {
            let _ = open(listener, &seal(speaker, Context::MICROPHONE, b"x"), now);
            (now, listener.apart().to_vec())
        })
        .collect()
}

#[test]
fn both_sides_of_a_fork_notice_it_after_three_seconds() {
    let (mut anna, mut ben, mut carl) = forked();
    let notices = |listener: &mut Session, speaker: &mut Session| {
        let who = speaker.participant();
        for (now, apart) in hear(listener, speaker, START, 2 * SPLIT_MS) {
            let split = now >= START + SPLIT_MS;
            assert_eq!(
                apart,
                vec![who; usize::from(split)],
                "after {}",
                now - START
            );
        }
    };
    notices(&mut anna, &mut ben);
    notices(&mut carl, &mut anna);
    assert_eq!(ben.apart(), [], "nobody spoke to Ben");
    hear(&mut ben, &mut carl, START, 2 * SPLIT_MS);
    assert_eq!(ben.apart(), [], "those of one side are together");
}

#[test]
fn a_fork_is_noticed_though_one_side_is_a_commit_ahead() {
    let (mut anna, mut ben, mut carl) = forked();
    let pending = carl.update().unwrap();
    accept(&mut [&mut carl, &mut ben], &pending, START);
    for member in [&mut ben, &mut carl] {
        let epoch = member.ready_epoch().unwrap();
        member.activate(epoch, START).unwrap();
    }
    // Ben still has keys of Anna's epoch by number for a while, Anna none of Ben's.
    hear(&mut ben, &mut anna, START, SPLIT_MS);
    assert_eq!(ben.apart(), [anna.participant()]);
    for (now, apart) in hear(&mut anna, &mut ben, START, OUT_OF_STEP_MS) {
        assert_eq!(!apart.is_empty(), now >= START + OUT_OF_STEP_MS);
    }
    assert_eq!(anna.apart(), [ben.participant()]);
}

#[test]
fn an_alarm_is_over_when_a_frame_opens_or_the_member_is_removed() {
    let (mut anna, mut ben, mut carl) = three();
    let mut forged = seal(&mut ben, Context::CAMERA, b"x");
    *forged.last_mut().unwrap() ^= 1;
    let attack = |anna: &mut Session, from_ms: u64| {
        for now in (from_ms..=from_ms + SPLIT_MS).step_by(PACE as usize) {
            open(anna, &forged, now).unwrap_err();
        }
    };
    attack(&mut anna, START);
    assert_eq!(anna.apart(), [ben.participant()]);
    let frame = seal(&mut ben, Context::MICROPHONE, b"x");
    open(&mut anna, &frame, START + SPLIT_MS).unwrap();
    assert_eq!(anna.apart(), []);
    attack(&mut anna, START + SPLIT_MS);
    assert_eq!(anna.apart(), [ben.participant()]);
    let pending = anna.remove(&[ben.participant()]).unwrap();
    accept(&mut [&mut anna, &mut carl], &pending, START + 3 * SPLIT_MS);
    assert_eq!(anna.apart(), []);
}

#[test]
fn frames_made_up_between_those_of_a_member_are_no_alarm() {
    let (mut anna, mut ben, _) = three();
    let mut forged = seal(&mut ben, Context::CAMERA, b"x");
    *forged.last_mut().unwrap() ^= 1;
    for now in (START..START + 4 * SPLIT_MS).step_by(PACE as usize) {
        open(&mut anna, &forged, now).unwrap_err();
        if now % (SPLIT_MS / 2) == 0 {
            let frame = seal(&mut ben, Context::MICROPHONE, b"x");
            open(&mut anna, &frame, now).unwrap();
        }
        assert_eq!(anna.apart(), []);
    }
}

#[test]
fn a_member_that_lags_behind_an_epoch_or_runs_ahead_is_no_alarm() {
    let (mut anna, mut ben, mut carl) = three();
    let pending = anna.update().unwrap();
    accept(&mut [&mut anna, &mut carl], &pending, START);
    let epoch = anna.ready_epoch().unwrap();
    anna.activate(epoch, START).unwrap();
    // Ben was not told for a minute, which is as long as a lost socket is waited for.
    let minute = 60_000;
    hear(&mut ben, &mut anna, START, minute);
    assert_eq!(ben.apart(), [], "Anna is ahead");
    hear(&mut anna, &mut ben, START, minute);
    assert_eq!(anna.apart(), [], "Ben is behind");
    ben.process(&pending.commit, START + minute).unwrap();
    hear(&mut ben, &mut anna, START + minute, SPLIT_MS);
    hear(&mut ben, &mut anna, START + minute, 2 * OUT_OF_STEP_MS);
    assert_eq!(ben.apart(), [], "Ben is back");
}

#[test]
fn few_frames_and_frames_far_between_are_no_alarm() {
    let (mut anna, mut ben, _) = forked();
    for at in 0..9 {
        let frame = seal(&mut ben, Context::CAMERA, b"x");
        open(&mut anna, &frame, START + at * SPLIT_MS / 2).unwrap_err();
    }
    assert_eq!(anna.apart(), [], "nine frames");
    for at in 0..30 {
        let frame = seal(&mut ben, Context::CAMERA, b"x");
        open(&mut anna, &frame, START + (10 + at) * 2 * SPLIT_MS).unwrap_err();
    }
    assert_eq!(anna.apart(), [], "a frame every six seconds");
}

#[test]
fn frames_of_nobody_are_no_alarm() {
    let (mut anna, mut ben, mut carl) = three();
    let pending = anna.remove(&[participant(2)]).unwrap();
    accept(&mut [&mut anna, &mut carl], &pending, START);
    hear(&mut anna, &mut ben, START, OUT_OF_STEP_MS + SPLIT_MS);
    assert_eq!(anna.apart(), [], "Ben is no member any more");
}
