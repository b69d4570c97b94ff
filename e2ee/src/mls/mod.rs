//! The MLS group (RFC 9420) behind a call.
//!
//! [`knock`] is the way to its door, [`group`] the door and the room behind
//! it, [`rules`] what a commit may do there beyond what MLS itself demands,
//! [`returning`] how a member that fell behind takes its place again,
//! [`provider`] the primitives and the memory all of it lives in.

pub(crate) mod group;
pub(crate) mod knock;
mod message;
pub(crate) mod provider;
pub(crate) mod returning;
pub(crate) mod rules;
