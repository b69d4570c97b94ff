//! The crates that could serve at stations of the media plane, side by side in
//! one run: `cargo bench -p conclave-bench --bench media-crates -- ROUNDS`.
//!
//! Every round measures every candidate once, so that what else the machine
//! does falls on all of them; the table holds medians over the rounds, and
//! ratios to the first candidate of its kind.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod handshake;
mod seal;

use conclave_bench::{PAYLOAD_LEN, Rig};
use std::time::{Duration, Instant};

/// Rounds when the command names no number.
const ROUNDS: usize = 300;

/// Seals timed at a time: one alone is shorter than the clock is exact.
const BATCH: u32 = 200;

/// Who receives each packet of the shard's path.
const SUBSCRIBERS: usize = 10;

/// Bytes of the sealed packets, header included: one of video, one of audio.
const PACKET_LENS: [usize; 2] = [1100, 100];

fn main() {
    let rounds = std::env::args().find_map(|argument| argument.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    handshakes(rounds);
    for len in PACKET_LENS {
        seals(rounds, len);
    }
    paths(rounds);
}

fn handshakes(rounds: usize) {
    let candidates = handshake::candidates();
    let mut server = vec![Vec::with_capacity(rounds); candidates.len()];
    let mut both = server.clone();
    for _ in 0..rounds {
        for (index, candidate) in candidates.iter().enumerate() {
            let spent = (candidate.shake)();
            server[index].push(spent.server);
            both[index].push(spent.server + spent.client);
        }
    }
    println!("\nDTLS handshake, median of {rounds} interleaved rounds");
    println!("| candidate | server ms | both ends ms | ratio | allocations | SRTP profile |");
    println!("|---|---|---|---|---|---|");
    let mut first = None;
    for (index, candidate) in candidates.iter().enumerate() {
        let (server, both) = (median(&mut server[index]), median(&mut both[index]));
        let base = *first.get_or_insert(both);
        let mut profile = String::new();
        let counted = allocation_counter::measure(|| profile = (candidate.shake)().profile);
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {} | {profile} |",
            candidate.name,
            server.as_secs_f64() * 1e3,
            both.as_secs_f64() * 1e3,
            both.as_secs_f64() / base.as_secs_f64(),
            counted.count_total,
        );
    }
}

fn seals(rounds: usize, len: usize) {
    let mut candidates = seal::candidates(len);
    let mut times = vec![Vec::with_capacity(rounds); candidates.len()];
    for _ in 0..rounds {
        for (index, candidate) in candidates.iter_mut().enumerate() {
            let start = Instant::now();
            for _ in 0..BATCH {
                (candidate.seal)();
            }
            times[index].push(start.elapsed() / BATCH);
        }
    }
    println!("\nSRTP seal of {len} bytes, median of {rounds} interleaved rounds of {BATCH}");
    println!("| candidate | ns | ratio | allocations |");
    println!("|---|---|---|---|");
    let mut first = None;
    for (index, candidate) in candidates.iter_mut().enumerate() {
        let time = median(&mut times[index]);
        let base = *first.get_or_insert(time);
        let counted = allocation_counter::measure(|| (candidate.seal)());
        println!(
            "| {} | {} | {:.2} | {} |",
            candidate.name,
            time.as_nanos(),
            time.as_secs_f64() / base.as_secs_f64(),
            counted.count_total,
        );
    }
}

/// A whole library's way for a packet, beside the shard's. `str0m` writes,
/// seals and hands out the packets that the shard then forwards.
fn paths(rounds: usize) {
    let mut rig = Rig::new(SUBSCRIBERS);
    let mut library = Vec::with_capacity(rounds);
    let mut shard = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        let packets = rig.packets(BATCH as usize);
        library.push(start.elapsed() / BATCH);
        let start = Instant::now();
        let forwards: usize = packets.iter().map(|packet| rig.feed(packet)).sum();
        shard.push(start.elapsed() / forwards as u32);
    }
    let (library, shard) = (median(&mut library), median(&mut shard));
    println!("\nOne packet of {PAYLOAD_LEN} bytes out, median of {rounds} interleaved rounds");
    println!("| path | ns | ratio |");
    println!("|---|---|---|");
    for (name, time) in [
        ("conclave-sfu, one of ten subscribers", shard),
        ("str0m, direct API", library),
    ] {
        let ratio = time.as_secs_f64() / shard.as_secs_f64();
        println!("| {name} | {} | {ratio:.2} |", time.as_nanos());
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
