//! Organisations, accounts and sessions in the HTTP interface, `/api/v1`.

use crate::id::{AccountId, TenantId};
use crate::text::PublicText;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What somebody is to their organisation. What each may do is one table:
/// `signaling/src/domain/role.rs`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Makes rooms and leads calls.
    Host,
    /// Takes part, and shows things.
    Presenter,
    /// Takes part.
    Member,
    /// Comes by a link, without an account.
    Guest,
    /// Prepares for others: links, not calls.
    Assistant,
    /// Administers the organisation.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Host,
        Self::Presenter,
        Self::Member,
        Self::Guest,
        Self::Assistant,
        Self::Admin,
    ];

    /// The role as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Presenter => "presenter",
            Self::Member => "member",
            Self::Guest => "guest",
            Self::Assistant => "assistant",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// Something that is for some roles only.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// See which rooms the organisation has.
    SeeRooms,
    /// Make a room; its maker gets the host key.
    MakeRoom,
    /// Delete a room, which ends its call.
    DeleteRoom,
    /// Open links again that wrong passwords have locked.
    UnlockRoom,
    /// See, make and revoke guests' links of a room.
    ManageLinks,
    /// See, make and disable accounts, and reset their passwords and factors.
    ManageAccounts,
    /// Read what was done to the organisation, and by whom.
    ReadAudit,
    /// See and set policies of the organisation and its accounts.
    ManagePolicies,
    /// See, make, change and delete endpoints that are told of events.
    ManageWebhooks,
    /// Set the texts that the organisation's guests consent to.
    SetConsentTexts,
}

/// How the one who logs in keeps the session's token.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// The browser does, as a cookie that no script reads.
    #[default]
    Cookie,
    /// A program does: it is in the answer, and is sent as a bearer token.
    Token,
}

/// The body of `POST /api/v1/session`.
#[derive(Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// The organisation's name; without it the one that is always there.
    #[serde(default)]
    #[ts(optional)]
    pub tenant: Option<String>,
    /// The account's name, in any case.
    pub login: String,
    /// Its password.
    pub password: String,
    /// A code of its second factor, or one of its backup codes.
    #[serde(default)]
    #[ts(optional)]
    pub code: Option<String>,
    /// How the token is kept.
    #[serde(default)]
    #[ts(as = "Option<_>", optional)]
    pub kept: Kept,
}

/// Who is logged in: `POST` and `GET /api/v1/session`.
#[derive(Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// The account.
    pub account: AccountId,
    /// Its name to log in with.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// Its organisation's name.
    pub tenant: String,
    /// Its role.
    pub role: Role,
    /// What the role may do.
    pub actions: Vec<Action>,
    /// Whether the account has a second factor.
    pub factor: bool,
    /// Whether a second factor has to be set up before anything else.
    pub factor_needed: bool,
    /// Whether the organisation's provider knows the account: it has no password.
    pub external: bool,
    /// The token, if the program that logged in keeps it: 32 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub token: Option<crate::id::Blob>,
}

/// The body of `PUT /api/v1/session/password`.
#[derive(Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPassword {
    /// The password that ends.
    pub current: String,
    /// The one that takes its place: 12 characters or more, 256 bytes at most.
    pub password: String,
}

/// `POST /api/v1/session/factor`: what an authenticator is to be given
/// (RFC 6238: SHA-1, six digits, 30 s).
#[derive(Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enrolment {
    /// The shared secret, base32 without padding (RFC 4648 section 6).
    pub secret: String,
    /// The same as `otpauth://` URI.
    pub uri: String,
}

/// The body of `PUT /api/v1/session/factor`.
#[derive(Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FactorCode {
    /// Six digits that the authenticator shows.
    pub code: String,
}

/// `PUT /api/v1/session/factor` gives these back, once.
#[derive(Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupCodes {
    /// Each stands in for one code of the authenticator.
    pub codes: Vec<String>,
}

/// The body of `POST /api/v1/accounts`.
#[derive(Debug, Clone, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountRequest {
    /// The name to log in with: 1 to 64 of `a-z`, `0-9`, `.`, `-`, `_`, `@`;
    /// upper case is taken as lower case.
    pub login: String,
    /// The person's name: 1 to 64 characters, none of them a control character.
    pub name: String,
    /// Its role; not [`Role::Guest`].
    pub role: Role,
}

/// The body of `PATCH /api/v1/accounts/{account}`: what is to change.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountChange {
    /// The person's name, as in [`AccountRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    /// Its role; not [`Role::Guest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub role: Option<Role>,
}

/// An account as its administrators see it.
#[derive(Debug, Clone, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountInfo {
    /// Which.
    pub account: AccountId,
    /// Its name to log in with.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// When it was made, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub created: u64,
    /// Whether nobody can log in to it.
    pub disabled: bool,
    /// Whether it has a second factor.
    pub factor: bool,
    /// Whether the organisation's provider knows it: it has no password.
    pub external: bool,
}

/// `POST /api/v1/accounts` and `POST /api/v1/accounts/{account}/password` give
/// this back, once.
#[derive(Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountMade {
    /// The account.
    pub account: AccountInfo,
    /// Its password, drawn by the server, which keeps a hash.
    pub password: String,
}

/// `GET /api/v1/accounts`: those of the organisation, by the name they log in with.
#[derive(Debug, Clone, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountList {
    /// At most as many as were asked for.
    pub accounts: Vec<AccountInfo>,
    /// Whether there are more: `?after=` the account of the last one gives them.
    pub more: bool,
}

/// The body of `POST /api/v1/tenants`. What is left out is as much as the server has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantRequest {
    /// 1 to 63 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// Most rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rooms: Option<u32>,
    /// Most members of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u32>,
    /// Most accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_accounts: Option<u32>,
}

/// The body of `PATCH /api/v1/tenants/{tenant}`: what is to change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantChange {
    /// Most rooms; not fewer than it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rooms: Option<u32>,
    /// Most members of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u32>,
    /// Most accounts; not fewer than it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_accounts: Option<u32>,
}

/// An organisation, as the operator and its administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantInfo {
    /// Which.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// When it was made, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub created: u64,
    /// How many rooms it has.
    pub rooms: u32,
    /// How many accounts it has.
    pub accounts: u32,
    /// Most rooms.
    pub max_rooms: u32,
    /// Most members of one call.
    pub max_participants: u32,
    /// Most accounts.
    pub max_accounts: u32,
}

/// `GET /api/v1/tenants`, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantList {
    /// At most as many as were asked for.
    pub tenants: Vec<TenantInfo>,
    /// Whether there are more: `?after=` the name of the last one gives them.
    pub more: bool,
}

/// The body of `PUT /api/v1/tenants/{tenant}/oidc`: the organisation's OpenID
/// Connect provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderRequest {
    /// Its name as people read it on the login page, 1 to 64 characters.
    pub name: String,
    /// Its issuer: `https`, or `http` of a loopback address.
    pub issuer: String,
    /// What it calls this service.
    pub client_id: String,
    /// The secret it gave for that.
    pub client_secret: String,
    /// Scopes to ask for besides `openid` and `profile`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups. Default: `groups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_claim: Option<String>,
    /// Which group gives which role; of several the least counts, without one
    /// [`Role::Member`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, Role>,
    /// Certificates that are trusted besides the system's, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

/// `GET /api/v1/tenants/{tenant}/oidc`: the same without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderInfo {
    /// Its name.
    pub name: String,
    /// Its issuer.
    pub issuer: String,
    /// What it calls this service.
    pub client_id: String,
    /// Scopes that are asked for besides.
    pub scopes: Vec<String>,
    /// The claim that lists groups.
    pub groups_claim: String,
    /// Which group gives which role.
    pub roles: BTreeMap<String, Role>,
    /// Whether certificates are trusted besides the system's.
    pub ca: bool,
}

/// `GET /api/v1/login/{tenant}`: how people of an organisation log in beside a
/// password of this server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginWays {
    /// The name of their provider, if they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub provider: Option<String>,
    /// The server's name, under which passkeys are used; nothing where it has
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub passkeys: Option<String>,
    /// What there is to read before, as [`PublicText`]s.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<PublicText>>", optional)]
    pub texts: Vec<PublicText>,
}
