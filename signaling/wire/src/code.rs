//! The stable error codes. A code, once released, keeps its meaning; clients
//! translate codes, never texts.

use serde::{Deserialize, Serialize};

/// Why something was refused.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    ts_rs::TS,
    thiserror::Error,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The message is not one of the protocol's.
    #[error("the message is not one of the protocol's")]
    BadMessage,
    /// A message, offer or field is over its limit.
    #[error("the message or one of its fields is too large")]
    TooLarge,
    /// More messages in a short time than any honest client sends.
    #[error("too many messages; slow down")]
    TooMany,
    /// No room has this identifier.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A token, host key or resume token that is not valid, or none where one
    /// is needed.
    #[error("the credential is missing or not valid")]
    Unauthorized,
    /// The name and password are right, and the account's second factor is
    /// missing, or has yet to be set up.
    #[error("the account's second factor is needed")]
    FactorNeeded,
    /// The code is none of the second factor's, or was used before.
    #[error("the second factor's code is wrong or was used before")]
    FactorWrong,
    /// The account has a second factor already.
    #[error("the account has a second factor already")]
    FactorSet,
    /// The organisation's provider did not confirm who somebody is, or the
    /// account is disabled.
    #[error("the login by the organisation's provider did not succeed")]
    LoginFailed,
    /// A login that began too long ago, or in another browser.
    #[error("the login began too long ago or in another browser; begin again")]
    LoginExpired,
    /// A passkey that is not known, or an answer of an authenticator that is not
    /// to what was asked.
    #[error("the passkey is not known here, or did not confirm what was asked")]
    PasskeyRefused,
    /// The server has no name that passkeys could be made for, or was reached
    /// by another.
    #[error("passkeys are used at the server's own name only")]
    PasskeysElsewhere,
    /// The login is too long ago for what gives access for good.
    #[error("this needs a login of the last minutes; log in again")]
    LoginNotRecent,
    /// The account has as many passkeys as it may: one has to be removed first.
    #[error("the account has as many passkeys as it may; remove one")]
    TooManyPasskeys,
    /// The account has no such passkey.
    #[error("there is no such passkey")]
    NoSuchPasskey,
    /// The organisation's provider does not answer as it should.
    #[error("the organisation's provider does not answer")]
    ProviderUnavailable,
    /// The organisation's provider knows the account: it has no password here,
    /// and is changed there.
    #[error("the account is one of its organisation's provider, and is changed there")]
    ExternalAccount,
    /// A new password is too short or too long.
    #[error("the new password is too short or too long")]
    PasswordUnfit,
    /// The link has a password, and none was given.
    #[error("the link needs its password")]
    PasswordNeeded,
    /// The password is another. A few more such tries lock the link.
    #[error("the password is wrong")]
    PasswordWrong,
    /// Too many wrong passwords: nobody enters by this link, with the right one
    /// neither, until a host or the operator opens it again.
    #[error("wrong passwords have locked the link; a host or the operator can unlock it")]
    LinkLocked,
    /// A host has locked the room: nobody else enters while the call lasts.
    #[error("a host has locked the room")]
    RoomLocked,
    /// The room's guests come by links of their own, and none was named.
    #[error("the room's guests come by links of their own")]
    LinkNeeded,
    /// The room has no such link, or no longer.
    #[error("the room has no such link")]
    NoSuchLink,
    /// The link's slot has not begun.
    #[error("the link does not open yet")]
    LinkEarly,
    /// The link's slot is over.
    #[error("the link's time is over")]
    LinkExpired,
    /// The call for which the link was made has been held.
    #[error("the link has been used")]
    LinkUsed,
    /// The link was revoked.
    #[error("the link was revoked")]
    LinkRevoked,
    /// A link's slot may not begin so far ahead.
    #[error("the slot begins too far ahead")]
    SlotTooFar,
    /// The link was made and is not handed out yet.
    #[error("the link is not handed out yet")]
    LinkDraft,
    /// The link opens once its guest has consented.
    #[error("the link opens once its guest has consented")]
    ConsentNeeded,
    /// The consent that the link needed was withdrawn.
    #[error("the consent was withdrawn, and the link is closed")]
    ConsentWithdrawn,
    /// What was consented to is not the text that holds now.
    #[error("the text has changed meanwhile")]
    ConsentOutdated,
    /// The link needs no consent: there is none to give or to withdraw.
    #[error("the link needs no consent")]
    NoConsentNeeded,
    /// A link cannot need consent as long as there is no text to consent to.
    #[error("there is no text to consent to: the operator has to set one")]
    NoConsentText,
    /// The room's links have no password.
    #[error("the room's links have no password")]
    NoPassword,
    /// No endpoint of the organisation that is switched on sends passwords.
    #[error("the organisation has no endpoint that sends passwords")]
    NoPasswordEndpoint,
    /// The organisation's endpoint did not take the password, or not in time.
    #[error("the organisation's endpoint did not take the password")]
    PasswordNotTaken,
    /// The room takes guests by its own link: it has no others.
    #[error("the room takes guests by its own link and has no others")]
    NotScheduled,
    /// The organisation has no such account.
    #[error("there is no such account")]
    NoSuchAccount,
    /// The organisation would be left without an administrator who can log in.
    #[error("the organisation has no other administrator who can log in")]
    LastAdministrator,
    /// No organisation has this name.
    #[error("there is no such organisation")]
    NoSuchTenant,
    /// The name is another's already.
    #[error("the name is taken")]
    NameTaken,
    /// The organisation still has rooms, or is the one that stays.
    #[error("the organisation still has rooms, or is the one that stays")]
    TenantInUse,
    /// The organisation has as many rooms or accounts as it may.
    #[error("the organisation has as many as it may")]
    QuotaReached,
    /// The organisation has no such device.
    #[error("there is no such device")]
    NoSuchDevice,
    /// The account has as many devices as it may: one has to be revoked first.
    #[error("the account has as many devices as it may; revoke one")]
    TooManyDevices,
    /// The session has not said on which device it is.
    #[error("the session has not said on which device it is")]
    DeviceNeeded,
    /// The signature does not prove that the device holds the key.
    #[error("the signature does not prove possession of the key")]
    ProofWrong,
    /// The stay is certified for another device already.
    #[error("the stay is certified for another device")]
    OtherDevice,
    /// Nobody takes part in a marked room's calls without a certificate, and
    /// nobody is a host without one where hosts log in.
    #[error("this room needs a device that the organisation has certified for that")]
    CertificateNeeded,
    /// A marked room's calls are for other people.
    #[error("this room's calls are for people on its list")]
    NotListed,
    /// A marking is too long or empty, or the room can have none.
    #[error(
        "a marking has 1 to 32 characters, and is for rooms without consultations and links for guests"
    )]
    MarkingUnfit,
    /// No policy has this name.
    #[error("there is no such policy")]
    PolicyUnknown,
    /// The policy cannot be that.
    #[error("the policy cannot have this value")]
    PolicyValue,
    /// A policy of the server, the organisation or the account forbids it.
    #[error("a policy forbids it")]
    PolicyForbids,
    /// The organisation has no such endpoint for events.
    #[error("there is no such endpoint for events")]
    NoSuchWebhook,
    /// Nothing may be sent to that address: it is none of HTTPS, or one that the
    /// operator has not opened.
    #[error("events cannot be sent to this address")]
    WebhookAddress,
    /// Something else was asked for under this `Idempotency-Key` before.
    #[error("another request had this Idempotency-Key")]
    KeyReused,
    /// There is no answer yet to what was asked for under this
    /// `Idempotency-Key`, or never will be: the server was stopped meanwhile.
    #[error("the request with this Idempotency-Key has not come to its end")]
    KeyInUse,
    /// The sender's role or state does not allow it.
    #[error("not allowed in the sender's role or state")]
    Forbidden,
    /// The stay that was to be resumed is over.
    #[error("this stay in the call is over")]
    Gone,
    /// There is no call in the room yet.
    #[error("there is no call in this room")]
    NoCall,
    /// There is a call in the room already.
    #[error("there is a call in this room already")]
    CallRunning,
    /// A commit for an epoch that is over: what was missed comes with it.
    #[error("the commit's epoch is over")]
    StaleEpoch,
    /// A commit that names a participant who does not wait, or is not a
    /// member.
    #[error("no such participant in that state")]
    NoSuchParticipant,
    /// The room, its lobby or the server holds as many as it may.
    #[error("full")]
    Full,
    /// The room's call is for no more people than are in it.
    #[error("the room's call is for no more people")]
    PeopleLimit,
    /// An SDP offer that cannot be parsed or breaks the rules of the protocol.
    #[error("the SDP offer breaks the rules of the protocol")]
    BadOffer,
    /// The offer has no codec, transport or encryption in common with the SFU.
    #[error("nothing in the offer is supported")]
    UnsupportedMedia,
    /// The media plane does not answer.
    #[error("the media plane does not answer")]
    MediaUnavailable,
    /// No such resource.
    #[error("there is no such resource")]
    NotFound,
    /// The method is not one of the resource's.
    #[error("the resource does not have this method")]
    MethodNotAllowed,
    /// Something failed inside the server; the request can be tried again.
    #[error("the server failed; try again")]
    Internal,
}

impl Code {
    /// The code as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadMessage => "bad-message",
            Self::TooLarge => "too-large",
            Self::TooMany => "too-many",
            Self::NoSuchRoom => "no-such-room",
            Self::Unauthorized => "unauthorized",
            Self::FactorNeeded => "factor-needed",
            Self::FactorWrong => "factor-wrong",
            Self::FactorSet => "factor-set",
            Self::LoginFailed => "login-failed",
            Self::LoginExpired => "login-expired",
            Self::PasskeyRefused => "passkey-refused",
            Self::PasskeysElsewhere => "passkeys-elsewhere",
            Self::LoginNotRecent => "login-not-recent",
            Self::TooManyPasskeys => "too-many-passkeys",
            Self::NoSuchPasskey => "no-such-passkey",
            Self::ProviderUnavailable => "provider-unavailable",
            Self::ExternalAccount => "external-account",
            Self::PasswordUnfit => "password-unfit",
            Self::PasswordNeeded => "password-needed",
            Self::PasswordWrong => "password-wrong",
            Self::LinkLocked => "link-locked",
            Self::RoomLocked => "room-locked",
            Self::LinkNeeded => "link-needed",
            Self::NoSuchLink => "no-such-link",
            Self::LinkEarly => "link-early",
            Self::LinkExpired => "link-expired",
            Self::LinkUsed => "link-used",
            Self::LinkRevoked => "link-revoked",
            Self::SlotTooFar => "slot-too-far",
            Self::LinkDraft => "link-draft",
            Self::ConsentNeeded => "consent-needed",
            Self::ConsentWithdrawn => "consent-withdrawn",
            Self::ConsentOutdated => "consent-outdated",
            Self::NoConsentNeeded => "no-consent-needed",
            Self::NoConsentText => "no-consent-text",
            Self::NoPassword => "no-password",
            Self::NoPasswordEndpoint => "no-password-endpoint",
            Self::PasswordNotTaken => "password-not-taken",
            Self::NotScheduled => "not-scheduled",
            Self::NoSuchAccount => "no-such-account",
            Self::LastAdministrator => "last-administrator",
            Self::NoSuchTenant => "no-such-tenant",
            Self::NameTaken => "name-taken",
            Self::TenantInUse => "tenant-in-use",
            Self::QuotaReached => "quota-reached",
            Self::NoSuchDevice => "no-such-device",
            Self::TooManyDevices => "too-many-devices",
            Self::DeviceNeeded => "device-needed",
            Self::ProofWrong => "proof-wrong",
            Self::OtherDevice => "other-device",
            Self::CertificateNeeded => "certificate-needed",
            Self::NotListed => "not-listed",
            Self::MarkingUnfit => "marking-unfit",
            Self::PolicyUnknown => "policy-unknown",
            Self::PolicyValue => "policy-value",
            Self::PolicyForbids => "policy-forbids",
            Self::NoSuchWebhook => "no-such-webhook",
            Self::WebhookAddress => "webhook-address",
            Self::KeyReused => "key-reused",
            Self::KeyInUse => "key-in-use",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::NoCall => "no-call",
            Self::CallRunning => "call-running",
            Self::StaleEpoch => "stale-epoch",
            Self::NoSuchParticipant => "no-such-participant",
            Self::Full => "full",
            Self::PeopleLimit => "people-limit",
            Self::BadOffer => "bad-offer",
            Self::UnsupportedMedia => "unsupported-media",
            Self::MediaUnavailable => "media-unavailable",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status that goes with the code.
    pub fn status(self) -> u16 {
        match self {
            Self::BadMessage
            | Self::BadOffer
            | Self::PasswordUnfit
            | Self::SlotTooFar
            | Self::ProofWrong
            | Self::MarkingUnfit => 400,
            Self::PolicyUnknown | Self::PolicyValue | Self::WebhookAddress => 400,
            Self::Unauthorized
            | Self::FactorNeeded
            | Self::FactorWrong
            | Self::LoginFailed
            | Self::LoginExpired
            | Self::PasskeyRefused => 401,
            Self::Forbidden
            | Self::LoginNotRecent
            | Self::PolicyForbids
            | Self::PasswordNeeded
            | Self::PasswordWrong
            | Self::LinkNeeded
            | Self::LinkEarly
            | Self::CertificateNeeded
            | Self::NotListed => 403,
            Self::NoSuchRoom
            | Self::NoSuchLink
            | Self::NoSuchAccount
            | Self::NoSuchTenant
            | Self::NoSuchDevice
            | Self::NoSuchWebhook
            | Self::NoSuchPasskey
            | Self::NoSuchParticipant
            | Self::NotFound
            | Self::NoCall => 404,
            Self::MethodNotAllowed => 405,
            Self::CallRunning
            | Self::StaleEpoch
            | Self::NoPassword
            | Self::NoPasswordEndpoint
            | Self::NotScheduled
            | Self::PeopleLimit
            | Self::LinkDraft
            | Self::ConsentNeeded
            | Self::ConsentOutdated
            | Self::NoConsentNeeded
            | Self::NoConsentText
            | Self::FactorSet
            | Self::LastAdministrator
            | Self::ExternalAccount
            | Self::NameTaken
            | Self::TenantInUse
            | Self::QuotaReached
            | Self::TooManyDevices
            | Self::TooManyPasskeys
            | Self::PasskeysElsewhere
            | Self::DeviceNeeded
            | Self::OtherDevice
            | Self::KeyInUse => 409,
            Self::Gone
            | Self::LinkExpired
            | Self::LinkUsed
            | Self::LinkRevoked
            | Self::ConsentWithdrawn => 410,
            Self::TooLarge => 413,
            Self::UnsupportedMedia => 415,
            Self::KeyReused => 422,
            Self::LinkLocked | Self::RoomLocked => 423,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::PasswordNotTaken => 502,
            Self::Full | Self::MediaUnavailable | Self::ProviderUnavailable => 503,
        }
    }
}
