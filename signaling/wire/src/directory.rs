//! An organisation's directory in the HTTP interface:
//! `/api/v1/tenants/{tenant}/scim`. What it says itself is SCIM 2.0.

use serde::{Deserialize, Serialize};

/// That an organisation has a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryInfo {
    /// Since when its token is this one, in milliseconds since the Unix epoch.
    pub since: u64,
}

/// The directory's token, which is told once.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryMade {
    /// From now on, likewise.
    pub since: u64,
    /// What the directory shows as a bearer token.
    pub token: String,
}
