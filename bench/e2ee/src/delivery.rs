//! How long bytes are under way: a model, so that figures of processors become
//! times of a call. Every client is 50 ms from the server, sends 5 and receives
//! 20 Mbit/s beside its media; messages travel as base64url in JSON; the server
//! sends 1 Gbit/s, and the last member is served last.

/// One way between client and server, milliseconds.
pub(crate) const ONE_WAY_MS: f64 = 50.0;
const UP_BITS_A_MS: f64 = 5_000.0;
const DOWN_BITS_A_MS: f64 = 20_000.0;
const SERVER_BITS_A_MS: f64 = 1_000_000.0;

/// The model in a line, for what is printed.
pub(crate) const MODEL: &str = "model of delivery: 50 ms each way, 5 Mbit/s up and 20 down at every client, \
     1 Gbit/s out of the server, the last member served last, base64url";

fn bits(bytes: f64) -> f64 {
    bytes * 8.0 * 4.0 / 3.0
}

/// From a commit made to the last of `members` holding it.
pub(crate) fn to_all(commit: f64, members: usize) -> f64 {
    2.0 * ONE_WAY_MS
        + bits(commit) / UP_BITS_A_MS
        + bits(commit) * members as f64 / SERVER_BITS_A_MS
        + bits(commit) / DOWN_BITS_A_MS
}

/// From the last member's `ready` to its `activate`.
pub(crate) const SWITCH_MS: f64 = 2.0 * ONE_WAY_MS;

/// From a commit and its Welcome made to a newcomer holding both.
pub(crate) fn to_newcomer(commit: f64, welcome: f64) -> f64 {
    2.0 * ONE_WAY_MS + bits(commit + welcome) * (1.0 / UP_BITS_A_MS + 1.0 / DOWN_BITS_A_MS)
}
