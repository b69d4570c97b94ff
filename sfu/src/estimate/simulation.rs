//! Paths in virtual time: a sender that keeps to the estimate, a queue in
//! front of a narrow link, jitter, losses, and the feedback on its way back.
//! `cargo test -p conclave-sfu estimate::simulation -- --nocapture` prints
//! what each path came to.

use super::{Estimate, OVERHEAD, RATE_MAX, RATE_MIN};
use crate::rtp::Ssrc;
use crate::rtp::rtcp::Writer;
use crate::twcc::Arrivals;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }
}

#[derive(Clone, Copy)]
struct Path {
    name: &'static str,
    /// Bits a second, as a function of the second.
    capacity: fn(f64) -> f64,
    /// Milliseconds one way, and around that, evenly.
    delay: f64,
    jitter: f64,
    loss: f64,
    /// The queue's length in milliseconds.
    queue: f64,
    /// What the sender would send at most.
    want: f64,
    seconds: u64,
    /// What becomes of it, and when.
    then: Option<Change>,
}

/// The second, and what the path is from then on.
type Change = (u64, fn(Path) -> Path);

const WIDE: Path = Path {
    name: "",
    capacity: |_| 1e6,
    delay: 30.0,
    jitter: 3.0,
    loss: 0.0,
    queue: 300.0,
    want: 8e6,
    seconds: 60,
    then: None,
};

/// What came of it, a value for each second.
struct Course {
    /// Bits that arrived.
    arrived: Vec<f64>,
    /// The estimate.
    rate: Vec<f64>,
    /// The worst wait in the queue, in milliseconds.
    waited: Vec<f64>,
    /// Whether what is sent had to fit the estimate.
    bound: Vec<bool>,
}

impl Course {
    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// Means of what arrived and was estimated, and the worst wait, from one
    /// second to another.
    fn between(&self, from: usize, to: usize) -> (f64, f64, f64) {
        (
            Self::mean(&self.arrived[from..to]),
            Self::mean(&self.rate[from..to]),
            self.waited[from..to].iter().copied().fold(0.0, f64::max),
        )
    }

    /// The first second from which on so much arrives, for three seconds.
    fn reaches(&self, from: usize, rate: f64) -> usize {
        (from..self.arrived.len() - 3)
            .find(|at| Self::mean(&self.arrived[*at..at + 3]) >= rate)
            .map_or(usize::MAX, |at| at - from + 1)
    }
}

fn run(mut path: Path, seed: u64) -> Course {
    let mut random = Random(seed);
    let start = Instant::now();
    let micros = |at: u64| start + Duration::from_micros(at);
    let mut estimate = Estimate::new(start);
    let mut arrivals = Arrivals::new(start);
    // (arrival, number, bits), and (arrival, feedback).
    let mut flying: Vec<(u64, u16, f64)> = Vec::new();
    let mut back: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
    let mut free_at = 0.0f64;
    let mut owed = 0.0;
    let mut course = Course {
        arrived: vec![0.0; path.seconds as usize],
        rate: vec![0.0; path.seconds as usize],
        waited: vec![0.0; path.seconds as usize],
        bound: vec![false; path.seconds as usize],
    };
    let mut feedback_due = 0;
    for at in (0..path.seconds * 1_000_000).step_by(5_000) {
        let second = (at / 1_000_000) as usize;
        let now = micros(at);
        if let Some((_, change)) = path.then.take_if(|(then, _)| second as u64 >= *then) {
            path = change(path);
        }
        let mut lengths = Vec::new();
        // A voice, and a camera that keeps to the rest of the estimate.
        if at % 20_000 == 0 {
            lengths.push(80);
            estimate.want(path.want as u64);
            let mut padding = estimate.padding(now);
            while padding > 0 {
                lengths.push(255);
                padding = padding.saturating_sub(255 + OVERHEAD);
            }
        }
        let rate = estimate.rate() as f64;
        let camera = (rate.min(path.want) * (1.0 - estimate.inherent()) - 57_600.0).max(0.0);
        owed = (owed + camera * 0.005 / 8.0).min(30_000.0);
        if at % 35_000 == 0 {
            while owed >= 200.0 {
                let len = owed.min(1_150.0);
                owed -= len + OVERHEAD as f64;
                lengths.push(len as usize);
            }
        }
        for len in lengths {
            let number = estimate.number(now, len);
            let bits = ((len + OVERHEAD) * 8) as f64;
            let waits = (free_at - at as f64).max(0.0);
            let capacity = (path.capacity)(at as f64 / 1e6);
            if waits > path.queue * 1e3 || capacity <= 0.0 || random.next() < path.loss {
                continue;
            }
            course.waited[second] = course.waited[second].max(waits / 1e3);
            free_at = free_at.max(at as f64) + bits * 1e6 / capacity;
            let jitter = (random.next() * 2.0 - 1.0) * path.jitter;
            let arrival = free_at + (path.delay + jitter) * 1e3;
            flying.push((arrival as u64, number, bits));
        }
        flying.sort_by_key(|(arrival, ..)| *arrival);
        let here = flying.partition_point(|(arrival, ..)| *arrival <= at);
        for (arrival, number, bits) in flying.drain(..here) {
            arrivals.record(number, micros(arrival));
            course.arrived[second] += bits;
        }
        if at >= feedback_due && arrivals.pending() {
            feedback_due = at + 100_000;
            let mut out = Vec::new();
            while arrivals.pending() {
                let mut writer = Writer::new(&mut out);
                if !arrivals.report(&mut writer, Ssrc(1), Ssrc(2)) {
                    break;
                }
                if (path.capacity)(at as f64 / 1e6) > 0.0 && random.next() >= path.loss {
                    back.push_back((at + (path.delay * 1e3) as u64, out[12..].to_vec()));
                }
            }
        }
        while back.front().is_some_and(|(due, _)| *due <= at) {
            let (_, information) = back.pop_front().expect("one");
            estimate.feedback(now, &information).expect("well formed");
        }
        course.rate[second] += estimate.rate() as f64 / 200.0;
        course.bound[second] |= estimate.binds();
    }
    course
}

fn tell(path: Path, seed: u64) -> Course {
    let course = run(path, seed);
    let (arrived, rate, waited) = course.between(path.seconds as usize / 2, path.seconds as usize);
    println!(
        "{:<34} seed {seed:#x}: second half: {:>7.0} kbit/s arrive, estimate {:>7.0}, queue up to {:>4.0} ms",
        path.name,
        arrived / 1e3,
        rate / 1e3,
        waited
    );
    course
}

const SEEDS: [u64; 3] = [0xc0f_fee, 0x5eed, 0xb0b];

#[test]
fn a_link_is_filled_within_seconds_and_not_flooded() {
    type Link = (&'static str, fn(f64) -> f64, f64);
    let links: [Link; 4] = [
        ("100 kbit/s", |_| 1e5, 1e5),
        ("300 kbit/s", |_| 3e5, 3e5),
        ("1 Mbit/s", |_| 1e6, 1e6),
        ("5 Mbit/s", |_| 5e6, 5e6),
    ];
    for (name, capacity, width) in links {
        for seed in SEEDS {
            let path = Path {
                name,
                capacity,
                ..WIDE
            };
            let course = tell(path, seed);
            let (arrived, _, _) = course.between(30, 60);
            assert!(arrived >= 0.8 * width, "{name}: {arrived}");
            assert!(arrived <= width, "{name}: {arrived}");
            let reached = course.reaches(0, 0.75 * width);
            assert!(reached <= 8, "{name}: {reached} s");
        }
    }
}

#[test]
fn a_path_that_is_wider_than_what_is_wanted_carries_it_within_seconds() {
    for seed in SEEDS {
        let course = tell(
            Path {
                name: "50 Mbit/s, 6 Mbit/s wanted",
                capacity: |_| 5e7,
                want: 6e6,
                ..WIDE
            },
            seed,
        );
        let reached = course.reaches(0, 5.5e6);
        assert!(reached <= 3, "{reached} s");
    }
}

#[test]
fn jitter_does_not_starve_a_path() {
    for seed in SEEDS {
        let course = tell(
            Path {
                name: "5 Mbit/s, 200 ms ± 50 ms",
                capacity: |_| 5e6,
                delay: 200.0,
                jitter: 50.0,
                want: 2e6,
                ..WIDE
            },
            seed,
        );
        let (arrived, ..) = course.between(10, 60);
        assert!(arrived >= 1.5e6, "{arrived}");
    }
}

#[test]
fn a_bad_path_that_becomes_a_long_one_is_not_taken_for_a_full_one() {
    // What the messages that are lost would have told is no loss of the path.
    for seed in 0..200 {
        let course = run(
            Path {
                name: "20 % lost, then 200 ms ± 50 ms",
                capacity: |_| 5e6,
                loss: 0.2,
                want: 3e5,
                seconds: 20,
                then: Some((8, |path| Path {
                    delay: 200.0,
                    jitter: 50.0,
                    loss: 0.0,
                    ..path
                })),
                ..WIDE
            },
            seed,
        );
        let bound: Vec<_> = (0..20).filter(|second| course.bound[*second]).collect();
        assert!(bound.is_empty(), "seed {seed}: at {bound:?}");
    }
}

#[test]
fn random_losses_do_not_starve_a_path() {
    for (name, loss) in [
        ("3 Mbit/s, 5 % lost", 0.05),
        ("3 Mbit/s, 10 % lost", 0.1),
        ("3 Mbit/s, 20 % lost", 0.2),
    ] {
        for seed in SEEDS {
            let course = tell(
                Path {
                    name,
                    capacity: |_| 3e6,
                    loss,
                    want: 2e6,
                    ..WIDE
                },
                seed,
            );
            let (_, rate, _) = course.between(10, 60);
            assert!(rate >= 1.5e6, "{name}: {rate}");
            assert!(rate <= 3e6, "{name}: {rate}");
        }
    }
}

#[test]
fn a_fall_of_the_capacity_is_followed_at_once_and_its_return_soon() {
    for seed in SEEDS {
        let course = tell(
            Path {
                name: "3 Mbit/s, 0.6 from 20 s to 40 s",
                capacity: |at| if (20.0..40.0).contains(&at) { 6e5 } else { 3e6 },
                want: 4e6,
                seconds: 80,
                ..WIDE
            },
            seed,
        );
        let (_, rate, _) = course.between(22, 24);
        assert!(rate <= 7.5e5, "{rate} after the fall");
        let (arrived, ..) = course.between(24, 40);
        assert!(arrived >= 4.5e5, "{arrived} while it lasts");
        let back = course.reaches(40, 2.2e6);
        assert!(back <= 15, "{back} s");
    }
}

#[test]
fn an_outage_is_survived() {
    for seed in SEEDS {
        let course = tell(
            Path {
                name: "2 Mbit/s, nothing from 20 s to 23 s",
                capacity: |at| if (20.0..23.0).contains(&at) { 0.0 } else { 2e6 },
                want: 1.5e6,
                ..WIDE
            },
            seed,
        );
        let back = course.reaches(23, 1.2e6);
        assert!(back <= 5, "{back} s");
    }
}

#[test]
fn a_shallow_queue_is_told_from_random_loss() {
    for seed in SEEDS {
        let course = tell(
            Path {
                name: "1 Mbit/s, a queue of 50 ms",
                capacity: |_| 1e6,
                queue: 50.0,
                ..WIDE
            },
            seed,
        );
        let (arrived, rate, _) = course.between(20, 60);
        assert!(arrived >= 0.7e6, "{arrived}");
        assert!(rate <= 1.3e6, "{rate}");
    }
}

#[test]
fn no_feedback_however_wrong_does_harm() {
    let seed = 0xbad_feed;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    let start = Instant::now();
    let mut estimate = Estimate::new(start);
    estimate.want(4_000_000);
    let mut well_formed = 0;
    for round in 0..20_000u64 {
        let now = start + Duration::from_millis(10 * round);
        for _ in 0..(random.next() * 5.0) as usize {
            estimate.number(now, 1_000);
        }
        estimate.padding(now);
        let len = (random.next() * 60.0) as usize;
        let mut information: Vec<u8> = (0..len).map(|_| (random.next() * 256.0) as u8).collect();
        // Mostly plausible lengths, so that the walk gets beyond the head.
        if let Some(count) = information.get_mut(2) {
            *count &= 1;
        }
        well_formed += u32::from(estimate.feedback(now, &information).is_ok());
        assert!((RATE_MIN as u64..=RATE_MAX as u64).contains(&estimate.rate()));
    }
    assert!(well_formed > 100, "{well_formed} were read to their ends");
}
