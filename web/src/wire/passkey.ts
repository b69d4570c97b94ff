// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire
import type { PasskeyId } from './id';

/**
 * What an authenticator is asked for.
 */
export type PasskeyChallenge = { 
/**
 * `PublicKeyCredentialCreationOptionsJSON` to make a passkey,
 * `PublicKeyCredentialRequestOptionsJSON` to log in with one.
 */
publicKey: unknown, };

/**
 * The body of `POST /api/v1/session/passkeys`.
 */
export type PasskeyRequest = { 
/**
 * What its person knows it by: 1 to 64 characters, none of them a control
 * character.
 */
name: string, 
/**
 * `RegistrationResponseJSON`, of a challenge to make one.
 */
credential: unknown, };

/**
 * The body of `POST /api/v1/session/passkey`.
 */
export type PasskeyLogin = { 
/**
 * `AuthenticationResponseJSON`, of a challenge to log in.
 */
credential: unknown, };

/**
 * The body of `PATCH /api/v1/session/passkeys/{passkey}`.
 */
export type PasskeyName = { 
/**
 * As in [`PasskeyRequest`].
 */
name: string, };

/**
 * A passkey of an account.
 */
export type PasskeyInfo = { 
/**
 * Which.
 */
passkey: PasskeyId, 
/**
 * What its person knows it by.
 */
name: string, 
/**
 * When it was made, in milliseconds since the Unix epoch.
 */
created: number, 
/**
 * When the last login with it began, likewise; nothing before there was one.
 */
used: number | null, };

/**
 * All passkeys of an account, oldest first.
 */
export type PasskeyList = { 
/**
 * At most 10 of them.
 */
passkeys: Array<PasskeyInfo>, };
