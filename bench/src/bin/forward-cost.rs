//! `forward-cost SUBSCRIBERS PACKETS`: feeds that many packets through the shard
//! and prints time and allocations of a forward. A fixed amount of work, so that
//! two runs under an instruction counter differ by the packets alone.

use conclave_bench::Rig;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let &[subscribers, packets] = numbers.as_slice() else {
        eprintln!("usage: forward-cost SUBSCRIBERS PACKETS");
        return ExitCode::FAILURE;
    };
    let mut rig = Rig::new(subscribers);
    let packets = rig.packets(packets);
    let mut forwards = 0;
    let start = Instant::now();
    let counted = allocation_counter::measure(|| {
        forwards = packets.iter().map(|packet| rig.feed(packet)).sum();
    });
    let elapsed = start.elapsed();
    println!(
        "{} packets, {forwards} forwards: {:.0} ns and {:.3} allocations a forward",
        packets.len(),
        elapsed.as_nanos() as f64 / forwards.max(1) as f64,
        counted.count_total as f64 / forwards.max(1) as f64
    );
    if forwards == subscribers * packets.len() && counted.count_total == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
