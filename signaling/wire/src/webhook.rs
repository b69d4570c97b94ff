//! Webhooks: who is told of what happens in an organisation, `/api/v1/webhooks`,
//! and what they are told.

use crate::http::Language;
use crate::id::{AccountId, LinkId, RoomId, TenantId, WebhookId};
use serde::{Deserialize, Serialize};

/// Declares the events once: what they are called stands beside them.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident = $name:literal,)+) => {
        /// Something that an organisation's programs may be told. Nothing of a
        /// call is one, and no event has a name in it.
        ///
        /// `password.send` is told to no endpoint that does not name it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $name)] $event,)+
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$event,)+];

            /// The event as it stands on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)+
                }
            }
        }
    };
}

events! {
    /// An account was made.
    AccountMade = "account.made",
    /// Nobody may log in to an account any more.
    AccountDisabled = "account.disabled",
    /// They may again.
    AccountEnabled = "account.enabled",
    /// An account was deleted.
    AccountDeleted = "account.deleted",
    /// A room was made.
    RoomMade = "room.made",
    /// A room was deleted, with its links.
    RoomDeleted = "room.deleted",
    /// A link was made for a guest of a room.
    LinkMade = "link.made",
    /// A guest's link was handed out.
    LinkHandedOut = "link.handed-out",
    /// A guest's link was revoked.
    LinkRevoked = "link.revoked",
    /// A guest consented, by page or by mail: the link opens.
    ConsentGiven = "consent.given",
    /// A guest withdrew the consent: the link is closed.
    ConsentWithdrawn = "consent.withdrawn",
    /// The password of a room's links is to be sent to somebody's telephone.
    PasswordSend = "password.send",
}

impl EventKind {
    /// The event of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|event| event.as_str() == name)
    }
}

/// What is sent to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEvent {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When, in UTC (RFC 3339), to the millisecond.
    pub timestamp: String,
    /// To what.
    pub data: EventData,
}

/// Where something happened, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventData {
    /// In which organisation.
    pub tenant: TenantId,
    /// The account, of `account.…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The room, of `room.…`, `link.…` and `consent.…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// The room's link, of `link.…` and `consent.…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkId>,
}

/// What is sent to an endpoint that sends passwords to telephones. Nothing in it
/// says which room the password is of, or whose.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordEvent {
    /// [`EventKind::PasswordSend`].
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When, in UTC (RFC 3339), to the millisecond.
    pub timestamp: String,
    /// To whom, and what.
    pub data: PasswordMessage,
}

/// The body of `POST /api/v1/rooms/{room}/password-message`, and what the
/// organisation's endpoint is told of it.
#[derive(Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordMessage {
    /// The number: `+` and 8 to 15 digits (E.164).
    pub to: String,
    /// The password of the room's links as it was drawn: three groups of four
    /// symbols with hyphens between them.
    pub password: String,
    /// In which language the message is to be.
    pub language: Language,
}

/// The body of `POST /api/v1/webhooks`.
#[derive(Debug, Clone, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookRequest {
    /// Where to: `https://…`, at most 500 characters, without a user, a password
    /// or a fragment.
    pub url: String,
    /// Of what; empty or left out: of everything, also of what comes with later
    /// versions, but not of `password.send`, which has to be named.
    #[serde(default)]
    pub events: Vec<EventKind>,
}

/// The body of `PATCH /api/v1/webhooks/{webhook}`: what is to be otherwise.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookChange {
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub url: Option<String>,
    /// Of what; empty: of everything but `password.send`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub events: Option<Vec<EventKind>>,
    /// Whether anything is sent. Switched on, what was given up within the last
    /// seven days is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub enabled: Option<bool>,
}

/// An endpoint, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookInfo {
    /// Which.
    pub webhook: WebhookId,
    /// Where to.
    pub url: String,
    /// Of what; empty: of everything but `password.send`.
    pub events: Vec<EventKind>,
    /// When it was made, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub created: u64,
    /// Whether anything is sent to it.
    pub enabled: bool,
    /// Since when it has taken nothing, likewise; nothing: it took the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub failing_since: Option<u64>,
    /// How many events are still to be delivered.
    #[ts(type = "number")]
    pub waiting: u64,
    /// How many were given up within the last seven days.
    #[ts(type = "number")]
    pub given_up: u64,
}

/// An endpoint with its secret, which is told once.
#[derive(Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookMade {
    /// The endpoint.
    pub webhook: WebhookInfo,
    /// What its events are signed with from now on, `whsec_…`.
    pub secret: String,
}

/// `GET /api/v1/webhooks`, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookList {
    /// At most as many as were asked for.
    pub webhooks: Vec<WebhookInfo>,
    /// Whether there are more: `?after=` the last one gives them.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_in_rust_is_the_event_on_the_wire() {
        for event in EventKind::ALL {
            let wire = serde_json::to_value(event).expect("serialises");
            assert_eq!(wire, event.as_str());
            assert_eq!(EventKind::parse(event.as_str()), Some(*event));
        }
        assert_eq!(EventKind::parse("call.started"), None);
    }
}
