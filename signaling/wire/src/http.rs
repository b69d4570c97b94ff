//! The bodies of the HTTP interface, `/api/v1`.

use crate::code::Code;
use crate::id::{Blob, RoomId};
use serde::{Deserialize, Serialize};

/// The body of `POST /api/v1/rooms`; none at all asks for a room whose link has
/// no password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomRequest {
    /// SHA-256 of what will prove the link's password: 32 bytes. The server
    /// never sees the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub password: Option<Blob>,
}

/// `POST /api/v1/rooms` gives this back, once: the server keeps only a hash of
/// the host key, and never sees the link secret at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct RoomCreated {
    /// The room.
    pub room: RoomId,
    /// Makes its holder a host: 32 bytes.
    pub host_key: Blob,
}

/// `GET /api/v1/rooms/{room}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct RoomInfo {
    /// The MLS ciphersuite of the room's calls.
    pub suite: u16,
    /// Whether the link has a password.
    pub password: bool,
}

/// Problem details (RFC 9457), media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `urn:conclave:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// One English sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: Code,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self {
            kind: format!("urn:conclave:problem:{}", code.as_str()),
            title: code.to_string(),
            status: code.status(),
            code,
        }
    }
}
