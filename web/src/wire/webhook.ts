// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire
import type { Language } from './http';
import type { WebhookId } from './id';

/**
 * Something that an organisation's programs may be told. Nothing of a
 * call is one, and no event has a name in it.
 *
 * `password.send` is told to no endpoint that does not name it.
 */
export type EventKind = "account.made" | "account.disabled" | "account.enabled" | "account.deleted" | "room.made" | "room.deleted" | "link.made" | "link.handed-out" | "link.revoked" | "consent.given" | "consent.withdrawn" | "password.send";

/**
 * The body of `POST /api/v1/webhooks`.
 */
export type WebhookRequest = { 
/**
 * Where to: `https://…`, at most 500 characters, without a user, a password
 * or a fragment.
 */
url: string, 
/**
 * Of what; empty or left out: of everything, also of what comes with later
 * versions, but not of `password.send`, which has to be named.
 */
events: Array<EventKind>, };

/**
 * The body of `PATCH /api/v1/webhooks/{webhook}`: what is to be otherwise.
 */
export type WebhookChange = { 
/**
 * Where to.
 */
url?: string, 
/**
 * Of what; empty: of everything but `password.send`.
 */
events?: Array<EventKind>, 
/**
 * Whether anything is sent. Switched on, what was given up within the last
 * seven days is tried again.
 */
enabled?: boolean, };

/**
 * An endpoint, without its secret.
 */
export type WebhookInfo = { 
/**
 * Which.
 */
webhook: WebhookId, 
/**
 * Where to.
 */
url: string, 
/**
 * Of what; empty: of everything but `password.send`.
 */
events: Array<EventKind>, 
/**
 * When it was made, in milliseconds since the Unix epoch.
 */
created: number, 
/**
 * Whether anything is sent to it.
 */
enabled: boolean, 
/**
 * Since when it has taken nothing, likewise; nothing: it took the last one.
 */
failingSince?: number, 
/**
 * How many events are still to be delivered.
 */
waiting: number, 
/**
 * How many were given up within the last seven days.
 */
givenUp: number, };

/**
 * An endpoint with its secret, which is told once.
 */
export type WebhookMade = { 
/**
 * The endpoint.
 */
webhook: WebhookInfo, 
/**
 * What its events are signed with from now on, `whsec_…`.
 */
secret: string, };

/**
 * `GET /api/v1/webhooks`, the oldest first.
 */
export type WebhookList = { 
/**
 * At most as many as were asked for.
 */
webhooks: Array<WebhookInfo>, 
/**
 * Whether there are more: `?after=` the last one gives them.
 */
more: boolean, };

/**
 * The body of `POST /api/v1/rooms/{room}/password-message`, and what the
 * organisation's endpoint is told of it.
 */
export type PasswordMessage = { 
/**
 * The number: `+` and 8 to 15 digits (E.164).
 */
to: string, 
/**
 * The password of the room's links as it was drawn: three groups of four
 * symbols with hyphens between them.
 */
password: string, 
/**
 * In which language the message is to be.
 */
language: Language, };
