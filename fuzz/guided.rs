//! One target, named by `CONCLAVE_FUZZ_TARGET`, under libFuzzer, which looks
//! for inputs that reach what none has reached: `scripts/fuzz`.

#![no_main]

use conclave_fuzz::{TARGETS, Target};
use std::sync::LazyLock;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("CONCLAVE_FUZZ_TARGET").expect("CONCLAVE_FUZZ_TARGET=<target>");
    let target = TARGETS.iter().find(|target| target.name == name);
    target.expect("a target")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));
