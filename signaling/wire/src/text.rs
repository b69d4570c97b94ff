//! What an organisation says to everybody, logged in or not: its terms of use,
//! its privacy notice, and who it is.

use serde::{Deserialize, Serialize};

/// One of those texts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PublicText {
    /// The terms on which the service is used.
    Terms,
    /// What becomes of the data of who uses it (GDPR Art. 13).
    Privacy,
    /// Who offers it, and how they are reached.
    Imprint,
}

impl PublicText {
    /// All of them, in the order in which they are listed.
    pub const ALL: &[Self] = &[Self::Terms, Self::Privacy, Self::Imprint];

    /// The text as it stands on the wire and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::Privacy => "privacy",
            Self::Imprint => "imprint",
        }
    }

    /// The text of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|text| text.as_str() == name)
    }
}

/// The body of `PUT /api/v1/texts/{text}`: paragraphs with an empty line between
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublicTextRequest {
    /// In German.
    pub de: String,
    /// In English.
    pub en: String,
}

/// `GET /api/v1/texts/{text}` and `GET /api/v1/rooms/{room}/texts/{text}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicTextInfo {
    /// In German.
    pub de: String,
    /// In English.
    pub en: String,
    /// Since when it reads so, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub since: u64,
    /// Whether it is the organisation's own, and not that of `default`.
    pub own: bool,
}
