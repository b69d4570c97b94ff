//! Time of a packet's path through the shard: one packet in, sealed copies for
//! 1, 10 and 100 subscribers out. Reported per packet in; divide by the number
//! of subscribers for the time of a forward.

#![allow(missing_docs)]

use conclave_bench::Rig;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::{Duration, Instant};

/// Packets that are prepared at a time, outside the measured time.
const CHUNK: u64 = 1000;

fn forward(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("forward");
    for subscribers in [1usize, 10, 100] {
        let mut rig = Rig::new(subscribers);
        group.throughput(Throughput::Elements(subscribers as u64));
        let id = BenchmarkId::from_parameter(subscribers);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut elapsed = Duration::ZERO;
                let mut left = iterations;
                while left > 0 {
                    let packets = rig.packets(left.min(CHUNK) as usize);
                    left -= packets.len() as u64;
                    let start = Instant::now();
                    for packet in &packets {
                        rig.feed(packet);
                    }
                    elapsed += start.elapsed();
                }
                elapsed
            });
        });
    }
    group.finish();
}

criterion_group!(benches, forward);
criterion_main!(benches);
