//! What the encryption of a call costs its members: the MLS group at many
//! sizes, arrivals all at once, a try of a link's password, media frames.
//! One source, measured natively (`cargo run`) and as wasm under Node
//! (`scripts/wasm bench`); `bench/README.md` has the commands.

#![cfg_attr(
    target_arch = "wasm32",
    allow(
        unsafe_code,
        reason = "wasm-bindgen generates it; none is written here"
    )
)]
#![allow(clippy::unwrap_used, reason = "what fails here is not measured")]

mod batch;
mod cost;
mod delivery;
mod frames;
mod group;
mod password;
mod platform;
mod rig;
mod storm;

use conclave_e2ee::Suite;
use platform::say;

const USAGE: &str = "\
usage: group [classic] [SIZE...]   join, leave and update in groups of that many members
       batch [classic] [SIZE...]   one commit of many Adds or Removes against many commits
       storm [classic] [SIZE...]   100 arrivals within 10 s in a call of that many
       password [TRIES]            a try of a link's password
       frames [classic]            media frames of a 720p stream";

/// Runs the measurement that the first argument names and prints its table.
pub fn measure(arguments: &[String]) {
    let suite = if arguments.iter().any(|argument| argument == "classic") {
        Suite::Classic
    } else {
        Suite::Hybrid
    };
    let numbers: Vec<usize> = arguments.iter().filter_map(|n| n.parse().ok()).collect();
    let or = |usual: &[usize]| {
        if numbers.is_empty() {
            usual.to_vec()
        } else {
            numbers.clone()
        }
    };
    match arguments.first().map(String::as_str) {
        Some("group") => group::measure(suite, &or(&[2, 10, 50, 100, 250, 500, 1000])),
        Some("batch") => batch::measure(suite, &or(&[10, 100, 500])),
        Some("storm") => storm::measure(suite, &or(&[2, 100, 250])),
        Some("password") => password::measure(or(&[9])[0]),
        Some("frames") => frames::measure(suite),
        _ => say(USAGE),
    }
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
/// [`measure`], for Node.
pub fn run(arguments: Vec<String>) {
    measure(&arguments);
}
