//! End-to-end encryption of a call: MLS decides who holds keys, SFrame uses them.
//!
//! One [`Session`] is one participant in one call. It does no IO and reads no
//! clock: bytes and times go in, bytes come out. The same source serves the
//! native participant and, through `conclave-e2ee-wasm`, the browser.
//!
//! # A call
//!
//! ```text
//! Anna                                      server                         Ben
//! create_group()                                                           knock()
//! verify_knock() ◀───────────────── key package, tag ◀───────────────────────┘
//! admit() ──── commit, welcome ────▶ accepts first of epoch
//! confirm_pending() ◀── accepted ───┴─────────── welcome ────────────────▶ join()
//! ready_epoch() ──────────────────▶ all ready, or 2 s ◀──────────── ready_epoch()
//! activate(n) ◀─────────────────────────┴───────────────────────────▶ activate(n)
//! seal() ═══════════════════════ frames it cannot open ═══════════════════▶ open()
//! ```
//!
//! When another's commit won the epoch, [`Session::process`] drops our pending
//! one; what it was for is then committed anew.
//!
//! A member that cannot follow the log any more comes back without leaving:
//!
//! ```text
//! Ben                                       server                        Anna
//! resync() ───────── key package, tag ──────▶ to all ──────────▶ verify_return()
//! join() ◀──────────────────── welcome ◀──────┴───────────────────────  readmit()
//! ```
//!
//! # What holds
//!
//! - The server cannot add anyone: an Add without the link secret is refused
//!   by members, a Welcome without it by the one it welcomes.
//! - A newcomer opens no earlier frame, a removed member no later one; frames
//!   of a removed member that are still under way are dropped at once.
//! - A counter is used once for the life of its key, whatever fails or is
//!   recreated around it.
//! - A frame changes state only after its tag verified, and no number of bad
//!   frames turns a key off.
//! - A member comes back only to the call it fell behind in: its knock names the
//!   history it knows, and only who shares it can bring it back.
//! - A member whose frames come and do not open, or whose history is another, is named
//!   ([`Session::apart`]): the server may have split the call.
//! - Secrets are wiped when their time is over and when the session is dropped.
//!
//! Members are not protected from each other's media: SFrame keys are derived
//! from a secret all of them share, so a member could seal frames under
//! another's key id (RFC 9605 section 7.1).
//!
//! # Modules, in the order a call meets them
//!
//! [`suite`] permitted profile · [`secret`] link secret · [`password`] of a link ·
//! [`identity`] who · [`certificate`] by whose word · [`charter`] whose word counts ·
//! [`word`] through the door ·
//! `mls` group, commits and their rules · [`epoch`] keys over time ·
//! [`sframe`] frames · [`split`] a forked call · [`compare`] spoken code · [`trust`] levels ·
//! [`session`] façade · [`error`] blame

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod certificate;
pub mod charter;
pub mod compare;
pub mod epoch;
pub mod error;
pub mod identity;
mod mls;
pub mod password;
pub mod secret;
pub mod session;
pub mod sframe;
pub mod split;
pub mod suite;
pub mod trust;
pub mod word;

pub use certificate::{Certificate, Certified, Root};
pub use charter::Marking;
pub use compare::{Comparison, SpokenCode};
pub use epoch::{Opened, Opening, RETIRED_MS, SWITCH_MS};
pub use error::{Error, FrameDrop, Misuse, PeerIncompatible, PeerMisbehaved};
pub use identity::{Leaf, Member, Name, ParticipantId, RAW_VIDEO, RoomId};
pub use mls::group::Pending;
pub use mls::knock::{Knock, VerifiedKnock};
pub use mls::returning::VerifiedReturn;
pub use password::Password;
pub use secret::{LinkKeys, LinkSecret};
pub use session::{Advance, Config, Processed, Session};
pub use sframe::{Context, Source};
pub use split::{OUT_OF_STEP_MS, SPLIT_MS};
pub use suite::Suite;
pub use trust::{CallCode, Trust};
pub use word::{Devices, Phrase, Text, Word};
