//! The audit log in the HTTP interface: `GET /api/v1/audit`.

use crate::id::{AccountId, Blob, TenantId};
use serde::{Deserialize, Serialize};

/// Declares the acts once: what they are called stands beside them.
macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident = $name:literal,)+) => {
        /// Something that is done to an organisation, and noted. Nothing of a
        /// call is one: who talked, knocked or waited is noted nowhere.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
        pub enum Act {
            $($(#[$doc])* #[serde(rename = $name)] $act,)+
        }

        impl Act {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$act,)+];

            /// The act as it stands on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$act => $name,)+
                }
            }
        }
    };
}

acts! {
    /// An organisation was made.
    TenantMade = "tenant.made",
    /// How much an organisation may have was changed.
    TenantChanged = "tenant.changed",
    /// An organisation was deleted, with its accounts.
    TenantDeleted = "tenant.deleted",
    /// An organisation's people log in by another provider from now on.
    TenantProviderSet = "tenant.provider-set",
    /// They log in by none any more.
    TenantProviderRemoved = "tenant.provider-removed",
    /// The organisation's directory was given a token, and no other has one.
    TenantDirectorySet = "tenant.directory-set",
    /// No directory makes or ends its accounts any more.
    TenantDirectoryRemoved = "tenant.directory-removed",
    /// An account was made.
    AccountMade = "account.made",
    /// An account's role or its person's name was changed.
    AccountChanged = "account.changed",
    /// Nobody may log in to an account any more.
    AccountDisabled = "account.disabled",
    /// They may again.
    AccountEnabled = "account.enabled",
    /// An account was deleted, with all that is its own.
    AccountDeleted = "account.deleted",
    /// An account was drawn another password.
    AccountPasswordReset = "account.password-reset",
    /// Its holder took another password.
    AccountPasswordChanged = "account.password-changed",
    /// Its holder set a second factor up.
    AccountFactorSet = "account.factor-set",
    /// An account's second factor was forgotten.
    AccountFactorReset = "account.factor-reset",
    /// Its holder made a passkey.
    AccountPasskeyMade = "account.passkey-made",
    /// Its holder called a passkey something else.
    AccountPasskeyRenamed = "account.passkey-renamed",
    /// A passkey of an account was removed.
    AccountPasskeyRemoved = "account.passkey-removed",
    /// A device was revoked.
    DeviceRevoked = "device.revoked",
    /// All devices of an account were revoked.
    AccountDevicesRevoked = "account.devices-revoked",
    /// All devices of the organisation were revoked.
    TenantDevicesRevoked = "tenant.devices-revoked",
    /// A room was made.
    RoomMade = "room.made",
    /// A room was deleted.
    RoomDeleted = "room.deleted",
    /// A room's links were opened again, which wrong passwords had locked.
    RoomUnlocked = "room.unlocked",
    /// It was said whom a marked room's calls are for.
    RoomPeopleSet = "room.people-set",
    /// The password of a room's links was given, to be sent to a telephone by
    /// the organisation's endpoint.
    RoomPasswordSent = "room.password-sent",
    /// A link was made for a guest of a room.
    LinkMade = "link.made",
    /// A guest's link was handed out.
    LinkHandedOut = "link.handed-out",
    /// A consent that came by mail was noted.
    LinkConsentNoted = "link.consent-noted",
    /// A guest's link was revoked.
    LinkRevoked = "link.revoked",
    /// Policies of the server, an organisation or an account were set.
    PoliciesSet = "policies.set",
    /// An endpoint was made that is told of events.
    WebhookMade = "webhook.made",
    /// Where it is, what it is told of, or whether it is, was changed.
    WebhookChanged = "webhook.changed",
    /// Its events are signed with another secret from now on.
    WebhookSecretRenewed = "webhook.secret-renewed",
    /// It is told nothing any more, and forgotten.
    WebhookDeleted = "webhook.deleted",
    /// There is another version of the texts that guests consent to.
    ConsentTextsSet = "consent-texts.set",
    /// Terms of use, a privacy notice or an imprint read differently from now on.
    PublicTextSet = "public-text.set",
    /// The organisation has none of its own any more.
    PublicTextRemoved = "public-text.removed",
}

impl Act {
    /// The act of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|act| act.as_str() == name)
    }
}

/// A line of an organisation's audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditLine {
    /// Its number, from 1, without a gap.
    #[ts(type = "number")]
    pub seq: u64,
    /// When, in milliseconds since the Unix epoch.
    #[ts(type = "number")]
    pub at: u64,
    /// Whose account did it; without one it was the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub actor: Option<AccountId>,
    /// What was done.
    pub act: Act,
    /// To what: the identifier of an account, a device, an endpoint or an organisation; of acts on
    /// a room and on its guests' links that of the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub object: Option<Blob>,
    /// The version of texts; the policies that are set there now; `scim`: the
    /// organisation's directory did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub detail: Option<String>,
    /// SHA-256 of the line and of the digest of the line before it.
    pub digest: Blob,
}

/// `GET /api/v1/audit`, the oldest line first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditList {
    /// Whose log it is.
    pub tenant: TenantId,
    /// The digest of the line before the first of these.
    pub before: Blob,
    /// At most as many as were asked for.
    pub lines: Vec<AuditLine>,
    /// Whether there are more: `?after=` the number of the last one gives them.
    pub more: bool,
    /// The number of the oldest line that is kept.
    #[ts(type = "number")]
    pub first: u64,
    /// The number of the newest line; one less than `first` if there is none.
    #[ts(type = "number")]
    pub last: u64,
    /// The digest of the newest line.
    pub head: Blob,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_in_rust_is_the_act_on_the_wire() {
        for act in Act::ALL {
            assert_eq!(serde_json::to_value(act).expect("serialises"), act.as_str());
            assert_eq!(Act::parse(act.as_str()), Some(*act));
        }
        assert_eq!(Act::parse("account"), None);
    }
}
