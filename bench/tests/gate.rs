//! What a packet's path costs must not grow unnoticed: instructions outside the
//! cipher, counted under Valgrind, against the figures in `baseline.json`.
//! Allocations are counted too, and there are none: `forward-cost` fails with
//! any.
//!
//! Instructions do not depend on how busy the machine is. They do depend on the
//! compiler and on the profile, which is the tests'. The cipher and the C
//! library are left out: what they execute depends on the processor.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How far a count may be from its baseline, either way: what a new compiler
/// changes is less, another look-up or copy for each receiver is more.
const TOLERANCE: f64 = 0.1;

/// Packets of the two runs; what happens besides them falls out of the
/// difference.
const PACKETS: [usize; 2] = [100, 300];

/// Receivers: one bears the whole ingress, ten show what a copy costs.
const SUBSCRIBERS: [usize; 2] = [1, 10];

/// Set to write the counts into the baseline instead of comparing them.
const RENEW: &str = "RENEW_BASELINE";

#[test]
fn a_forward_takes_no_more_instructions_than_the_baseline_and_allocates_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.json");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut baseline: Value = serde_json::from_str(&text).unwrap_or(json!({}));
    let counts: Map<String, Value> = std::thread::scope(|scope| {
        let threads = SUBSCRIBERS.map(|count| (count, scope.spawn(move || a_forward(count))));
        threads
            .into_iter()
            .map(|(count, thread)| (count.to_string(), json!(thread.join().unwrap())))
            .collect()
    });
    println!("instructions a forward, by receivers: {counts:?}");
    if std::env::var_os(RENEW).is_some() {
        baseline["instructions"] = Value::Object(counts);
        let text = serde_json::to_string_pretty(&baseline).unwrap();
        std::fs::write(&path, text + "\n").unwrap();
        return;
    }
    for (subscribers, count) in &counts {
        let count = count.as_f64().unwrap();
        let expected = baseline["instructions"][subscribers].as_f64();
        let expected =
            expected.unwrap_or_else(|| panic!("bench/baseline.json lacks {subscribers}"));
        let change = count / expected - 1.0;
        assert!(
            change.abs() <= TOLERANCE,
            "a forward to {subscribers} receivers takes {count} instructions outside the cipher, \
             {:+.1} % against {expected} in bench/baseline.json (tolerance {:.0} %). If that is \
             meant, renew the baseline and say why in the commit: \
             {RENEW}=1 cargo test -p conclave-bench --test gate",
            100.0 * change,
            100.0 * TOLERANCE,
        );
    }
}

/// Instructions of a forward, outside the cipher.
fn a_forward(subscribers: usize) -> u64 {
    let [few, many] = PACKETS.map(|packets| counted(subscribers, packets));
    (many - few) / ((PACKETS[1] - PACKETS[0]) * subscribers) as u64
}

/// Instructions of that many packets, outside the cipher.
fn counted(subscribers: usize, packets: usize) -> u64 {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let out = out.join(format!("callgrind.{subscribers}.{packets}"));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg("--toggle-collect=conclave_bench::Rig::feed")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env!("CARGO_BIN_EXE_forward-cost"))
        .args([subscribers.to_string(), packets.to_string()])
        .output()
        .expect("valgrind runs (Debian's package valgrind)");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let profile = std::fs::read_to_string(out).unwrap();
    by_function(&profile)
        .iter()
        .filter(|(function, _)| is_ours(function))
        .map(|(_, instructions)| instructions)
        .sum()
}

/// Rust's functions have paths; the cipher's, and the C library's, do not. The
/// cipher's wrappers are of its crate.
fn is_ours(function: &str) -> bool {
    function.contains("::") && !function.contains("aws_lc")
}

/// Instructions of each function itself, from a profile in Callgrind's format:
/// `fn=(3) name`, later `fn=(3)`; then lines of position and cost; a `calls=`
/// line is followed by what the call cost, which is the callee's.
fn by_function(profile: &str) -> HashMap<String, u64> {
    let mut names = HashMap::new();
    let mut costs = HashMap::new();
    let mut function = "";
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(named) = line.strip_prefix("fn=").or(line.strip_prefix("cfn=")) {
            let (id, name) = named.split_once(' ').unwrap_or((named, ""));
            let name: &str = names.entry(id).or_insert(name);
            if line.starts_with("fn=") {
                function = name;
            }
        } else if line.starts_with("calls=") {
            lines.next();
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
            && let Some(cost) = line.split(' ').nth(1)
        {
            let cost: u64 = cost.parse().unwrap_or(0);
            *costs.entry(function.to_owned()).or_default() += cost;
        }
    }
    costs
}

#[test]
fn a_profile_is_read_by_function_without_what_calls_cost() {
    let profile = "events: Ir\nfn=(1) a::b\n10 5\n+2 7\ncfn=(2) aes\ncalls=1 20\n+1 900\n* 1\n\
                   fn=(2)\n20 900\nfn=(1)\n11 2\ntotals: 915\n";
    let costs = by_function(profile);
    assert_eq!(costs["a::b"], 15);
    assert_eq!(costs["aes"], 900);
    assert!(is_ours("a::b") && !is_ours("aes") && !is_ours("<aws_lc_rs::X as Y>::z"));
}
