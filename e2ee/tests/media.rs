//! Frames between members: who opens what, when, and how often.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::sframe::FrameHeader;
use conclave_e2ee::*;
use kit::*;
use std::collections::HashSet;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CONTEXTS: [Context; 4] = [
    Context::MICROPHONE,
    Context::CAMERA,
    Context::SCREEN,
    Context::SCREEN_AUDIO,
];

#[test]
fn three_members_hear_and_see_each_other() {
    let (mut a, mut b, mut c) = three();
    for context in CONTEXTS {
        for from in 0..3 {
            let all = [&mut a, &mut b, &mut c];
            let payload = vec![from as u8; 1 + 700 * from];
            let frame = seal(all[from], context, &payload);
            let sender = all[from].participant();
            for (to, receiver) in all.into_iter().enumerate() {
                let opened = open(receiver, &frame, RETIRED_MS);
                if to == from {
                    assert_eq!(
                        opened,
                        Err(FrameDrop::UnknownLeaf),
                        "reflected to its sender"
                    );
                } else {
                    assert_eq!(opened, Ok((sender, context, payload.clone())));
                }
            }
        }
    }
}

#[test]
fn an_opened_frame_names_the_leaf_and_its_place() {
    let (mut a, mut b, _) = three();
    let epoch = a.epoch().unwrap();
    seal(&mut b, Context::CAMERA, b"lost");
    let frame = seal(&mut b, Context::CAMERA, b"second");
    let mut payload = Vec::new();
    let opened = a.open(&frame, RETIRED_MS, &mut payload).unwrap();
    assert_eq!(opened.sender.leaf, b.own_leaf().unwrap());
    assert_eq!(opened.sender.name.as_str(), "Person 2");
    assert_eq!((opened.epoch, opened.counter), (epoch, 1));
}

#[test]
fn buffers_are_replaced_whatever_they_held() {
    let (mut a, mut b, _) = three();
    let (mut frame, mut payload) = (vec![1; 5000], vec![2; 5000]);
    a.seal(Context::CAMERA, b"short", &mut frame).unwrap();
    b.open(&frame, RETIRED_MS, &mut payload).unwrap();
    assert_eq!(payload, b"short");
    a.seal(Context::CAMERA, b"", &mut frame).unwrap();
    b.open(&frame, RETIRED_MS, &mut payload).unwrap();
    assert_eq!(payload, b"");
    assert!(b.open(&frame, RETIRED_MS, &mut payload).is_err());
    assert!(payload.is_empty());
}

#[test]
fn frames_are_opened_in_any_order_but_once() {
    let (mut a, mut b, _) = three();
    let frames: Vec<_> = (0..50u8)
        .map(|n| seal(&mut a, Context::CAMERA, &[n]))
        .collect();
    let mut order: Vec<usize> = (0..50).collect();
    let mut rng = Rng(7);
    (1..50)
        .rev()
        .for_each(|at| order.swap(at, rng.below(at + 1)));
    for at in order {
        assert_eq!(open(&mut b, &frames[at], RETIRED_MS).unwrap().2, [at as u8]);
        assert_eq!(
            open(&mut b, &frames[at], RETIRED_MS),
            Err(FrameDrop::Replayed)
        );
    }
}

#[test]
fn a_frame_far_behind_the_newest_is_a_replay() {
    let (mut a, mut b, _) = three();
    let old = seal(&mut a, Context::CAMERA, b"old");
    for _ in 0..1024 {
        let frame = seal(&mut a, Context::CAMERA, b"new");
        open(&mut b, &frame, RETIRED_MS).unwrap();
    }
    assert_eq!(open(&mut b, &old, RETIRED_MS), Err(FrameDrop::Replayed));
    // Another stream of the same sender is not affected.
    let frame = seal(&mut a, Context::MICROPHONE, b"voice");
    assert!(open(&mut b, &frame, RETIRED_MS).is_ok());
}

#[test]
fn every_bit_of_a_frame_is_authenticated() {
    let (mut a, mut b, _) = three();
    let frame = seal(&mut a, Context::CAMERA, b"the frame");
    for bit in 0..frame.len() * 8 {
        let mut bent = frame.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&mut b, &bent, RETIRED_MS).is_err(), "bit {bit}");
    }
    for len in 0..frame.len() {
        assert!(
            open(&mut b, &frame[..len], RETIRED_MS).is_err(),
            "length {len}"
        );
    }
    assert!(open(&mut b, &frame, RETIRED_MS).is_ok());
}

#[test]
fn forged_frames_move_no_window_and_turn_off_no_key() {
    let (mut a, mut b, _) = three();
    let first = seal(&mut a, Context::CAMERA, b"first");
    let kid = FrameHeader::parse(&first).unwrap().kid;
    // A far later counter under the same key id, as a hostile server would make it.
    let mut forged = vec![0b1000_1111 | (((kid.0.ilog2() / 8) as u8) << 4)];
    forged.extend(kid.0.to_be_bytes().iter().skip_while(|byte| **byte == 0));
    forged.extend(u32::MAX.to_be_bytes());
    forged.extend([0x77; 40]);
    forged[0] = forged[0] & 0xf8 | 3;
    assert_eq!(
        FrameHeader::parse(&forged).unwrap().counter,
        u64::from(u32::MAX)
    );
    for round in 0..1000 {
        let opened = open(&mut b, &forged, RETIRED_MS);
        assert_eq!(opened, Err(FrameDrop::NotAuthentic), "round {round}");
    }
    open(&mut b, &first, RETIRED_MS).unwrap();
    for _ in 0..1000 {
        assert_eq!(
            open(&mut b, &forged, RETIRED_MS),
            Err(FrameDrop::NotAuthentic)
        );
    }
    let second = seal(&mut a, Context::CAMERA, b"second");
    open(&mut b, &second, RETIRED_MS).unwrap();
}

#[test]
fn a_key_id_selects_and_nothing_is_tried() {
    let (mut a, mut b, _) = three();
    let epoch = a.epoch().unwrap();
    let with_kid = |context: u64, leaf: u64, epoch: u64| {
        let kid = (context << 16 | leaf << 6 | (epoch % 64)) as u32;
        [&[0b1011_0000][..], &kid.to_be_bytes(), &[0; 32]].concat()
    };
    // Key ids of four bytes need a context that fills them.
    let unknown = with_kid(0x0100, 0, epoch);
    assert_eq!(
        open(&mut b, &unknown, RETIRED_MS),
        Err(FrameDrop::UnknownContext)
    );
    let three_bytes = |context: u64, leaf: u64, epoch: u64| {
        let kid = (context << 16 | leaf << 6 | (epoch % 64)) as u32;
        [&[0b1010_0000][..], &kid.to_be_bytes()[1..], &[0; 32]].concat()
    };
    let drop_of = |b: &mut Session, frame: &[u8]| open(b, frame, RETIRED_MS).unwrap_err();
    assert_eq!(
        drop_of(&mut b, &three_bytes(32, 0, epoch)),
        FrameDrop::UnknownContext
    );
    assert_eq!(
        drop_of(&mut b, &three_bytes(1, 900, epoch)),
        FrameDrop::UnknownLeaf
    );
    assert_eq!(
        drop_of(&mut b, &three_bytes(1, 0, epoch + 1)),
        FrameDrop::EarlyEpoch
    );
    assert_eq!(
        drop_of(&mut b, &three_bytes(1, 0, epoch + 32)),
        FrameDrop::UnknownEpoch
    );
    assert_eq!(
        drop_of(&mut b, &three_bytes(1, 0, epoch)),
        FrameDrop::NotAuthentic
    );
    let frame = seal(&mut a, Context::CAMERA, b"fine");
    assert!(open(&mut b, &frame, RETIRED_MS).is_ok());
}

#[test]
fn no_key_id_and_counter_come_twice() {
    let (mut a, mut b, mut c) = three();
    let mut used = HashSet::new();
    let mut now = RETIRED_MS;
    for round in 0..140 {
        for context in CONTEXTS {
            for _ in 0..3 {
                let header = FrameHeader::parse(&seal(&mut a, context, b"x")).unwrap();
                assert!(
                    used.insert((header.kid, header.counter)),
                    "round {round}: {header:?}"
                );
            }
        }
        // Activating the same or an older epoch again, and ticking, reset nothing.
        let epoch = a.send_epoch().unwrap();
        a.activate(epoch, now).unwrap();
        a.activate(epoch.saturating_sub(1), now).unwrap();
        a.tick(now);
        if round % 2 == 1 {
            let pending = a.update().unwrap();
            accept(&mut [&mut a, &mut b, &mut c], &pending, now);
            let epoch = a.ready_epoch().unwrap();
            if epoch % 64 == 0 {
                // The key ids repeat from here, under another base key.
                used.clear();
            }
            for member in [&mut a, &mut b, &mut c] {
                member.activate(epoch, now).unwrap();
            }
            now += RETIRED_MS;
        }
    }
}

#[test]
fn a_layer_has_its_own_key() {
    let (mut a, mut b, _) = three();
    let layer = Context::layer(Source::Camera, 2).unwrap();
    let base = seal(&mut a, Context::CAMERA, b"same");
    let high = seal(&mut a, layer, b"same");
    assert_ne!(base[base.len() - 20..], high[high.len() - 20..]);
    assert_eq!(open(&mut b, &high, RETIRED_MS).unwrap().1, layer);
    assert_eq!(open(&mut b, &base, RETIRED_MS).unwrap().1, Context::CAMERA);
}

#[test]
fn nothing_is_sealed_before_a_group_and_its_first_activation() {
    let mut ben = session(2);
    let mut out = Vec::new();
    let refused = Err(Misuse::NoSendEpoch.into());
    assert_eq!(ben.seal(Context::CAMERA, b"x", &mut out), refused);
    let mut anna = founder(1);
    let knock = verified(&anna, &mut ben);
    let pending = anna.admit(&[knock]).unwrap();
    accept(&mut [&mut anna], &pending, 0);
    ben.join(&pending.welcome.unwrap()).unwrap();
    assert_eq!(ben.seal(Context::CAMERA, b"x", &mut out), refused);
    ben.activate(1, 0).unwrap();
    assert_eq!(ben.seal(Context::CAMERA, b"x", &mut out), Ok(()));
}
