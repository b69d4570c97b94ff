//! The bodies of the HTTP interface, `/api/v1`.

use crate::code::Code;
use crate::id::{Blob, LinkId, RoomId};
use serde::{Deserialize, Serialize};

/// The body of `POST /api/v1/rooms`; none at all asks for a room that guests
/// enter by its own link, without a password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomRequest {
    /// SHA-256 of what will prove the link's password: 32 bytes. The server
    /// never sees the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub password: Option<Blob>,
    /// Whether each guest comes by a link of their own, with a slot. The
    /// room's own link then lets hosts in and nobody else.
    #[serde(default)]
    #[ts(as = "Option<_>", optional)]
    pub scheduled: bool,
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
    /// Whether guests come by links of their own.
    pub scheduled: bool,
}

/// For how many calls a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "kebab-case")]
pub enum Uses {
    /// For one: it is used up when the call ends into which somebody was let
    /// by it.
    Once,
    /// For as many as its slot has.
    Series,
}

/// The body of `POST /api/v1/rooms/{room}/links`. Times are milliseconds since
/// the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkRequest {
    /// When it begins to open.
    #[ts(type = "number")]
    pub from: u64,
    /// When it ceases to, at most 31 days later.
    #[ts(type = "number")]
    pub until: u64,
    /// For how many calls it is.
    pub uses: Uses,
}

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// Its slot has not begun.
    Early,
    /// It opens.
    Active,
    /// It opens, and somebody was let into the call that runs by it.
    InUse,
    /// The call that it was for has been held.
    Used,
    /// Its slot is over.
    Expired,
    /// It was taken back.
    Revoked,
}

/// A guest's link, without what only its maker knows: the answer to the request
/// that makes it, and an entry of the list. Times as in [`LinkRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct LinkInfo {
    /// Which.
    pub link: LinkId,
    /// When it begins to open.
    #[ts(type = "number")]
    pub from: u64,
    /// When it ceases to.
    #[ts(type = "number")]
    pub until: u64,
    /// For how many calls it is.
    pub uses: Uses,
    /// How it stands.
    pub state: LinkState,
    /// Whether wrong passwords have locked it.
    pub locked: bool,
}

/// `GET /api/v1/rooms/{room}/links`: those of the room, by when they open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct LinkList {
    /// All of them.
    pub links: Vec<LinkInfo>,
}

/// When something that is refused now will be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// The moment, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub at: u64,
    /// How many milliseconds from now: the visitor's clock may be wrong.
    #[serde(rename = "in")]
    #[ts(type = "number")]
    pub wait: u64,
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
    /// With `link-early`: when the link opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub opens: Option<Opening>,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self {
            kind: format!("urn:conclave:problem:{}", code.as_str()),
            title: code.to_string(),
            status: code.status(),
            code,
            opens: None,
        }
    }
}
