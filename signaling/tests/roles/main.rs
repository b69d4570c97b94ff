//! The tables of docs/roles.md over HTTPS and WebSocket: whoever there is asks
//! for whatever there is, and gets it or is refused as the tables say.

#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod administration;
mod in_call;
