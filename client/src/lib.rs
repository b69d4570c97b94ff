//! The native participant: joins a call as a browser does, sends a real Opus
//! tone or file and real VP9 clips, and reports what it received, opened and
//! heard. It serves tests, probes and load, and has nothing of the SFU in it.
//!
//! ```text
//!            link ─▶ trust ─▶ signaling ─▶ stay ─▶ call ─▶ e2ee::Session
//!                                                              │ keys
//!   audio, vp9 (files) ─▶ publish ─ seal ──▶ transport ──▶ SFU │
//!                         receive ◀ open ─── transport ◀── SFU ┘
//!                            └─▶ event, report
//! ```
//!
//! One frame's walk out: [`audio::source`] or [`vp9::ivf`] gives an encoded
//! frame, [`publish`] seals it and cuts it into payloads
//! ([`vp9::descriptor`]), [`transport`] sends them. In: [`transport`] gives a
//! slot's packets, [`receive::reorder`] orders them, [`receive::assemble`]
//! joins them, the session opens the frame and names its sender, and
//! [`audio::meter`] or [`vp9::header`] looks at it.
//!
//! - [`link`], [`rooms`], [`trust`], `http`: where to, with which secrets, believing whom.
//! - [`verify`]: whether a server serves a release's browser client.
//! - [`signaling`], [`stay`]: the socket, and the stay that outlives it.
//! - [`call`], [`slots`]: the machine of admission, log and commits; what the
//!   slots carry.
//! - [`transport`]: the one PeerConnection.
//! - [`publish`], [`receive`], [`audio`], [`vp9`]: media.
//! - [`participant`], [`event`], [`report`], [`cli`]: the whole, for whoever uses it.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod accounts;
pub mod audio;
pub mod call;
pub mod cli;
pub mod consent;
mod devices;
mod directories;
pub mod event;
pub mod link;
pub mod participant;
pub mod publish;
pub mod receive;
pub mod report;
pub mod rooms;
pub mod signaling;
pub mod slots;
pub mod stay;
pub mod transport;
pub mod trust;
pub mod verify;
pub mod vp9;

mod http;
#[cfg(test)]
mod secrets;
mod texts;
mod webhooks;

pub use participant::{JoinError, Options, Participant, join};
