//! The bodies of the HTTP interface, `/api/v1`.

use crate::code::Code;
use crate::id::{Blob, LinkId, RoomId};
use crate::text::PublicText;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The body of `POST /api/v1/rooms`; none at all asks for a room that guests
/// enter by its own link, without a password.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
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
    /// What its organisation calls it: 1 to 80 characters, none of them a
    /// control character. Guests are not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub title: Option<String>,
    /// Whether its calls are consultations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub consultation: Option<Consultation>,
    /// For how many people its calls are at most: 2 or more, and no more than
    /// a call of its organisation may have. A consultation says so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub max_people: Option<u32>,
    /// Who shares a screen in its calls.
    #[serde(default, skip_serializing_if = "Sharing::is_all")]
    #[ts(as = "Option<_>", optional)]
    pub sharing: Sharing,
    /// What its calls are marked as, like `VS-NfD`: 1 to 32 characters, none of
    /// them a control character, no white space at the ends. Only devices that
    /// the organisation has certified take part in them. Neither consultations
    /// nor rooms with links for guests are marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub marking: Option<String>,
    /// Of a marked room: the names to log in with of the organisation's people
    /// whom its calls are for, at most 500. Without it they are for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub listed: Option<Vec<String>>,
}

/// The body and the answer of `/api/v1/rooms/{room}/people`: whom a marked room's
/// calls are for.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomPeople {
    /// Their names to log in with; without it everybody of the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub listed: Option<Vec<String>>,
}

/// Who shares a screen in a room's calls.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Every member.
    #[default]
    All,
    /// Hosts, and whom they make presenters.
    Presenters,
}

impl Sharing {
    /// Whether every member does.
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// What calls of a consultation are: for few people, of whom hosts alone let
/// the others in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Consultation {
    /// For how many people, 2 to 9.
    pub people: u8,
    /// The host's name as guests read it, as whoever made the room says: 1 to 64
    /// characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub host_name: Option<String>,
}

/// `POST /api/v1/rooms` gives this back, once: the server keeps only a hash of
/// the host key, and never sees the link secret at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomCreated {
    /// The room.
    pub room: RoomId,
    /// Makes its holder a host: 32 bytes.
    pub host_key: Blob,
    /// Whether its password can be sent to a telephone, by an endpoint of the
    /// organisation: `POST /api/v1/rooms/{room}/password-message`.
    #[serde(default)]
    pub password_message: bool,
}

/// `GET /api/v1/rooms/{room}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomInfo {
    /// The MLS ciphersuite of the room's calls.
    pub suite: u16,
    /// Whether the link has a password.
    pub password: bool,
    /// Whether guests come by links of their own.
    pub scheduled: bool,
    /// Whether its calls are consultations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub consultation: Option<Consultation>,
    /// What its calls are marked as, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub marking: Option<String>,
    /// What there is to read of its organisation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<PublicText>>", optional)]
    pub texts: Vec<PublicText>,
}

/// A room in the list of its organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomEntry {
    /// Which.
    pub room: RoomId,
    /// What it is called, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub title: Option<String>,
    /// When it was made, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub created: u64,
    /// Whether its links have a password.
    pub password: bool,
    /// Whether guests come by links of their own.
    pub scheduled: bool,
    /// For how many people its calls are at most, if that was said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub max_people: Option<u32>,
    /// Who shares a screen in its calls.
    #[serde(default, skip_serializing_if = "Sharing::is_all")]
    #[ts(as = "Option<_>", optional)]
    pub sharing: Sharing,
    /// What its calls are marked as, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub marking: Option<String>,
}

/// `GET /api/v1/rooms`: those of the organisation, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomList {
    /// At most as many as were asked for.
    pub rooms: Vec<RoomEntry>,
    /// Whether there are more: `?after=` the last one gives them.
    pub more: bool,
}

/// For how many calls a link is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
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
    /// Whether it opens without its guest's consent.
    #[serde(default)]
    #[ts(as = "Option<_>", optional)]
    pub consent: ConsentRule,
}

/// Whether a link opens without its guest's consent.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentRule {
    /// It does.
    #[default]
    None,
    /// It does not: it begins as a draft.
    Required,
}

/// The languages of texts that people consent to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// German.
    De,
    /// English.
    En,
}

/// How consent was given.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentWay {
    /// On the guest's page.
    #[default]
    Page,
    /// By a mail, letter or call, noted by who received it.
    Mail,
}

/// A consent as it is kept: of a link, not of a name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// To which version of the text.
    pub version: u32,
    /// In which language it was read.
    pub language: Language,
    /// When, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub at: u64,
    /// How.
    pub way: ConsentWay,
}

/// The body of `POST /api/v1/rooms/{room}/links/{link}/consent`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsentRequest {
    /// To which version of the text.
    pub version: u32,
    /// In which language it was read.
    pub language: Language,
    /// How it was given; noting that of a mail takes the operator's token.
    #[serde(default)]
    #[ts(as = "Option<_>", optional)]
    pub way: ConsentWay,
}

/// What a guest reads before they consent, in one language: paragraphs with an
/// empty line between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsentText {
    /// The privacy notice.
    pub notice: String,
    /// What is consented to.
    pub consent: String,
}

/// The body of `POST /api/v1/consent-texts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsentTextsRequest {
    /// In German.
    pub de: ConsentText,
    /// In English.
    pub en: ConsentText,
}

/// `GET /api/v1/consent-texts/{version}`: a version of the texts, which never
/// changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsentTexts {
    /// Which, from 1.
    pub version: u32,
    /// In German.
    pub de: ConsentText,
    /// In English.
    pub en: ConsentText,
}

/// How a link stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// It was made and is not handed out yet.
    Draft,
    /// It waits for its guest's consent.
    Consent,
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
    /// The consent that it needed was withdrawn.
    Withdrawn,
}

/// A guest's link, without what only its maker knows: the answer to the request
/// that makes it, and an entry of the list. Times as in [`LinkRequest`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
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
    /// The consent that was given to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub consent: Option<Consent>,
}

/// `GET /api/v1/rooms/{room}/links`: those of the room, by when they open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkList {
    /// At most as many as were asked for.
    pub links: Vec<LinkInfo>,
    /// Whether there are more: `?after=` the last one gives them.
    pub more: bool,
}

/// When something that is refused now will be granted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `urn:conclave:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence in the language of the answer.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: Code,
    /// With `link-early`: when the link opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub opens: Option<Opening>,
    /// With what refuses a link: the consent that was given to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub consent: Option<Consent>,
    /// With what refuses a table: where it is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub cell: Option<Cell>,
}

/// A cell of a table that was sent as CSV.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// The line, from 1; a cell of several lines is where it begins.
    #[ts(type = "number")]
    pub line: u64,
    /// The column, from 1.
    pub column: u32,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self {
            kind: format!("urn:conclave:problem:{}", code.as_str()),
            title: code.to_string(),
            status: code.status(),
            code,
            opens: None,
            consent: None,
            cell: None,
        }
    }
}

/// `GET /api/v1/media-trial`: how a page finds out whether media would come
/// through. Connectivity checks under these credentials are answered, and
/// nothing else comes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaTrial {
    /// The user name fragment of the media plane (RFC 8839 section 5.4).
    pub ufrag: String,
    /// And its password.
    pub pwd: String,
    /// Where checks are answered over UDP.
    pub udp: Vec<MediaAddress>,
    /// Where TCP connections for them are taken (RFC 6544); none where media
    /// does not go over TCP.
    pub tcp: Vec<MediaAddress>,
}

/// An address of the media plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaAddress {
    /// IPv4 or IPv6, as text.
    #[schema(value_type = String, examples("192.0.2.1", "2001:db8::1"))]
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}
