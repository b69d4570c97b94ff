//! Every target's run: its corpus, which holds every input that once failed,
//! and a number of seeded mutations of it.

#![allow(clippy::unwrap_used, clippy::panic)]

use conclave_fuzz::{SHORT, TARGETS, Target};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// What all inputs of a target together may leave allocated: the target keeps
/// nothing, the libraries below it some caches.
const LEFT: i64 = 256 << 10;

fn corpus_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name)
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = corpus_of(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A message with some bytes changed, cut, repeated, made up, or taken from
/// another message.
fn mutate(dice: &mut Dice, message: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(7) {
            0 => bytes.truncate(at),
            1 => {
                let len = dice.below(24);
                let noise = dice.bytes(len);
                bytes.splice(at..at, noise);
            }
            2 => {
                let from = dice.below(other.len() + 1);
                let to = (from + dice.below(64)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            3 => {
                let to = (at + dice.below(16)).min(bytes.len());
                bytes.drain(at..to);
            }
            4 if at < bytes.len() => {
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice.below(5)];
            }
            // Lengths and types stand near the start.
            5 if !bytes.is_empty() => {
                let at = dice.below(bytes.len().min(64));
                bytes[at] = dice.roll() as u8;
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            _ => {}
        }
    }
    bytes.truncate(SHORT);
    bytes
}

/// One input; a failure shows it.
fn try_one(target: &Target, input: &[u8]) {
    let mut caught = Ok(());
    let measured = allocation_counter::measure(|| {
        caught = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    });
    let most = usize::try_from(measured.bytes_max).unwrap();
    let much = input.len() <= SHORT && most > target.memory;
    if caught.is_err() || much {
        println!(
            "{}: {most} bytes at most, with input {}",
            target.name,
            hex(input)
        );
    }
    if let Err(panic) = caught {
        resume_unwind(panic);
    }
    assert!(
        !much,
        "{}: {most} bytes, more than {}",
        target.name, target.memory
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    /// The seed in `CONCLAVE_SEED`, else 1; printed, so that a failure shows
    /// it.
    fn new(what: &str) -> Self {
        let seed = std::env::var("CONCLAVE_SEED").ok();
        let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(1);
        println!("{what}: CONCLAVE_SEED={seed}");
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.roll() as u8).collect()
    }
}

fn run(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let mut dice = Dice::new(name);
    let seeds = corpus(name);
    // What is made once, however many inputs come.
    (target.run)(&seeds[0]);
    let measured = allocation_counter::measure(|| {
        for seed in &seeds {
            try_one(target, seed);
        }
        for _ in 0..target.rounds {
            let input = {
                let (seed, other) = (dice.below(seeds.len()), dice.below(seeds.len()));
                mutate(&mut dice, &seeds[seed], &seeds[other])
            };
            try_one(target, &input);
        }
    });
    println!("{name}: {} inputs", target.rounds + seeds.len());
    let left = measured.bytes_current;
    assert!(left <= LEFT, "{left} bytes are left");
}

macro_rules! runs {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn every_target_is_run_and_has_a_corpus() {
            let named = [$(stringify!($name)),*];
            for target in TARGETS {
                let name = target.name;
                assert!(named.contains(&name), "{name} is not run");
                assert!(corpus(name).len() >= 2, "{name} has no corpus");
            }
            assert_eq!(named.len(), TARGETS.len());
        }
    };
}

runs!(
    rtp, dependency, allocation, vp8, vp9, rtcp, feedback, stun, dtls, stream, http, answer, page,
    pictures, sdp, wire, link, sframe, opening, compare, framing, mls, media, delivery, epoch,
    room, guests, group,
);
