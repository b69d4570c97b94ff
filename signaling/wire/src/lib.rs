//! What Conclave's parts say to each other, and nothing else: serde types
//! without behaviour, shared by the signaling service, the SFU and the native
//! participant, and written out as TypeScript for the browser client.
//!
//! - [`id`]: the identifiers of rooms, participants and media sections.
//! - [`client`]: the WebSocket messages between a client and the signaling
//!   service.
//! - [`control`]: the commands from signaling to the SFU and the events back.
//! - [`code`]: the stable error codes that every refusal carries.
//! - [`http`]: the bodies of the HTTP interface about rooms.
//! - [`account`]: those about organisations, accounts and sessions.
//! - [`device`]: those about devices and their certificates.
//! - [`directory`]: those about organisations' directories.
//! - [`passkey`]: those about passkeys.
//! - [`text`]: those about what organisations say to everybody.
//! - [`webhook`]: those about who is told of events, and the events.
//! - [`typescript`]: the same types for the browser client.
//!
//! `docs/protocol.md` is the normative text.

pub mod account;
pub mod audit;
pub mod client;
pub mod code;
pub mod control;
pub mod device;
pub mod directory;
pub mod http;
pub mod id;
pub mod passkey;
pub mod policy;
pub mod text;
mod title;
pub mod typescript;
pub mod webhook;
