//! The measurements, natively.

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    conclave_bench_e2ee::measure(&arguments);
}
