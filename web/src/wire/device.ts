// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire
import type { Blob, DeviceId, ParticipantId, RoomId } from './id';

/**
 * The body of `PUT /api/v1/session/device`.
 */
export type DeviceRequest = { 
/**
 * Which device it was in an earlier session, if it was one.
 */
device?: DeviceId, 
/**
 * What its person knows it by: 1 to 64 characters, none of them a control
 * character.
 */
name: string, };

/**
 * A device of an account.
 */
export type DeviceInfo = { 
/**
 * Which.
 */
device: DeviceId, 
/**
 * What its person knows it by.
 */
name: string, 
/**
 * When it was first used, in milliseconds since the Unix epoch.
 */
created: number, 
/**
 * When its last certificate ends, likewise; nothing before it had one.
 */
certifiedUntil: number | null, };

/**
 * `GET /api/v1/accounts/{account}/devices`: all of them, oldest first.
 */
export type DeviceList = { 
/**
 * At most 20 of them.
 */
devices: Array<DeviceInfo>, };

/**
 * The body of `POST /api/v1/session/certificate`: a certificate is for one
 * stay in a call.
 */
export type CertificateRequest = { 
/**
 * The public signature key of the MLS leaf: Ed25519, 32 bytes.
 */
key: Blob, 
/**
 * The signature by it that `docs/protocol.md` describes, 64 bytes.
 */
proof: Blob, 
/**
 * The room of the stay, one of the account's organisation.
 */
room: RoomId, 
/**
 * The stay.
 */
participant: ParticipantId, 
/**
 * Its resume token, 32 bytes: nobody else gets a certificate for it.
 */
token: Blob, };

/**
 * A certificate that was issued.
 */
export type CertificateIssued = { 
/**
 * The certificate, DER.
 */
certificate: Blob, 
/**
 * The organisation's root that signed it, DER.
 */
root: Blob, 
/**
 * When it ends, in milliseconds since the Unix epoch.
 */
until: number, };
