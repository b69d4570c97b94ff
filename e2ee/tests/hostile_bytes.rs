//! Random and mutated bytes at every door: a typed error, never a panic, and
//! afterwards everything still works.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod kit;

use conclave_e2ee::*;
use kit::rogue::knock_tag;
use kit::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Change it to look elsewhere; failures print it.
const SEED: u64 = 0x5eed_c0ca_c01a_0001;

/// Rounds a door; few enough that the suite stays quick.
const ROUNDS: usize = 1500;

/// A message with some bytes changed, cut, repeated or made up.
fn mutate(rng: &mut Rng, message: &[u8]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..=rng.below(4) {
        match rng.below(6) {
            0 => bytes.truncate(rng.below(bytes.len() + 1)),
            1 => {
                let (len, at) = (rng.below(40), rng.below(bytes.len() + 1));
                let noise = rng.bytes(len);
                bytes.splice(at..at, noise);
            }
            // Lengths and types stand near the start.
            2 if !bytes.is_empty() => {
                let at = rng.below(bytes.len().min(64));
                bytes[at] = rng.next() as u8;
            }
            3 => {
                let len = rng.below(300);
                bytes = rng.bytes(len);
            }
            _ if !bytes.is_empty() => {
                let at = rng.below(bytes.len());
                bytes[at] ^= 1 << rng.below(8);
            }
            _ => {}
        }
    }
    bytes
}

#[test]
fn frames() {
    let (mut anna, mut ben, _) = three();
    let good = seal(&mut anna, Context::CAMERA, &[0xab; 200]);
    let mut rng = Rng(SEED);
    for round in 0..ROUNDS * 10 {
        let bad = mutate(&mut rng, &good);
        if bad != good {
            assert!(
                open(&mut ben, &bad, RETIRED_MS).is_err(),
                "seed {SEED:#x} round {round}"
            );
        }
    }
    assert!(open(&mut ben, &good, RETIRED_MS).is_ok());
}

#[test]
#[cfg(not(target_arch = "wasm32"))]
fn certificates() {
    use kit::authority::{Authority, Known, NOW, leaf};
    let praxis = Authority::new([1; 16]);
    let mut anna = session(1);
    anna.tell_time(NOW);
    let (key, _) = anna.proof(&[7; 16], &[8; 16]).unwrap();
    let good = praxis.issue(&leaf([1; 16], participant(1).0, "Anna"), &Known(key));
    let root = praxis.root();
    let mut rng = Rng(SEED);
    for round in 0..ROUNDS {
        let (bad, bad_root) = (mutate(&mut rng, &good), mutate(&mut rng, &root));
        if bad != good {
            let refused = anna.certify(&bad, &root);
            assert!(refused.is_err(), "seed {SEED:#x} round {round}");
        }
        // Of a root only name and key count: it vouches for nothing by itself.
        let _ = anna.certify(&good, &bad_root);
        assert_eq!(anna.participant(), participant(1));
    }
    let anna = anna.certify(&good, &root);
    assert_eq!(anna, Ok(()));
}

#[test]
fn knocks() {
    let anna = founder(1);
    let good = session(2).knock().unwrap();
    let mut rng = Rng(SEED);
    for round in 0..ROUNDS {
        let bad = mutate(&mut rng, &good.key_package);
        if bad == good.key_package {
            continue;
        }
        // Tagged correctly, so that the parser is reached.
        let tag = knock_tag(&SECRET, participant(2), &bad);
        let refused = anna.verify_knock(participant(2), &bad, &tag);
        assert!(refused.is_err(), "seed {SEED:#x} round {round}");
    }
    assert!(
        anna.verify_knock(participant(2), &good.key_package, &good.tag)
            .is_ok()
    );
}

#[test]
fn commits() {
    let (mut anna, mut ben, _) = three();
    let good = anna.update().unwrap().commit;
    let mut rng = Rng(SEED);
    for round in 0..ROUNDS {
        let bad = mutate(&mut rng, &good);
        if bad != good {
            assert!(
                ben.process(&bad, 0).is_err(),
                "seed {SEED:#x} round {round}"
            );
        }
    }
    ben.process(&good, 0).unwrap();
}

#[test]
fn welcomes() {
    let (mut anna, mut ben) = (founder(1), session(2));
    let knock = verified(&anna, &mut ben);
    let good = anna.admit(&[knock]).unwrap().welcome.unwrap();
    let mut rng = Rng(SEED);
    for round in 0..ROUNDS {
        let bad = mutate(&mut rng, &good);
        if bad != good {
            assert!(ben.join(&bad).is_err(), "seed {SEED:#x} round {round}");
        }
    }
    ben.join(&good).unwrap();
}

#[test]
fn links() {
    let mut rng = Rng(SEED);
    let good = LinkSecret::generate().unwrap().fragment();
    for _ in 0..ROUNDS {
        let bad = mutate(&mut rng, good.as_bytes());
        let _ = LinkSecret::from_fragment(&String::from_utf8_lossy(&bad));
    }
    assert!(LinkSecret::from_fragment(&good).is_ok());
}
