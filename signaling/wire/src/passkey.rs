//! Passkeys of accounts in the HTTP interface, `/api/v1`. What a browser and its
//! authenticator are asked, and what they answer, is the JSON of WebAuthn Level
//! 3 section 5.1.

use crate::id::PasskeyId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an authenticator is asked for.
#[derive(Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyChallenge {
    /// `PublicKeyCredentialCreationOptionsJSON` to make a passkey,
    /// `PublicKeyCredentialRequestOptionsJSON` to log in with one.
    #[ts(type = "unknown")]
    pub public_key: Value,
}

/// The body of `POST /api/v1/session/passkeys`.
#[derive(Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasskeyRequest {
    /// What its person knows it by: 1 to 64 characters, none of them a control
    /// character.
    pub name: String,
    /// `RegistrationResponseJSON`, of a challenge to make one.
    #[ts(type = "unknown")]
    pub credential: Value,
}

/// The body of `POST /api/v1/session/passkey`.
#[derive(Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasskeyLogin {
    /// `AuthenticationResponseJSON`, of a challenge to log in.
    #[ts(type = "unknown")]
    pub credential: Value,
}

/// The body of `PATCH /api/v1/session/passkeys/{passkey}`.
#[derive(Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasskeyName {
    /// As in [`PasskeyRequest`].
    pub name: String,
}

/// A passkey of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyInfo {
    /// Which.
    pub passkey: PasskeyId,
    /// What its person knows it by.
    pub name: String,
    /// When it was made, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub created: u64,
    /// When the last login with it began, likewise; nothing before there was one.
    #[ts(type = "number | null")]
    pub used: Option<u64>,
}

/// All passkeys of an account, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyList {
    /// At most 10 of them.
    pub passkeys: Vec<PasskeyInfo>,
}
