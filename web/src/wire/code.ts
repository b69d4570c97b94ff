// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire

/**
 * Why something was refused.
 */
export type Code = "bad-message" | "too-large" | "too-many" | "no-such-room" | "unauthorized" | "factor-needed" | "factor-wrong" | "factor-set" | "login-failed" | "login-expired" | "passkey-refused" | "passkeys-elsewhere" | "login-not-recent" | "too-many-passkeys" | "no-such-passkey" | "provider-unavailable" | "external-account" | "password-unfit" | "password-needed" | "password-wrong" | "link-locked" | "room-locked" | "link-needed" | "no-such-link" | "link-early" | "link-expired" | "link-used" | "link-revoked" | "slot-too-far" | "link-draft" | "consent-needed" | "consent-withdrawn" | "consent-outdated" | "no-consent-needed" | "no-consent-text" | "not-scheduled" | "no-such-account" | "last-administrator" | "no-such-tenant" | "name-taken" | "tenant-in-use" | "quota-reached" | "no-such-device" | "too-many-devices" | "device-needed" | "proof-wrong" | "other-device" | "certificate-needed" | "policy-unknown" | "policy-value" | "policy-forbids" | "no-such-webhook" | "webhook-address" | "forbidden" | "gone" | "no-call" | "call-running" | "stale-epoch" | "no-such-participant" | "full" | "people-limit" | "bad-offer" | "unsupported-media" | "media-unavailable" | "not-found" | "method-not-allowed" | "internal";
