//! What the floor prototype and its load agree on beforehand, instead of ICE,
//! DTLS and SDP.

use conclave_sfu::srtp::{Failed, Keys, Profile};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The profile: the one that the SFU and the load's clients agree on.
const PROFILE: Profile = Profile::Aead128Gcm;

/// Whom the floor forwards to; the first line of its input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// Subscribers, in the order of their keys.
    pub subscribers: Vec<SocketAddr>,
}

/// The keys of the publisher (0) or a subscriber (from 1).
///
/// # Errors
/// Never with this profile's lengths.
pub fn keys(of: usize) -> Result<Keys, Failed> {
    let mut key = [7; 16];
    let mut salt = [9; 12];
    key[..8].copy_from_slice(&of.to_be_bytes());
    salt[..8].copy_from_slice(&of.to_be_bytes());
    Keys::derive(PROFILE, &key, &salt)
}
