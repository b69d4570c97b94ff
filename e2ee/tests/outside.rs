//! Frames that somebody else's AES-GCM decrypts, as a browser's does: the
//! session decides before and after.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::*;
use kit::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_frame_is_of_its_sender_and_passes_once() {
    let (mut anna, mut ben, _) = three();
    let frame = seal(&mut anna, Context::CAMERA, b"picture");
    // Begun twice before either is concluded: still only one of them is shown.
    let first = ben.opening(&frame, 0).unwrap();
    let second = ben.opening(&frame, 0).unwrap();
    let opened = ben.conclude(&first, true, 0).unwrap();
    assert_eq!(opened.sender.participant, anna.participant());
    assert_eq!((opened.context, opened.counter), (Context::CAMERA, 0));
    assert_eq!(ben.conclude(&second, true, 0), Err(FrameDrop::Replayed));
    assert_eq!(ben.opening(&frame, 0), Err(FrameDrop::Replayed));
    // Nor by the way through our own AES.
    assert_eq!(open(&mut ben, &frame, 0), Err(FrameDrop::Replayed));
}

#[test]
fn both_ways_share_one_window() {
    let (mut anna, mut ben, _) = three();
    let frames: Vec<_> = (0..4)
        .map(|_| seal(&mut anna, Context::CAMERA, b"picture"))
        .collect();
    for (at, frame) in frames.iter().enumerate() {
        if at % 2 == 0 {
            open(&mut ben, frame, 0).unwrap();
        } else {
            let opening = ben.opening(frame, 0).unwrap();
            ben.conclude(&opening, true, 0).unwrap();
        }
    }
    for frame in &frames {
        assert_eq!(ben.opening(frame, 0), Err(FrameDrop::Replayed));
        assert_eq!(open(&mut ben, frame, 0), Err(FrameDrop::Replayed));
    }
}

#[test]
fn a_forged_frame_moves_no_window_and_a_member_of_whom_nothing_opens_is_apart() {
    let (mut anna, mut ben, _) = three();
    let frame = seal(&mut anna, Context::CAMERA, b"picture");
    for at in 0..20 {
        let opening = ben.opening(&frame, at * 200).unwrap();
        let dropped = ben.conclude(&opening, false, at * 200);
        assert_eq!(dropped, Err(FrameDrop::NotAuthentic));
    }
    assert_eq!(ben.apart(), [anna.participant()]);
    let opening = ben.opening(&frame, 4_000).unwrap();
    ben.conclude(&opening, true, 4_000).unwrap();
    assert!(ben.apart().is_empty());
}

#[test]
fn what_is_under_way_when_its_sender_is_removed_is_not_shown() {
    let (mut anna, mut ben, mut carl) = three();
    let frame = seal(&mut carl, Context::CAMERA, b"picture");
    let opening = ben.opening(&frame, 0).unwrap();
    let pending = anna.remove(&[carl.participant()]).unwrap();
    accept(&mut [&mut anna, &mut ben], &pending, 0);
    assert_eq!(ben.conclude(&opening, true, 0), Err(FrameDrop::UnknownLeaf));
}

#[test]
fn what_is_under_way_when_its_epoch_ends_is_not_shown_and_its_key_is_gone() {
    let (mut anna, mut ben, _) = three();
    let frame = seal(&mut anna, Context::CAMERA, b"picture");
    let opening = ben.opening(&frame, 0).unwrap();
    assert!(ben.holds(opening.epoch()));
    assert_eq!(ben.opening_key(&opening).unwrap().len(), 16);
    let pending = anna.update().unwrap();
    accept(&mut [&mut anna, &mut ben], &pending, 0);
    ben.activate(ben.epoch().unwrap(), 0).unwrap();
    ben.tick(RETIRED_MS);
    assert!(!ben.holds(opening.epoch()));
    assert_eq!(ben.opening_key(&opening), Err(FrameDrop::UnknownEpoch));
    let late = ben.conclude(&opening, true, RETIRED_MS);
    assert_eq!(late, Err(FrameDrop::UnknownEpoch));
}

#[test]
fn our_own_frames_and_broken_headers_are_not_begun() {
    let (mut anna, mut ben, _) = three();
    let frame = seal(&mut anna, Context::CAMERA, b"picture");
    assert_eq!(anna.opening(&frame, 0), Err(FrameDrop::UnknownLeaf));
    assert_eq!(ben.opening(&[], 0), Err(FrameDrop::Malformed));
    assert_eq!(ben.opening(&[0xff; 16], 0), Err(FrameDrop::Malformed));
    let opening = ben.opening(&frame, 0).unwrap();
    assert_eq!(opening.header_len(), frame.len() - b"picture".len() - 16);
    // The header alone is enough.
    assert_eq!(ben.opening(&frame[..opening.header_len()], 0), Ok(opening));
}
