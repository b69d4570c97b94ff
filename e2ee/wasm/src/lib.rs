//! The e2ee core for browsers: type translation and nothing else.
//!
//! Lives in a worker. Bytes are `Uint8Array`, epochs and leaves numbers,
//! participants and members plain objects, times milliseconds as numbers. An
//! error is an `Error` whose `code` is the stable code of
//! `conclave_e2ee::Error` or `conclave_e2ee::FrameDrop`.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![allow(
    unsafe_code,
    reason = "wasm-bindgen generates it; none is written here"
)]

mod convert;
mod session;

pub use session::{Opening, VerifiedKnock, WasmLinkKeys, WasmSession, generate_link_secret};
