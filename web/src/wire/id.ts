// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire

/**
 * A room, 128 random bits; the path component of its link.
 */
export type RoomId = string;

/**
 * One guest's link of a room, 128 random bits given by the signaling
 * service. It stands in the link's fragment and says nothing by itself.
 */
export type LinkId = string;

/**
 * An organisation on the server: 128 random bits, all zeros for the one
 * that is always there.
 */
export type TenantId = string;

/**
 * An account, 128 random bits.
 */
export type AccountId = string;

/**
 * A device of an account, 128 random bits. It stands in the device's
 * certificates.
 */
export type DeviceId = string;

/**
 * A passkey of an account, 128 random bits. It is none of the
 * authenticator's.
 */
export type PasskeyId = string;

/**
 * One participant's stay in one call, 128 random bits given by the
 * signaling service. It is also written into the participant's MLS
 * credential, which is what ties the roster to the MLS tree.
 */
export type ParticipantId = string;

/**
 * An endpoint that is told of events, 128 random bits.
 */
export type WebhookId = string;

/**
 * Opaque bytes (MLS messages, KeyPackages, tags).
 */
export type Blob = string;

/**
 * A media section's identification tag (RFC 9143): 1 to 16 ASCII token
 * characters.
 */
export type Mid = string;
