// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire
import type { AccountId, Blob, TenantId } from './id';

/**
 * Something that is done to an organisation, and noted. Nothing of a
 * call is one: who talked, knocked or waited is noted nowhere.
 */
export type Act = "tenant.made" | "tenant.changed" | "tenant.deleted" | "tenant.provider-set" | "tenant.provider-removed" | "tenant.directory-set" | "tenant.directory-removed" | "account.made" | "account.changed" | "account.disabled" | "account.enabled" | "account.deleted" | "account.password-reset" | "account.password-changed" | "account.factor-set" | "account.factor-reset" | "account.passkey-made" | "account.passkey-renamed" | "account.passkey-removed" | "device.revoked" | "account.devices-revoked" | "tenant.devices-revoked" | "room.made" | "room.deleted" | "room.unlocked" | "room.people-set" | "room.password-sent" | "link.made" | "link.handed-out" | "link.consent-noted" | "link.revoked" | "policies.set" | "webhook.made" | "webhook.changed" | "webhook.secret-renewed" | "webhook.deleted" | "consent-texts.set" | "public-text.set" | "public-text.removed";

/**
 * A line of an organisation's audit log.
 */
export type AuditLine = { 
/**
 * Its number, from 1, without a gap.
 */
seq: number, 
/**
 * When, in milliseconds since the Unix epoch.
 */
at: number, 
/**
 * Whose account did it; without one it was the operator.
 */
actor?: AccountId, 
/**
 * What was done.
 */
act: Act, 
/**
 * To what: the identifier of an account, a device, an endpoint or an organisation; of acts on
 * a room and on its guests' links that of the room.
 */
object?: Blob, 
/**
 * The version of texts; the policies that are set there now; `scim`: the
 * organisation's directory did it.
 */
detail?: string, 
/**
 * SHA-256 of the line and of the digest of the line before it.
 */
digest: Blob, };

/**
 * `GET /api/v1/audit`, the oldest line first.
 */
export type AuditList = { 
/**
 * Whose log it is.
 */
tenant: TenantId, 
/**
 * The digest of the line before the first of these.
 */
before: Blob, 
/**
 * At most as many as were asked for.
 */
lines: Array<AuditLine>, 
/**
 * Whether there are more: `?after=` the number of the last one gives them.
 */
more: boolean, 
/**
 * The number of the oldest line that is kept.
 */
first: number, 
/**
 * The number of the newest line; one less than `first` if there is none.
 */
last: number, 
/**
 * The digest of the newest line.
 */
head: Blob, };
