//! Devices of accounts and their certificates in the HTTP interface, `/api/v1`.

use crate::id::{Blob, DeviceId, ParticipantId, RoomId};
use serde::{Deserialize, Serialize};

/// The body of `PUT /api/v1/session/device`.
#[derive(Debug, Clone, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceRequest {
    /// Which device it was in an earlier session, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub device: Option<DeviceId>,
    /// What its person knows it by: 1 to 64 characters, none of them a control
    /// character.
    pub name: String,
}

/// A device of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceInfo {
    /// Which.
    pub device: DeviceId,
    /// What its person knows it by.
    pub name: String,
    /// When it was first used, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub created: u64,
    /// When its last certificate ends, likewise; nothing before it had one.
    #[ts(type = "number | null")]
    pub certified_until: Option<u64>,
}

/// `GET /api/v1/accounts/{account}/devices`: all of them, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceList {
    /// At most 20 of them.
    pub devices: Vec<DeviceInfo>,
}

/// The body of `POST /api/v1/session/certificate`: a certificate is for one
/// stay in a call.
#[derive(Debug, Clone, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateRequest {
    /// The public signature key of the MLS leaf: Ed25519, 32 bytes.
    pub key: Blob,
    /// The signature by it that `docs/protocol.md` describes, 64 bytes.
    pub proof: Blob,
    /// The room of the stay, one of the account's organisation.
    pub room: RoomId,
    /// The stay.
    pub participant: ParticipantId,
    /// Its resume token, 32 bytes: nobody else gets a certificate for it.
    pub token: Blob,
}

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateIssued {
    /// The certificate, DER.
    pub certificate: Blob,
    /// The organisation's root that signed it, DER.
    pub root: Blob,
    /// When it ends, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub until: u64,
}
