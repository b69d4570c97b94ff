//! The signaling service: rooms by link, who may be in them, and the MLS
//! delivery service, over HTTPS and WebSocket. It sees public MLS framing only;
//! no key of a call ever reaches it.
//!
//! A request's way through the service, in the order of the modules:
//!
//! - [`serve`]: composes everything below and listens ([`config`], [`tls`],
//!   [`operator`], [`origin`], [`assets`], `metrics`).
//! - [`sort`]: tells HTTPS from media that comes over TCP.
//! - `http`: rooms, accounts, health, the browser client, and the door to the socket.
//! - `identity`: who somebody is: passwords, second factors, passkeys,
//!   sessions.
//! - `socket`: one WebSocket: frames in, frames out, pings, limits.
//! - `rooms`, `actor`: one task a room that is awake; a mailbox in,
//!   [`domain::Effect`]s out, the durable ones first.
//! - [`domain`]: the pure machines that decide.
//! - `store`: what outlives the process.
//! - `retention`: forgets what is over.
//! - `webhooks`: tells organisations' endpoints of events.
//! - [`sheet`]: tables for spreadsheets.
//! - [`media`]: the channel to the SFU.
//! - `outbox`: what waits for one socket.
//!
//! `docs/protocol.md` is the normative text.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod assets;
pub mod config;
pub mod domain;
pub mod media;
pub mod operator;
pub mod origin;
pub mod serve;
pub mod sheet;
pub mod sort;
pub mod tls;

mod actor;
mod clock;
mod files;
mod http;
mod identity;
mod leaver;
mod metrics;
mod outbox;
mod retention;
mod revocation;
mod rooms;
mod socket;
mod store;
mod webhooks;

pub use assets::{Asset, Assets};
pub use config::{Config, TlsFiles};
pub use http::{CONTENT_SECURITY_POLICY, openapi};
pub use media::MediaPlane;
pub use origin::Origin;
pub use serve::{Serving, StartError, interface, serve};
pub use store::{PostgresUrl, StoreError};
