// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire
import type { AccountId, Blob, TenantId } from './id';
import type { PublicText } from './text';

/**
 * What somebody is to their organisation. What each may do is one table:
 * `signaling/src/domain/role.rs`.
 */
export type Role = "host" | "presenter" | "member" | "guest" | "assistant" | "admin";

/**
 * Something that is for some roles only.
 */
export type Action = "see-rooms" | "make-room" | "delete-room" | "unlock-room" | "manage-links" | "manage-accounts" | "read-audit" | "manage-policies" | "manage-webhooks" | "set-consent-texts";

/**
 * How the one who logs in keeps the session's token.
 */
export type Kept = "cookie" | "token";

/**
 * The body of `POST /api/v1/session`.
 */
export type Login = { 
/**
 * The organisation's name; without it the one that is always there.
 */
tenant?: string, 
/**
 * The account's name, in any case.
 */
login: string, 
/**
 * Its password.
 */
password: string, 
/**
 * A code of its second factor, or one of its backup codes.
 */
code?: string, 
/**
 * How the token is kept.
 */
kept?: Kept, };

/**
 * `GET /api/v1/login/{tenant}`: how people of an organisation log in beside a
 * password of this server.
 */
export type LoginWays = { 
/**
 * The name of their provider, if they have one.
 */
provider?: string, 
/**
 * The server's name, under which passkeys are used; nothing where it has
 * none.
 */
passkeys?: string, 
/**
 * What there is to read before, as [`PublicText`]s.
 */
texts?: Array<PublicText>, };

/**
 * `GET /api/v1/tenants/{tenant}/oidc`: the same without the secret.
 */
export type ProviderInfo = { 
/**
 * Its name.
 */
name: string, 
/**
 * Its issuer.
 */
issuer: string, 
/**
 * What it calls this service.
 */
clientId: string, 
/**
 * Scopes that are asked for besides.
 */
scopes: Array<string>, 
/**
 * The claim that lists groups.
 */
groupsClaim: string, 
/**
 * Which group gives which role.
 */
roles: { [key in string]: Role }, 
/**
 * Whether certificates are trusted besides the system's.
 */
ca: boolean, };

/**
 * Who is logged in: `POST` and `GET /api/v1/session`.
 */
export type SessionInfo = { 
/**
 * The account.
 */
account: AccountId, 
/**
 * Its name to log in with.
 */
login: string, 
/**
 * The person's name.
 */
name: string, 
/**
 * Its organisation's name.
 */
tenant: string, 
/**
 * Its role.
 */
role: Role, 
/**
 * What the role may do.
 */
actions: Array<Action>, 
/**
 * Whether the account has a second factor.
 */
factor: boolean, 
/**
 * Whether a second factor has to be set up before anything else.
 */
factorNeeded: boolean, 
/**
 * Whether the organisation's provider knows the account: it has no password.
 */
external: boolean, 
/**
 * The token, if the program that logged in keeps it: 32 bytes.
 */
token?: Blob, };

/**
 * The body of `PUT /api/v1/session/password`.
 */
export type NewPassword = { 
/**
 * The password that ends.
 */
current: string, 
/**
 * The one that takes its place: 12 characters or more, 256 bytes at most.
 */
password: string, };

/**
 * `POST /api/v1/session/factor`: what an authenticator is to be given
 * (RFC 6238: SHA-1, six digits, 30 s).
 */
export type Enrolment = { 
/**
 * The shared secret, base32 without padding (RFC 4648 section 6).
 */
secret: string, 
/**
 * The same as `otpauth://` URI.
 */
uri: string, };

/**
 * The body of `PUT /api/v1/session/factor`.
 */
export type FactorCode = { 
/**
 * Six digits that the authenticator shows.
 */
code: string, };

/**
 * `PUT /api/v1/session/factor` gives these back, once.
 */
export type BackupCodes = { 
/**
 * Each stands in for one code of the authenticator.
 */
codes: Array<string>, };

/**
 * The body of `POST /api/v1/accounts`.
 */
export type AccountRequest = { 
/**
 * The name to log in with: 1 to 64 of `a-z`, `0-9`, `.`, `-`, `_`, `@`;
 * upper case is taken as lower case.
 */
login: string, 
/**
 * The person's name: 1 to 64 characters, none of them a control character.
 */
name: string, 
/**
 * Its role; not [`Role::Guest`].
 */
role: Role, };

/**
 * The body of `PATCH /api/v1/accounts/{account}`: what is to change.
 */
export type AccountChange = { 
/**
 * The person's name, as in [`AccountRequest`].
 */
name?: string, 
/**
 * Its role; not [`Role::Guest`].
 */
role?: Role, };

/**
 * An account as its administrators see it.
 */
export type AccountInfo = { 
/**
 * Which.
 */
account: AccountId, 
/**
 * Its name to log in with.
 */
login: string, 
/**
 * The person's name.
 */
name: string, 
/**
 * Its role.
 */
role: Role, 
/**
 * When it was made, in milliseconds since the Unix epoch.
 */
created: number, 
/**
 * Whether nobody can log in to it.
 */
disabled: boolean, 
/**
 * Whether it has a second factor.
 */
factor: boolean, 
/**
 * Whether the organisation's provider knows it: it has no password.
 */
external: boolean, };

/**
 * `POST /api/v1/accounts` and `POST /api/v1/accounts/{account}/password` give
 * this back, once.
 */
export type AccountMade = { 
/**
 * The account.
 */
account: AccountInfo, 
/**
 * Its password, drawn by the server, which keeps a hash.
 */
password: string, };

/**
 * `GET /api/v1/accounts`: those of the organisation, by the name they log in with.
 */
export type AccountList = { 
/**
 * At most as many as were asked for.
 */
accounts: Array<AccountInfo>, 
/**
 * Whether there are more: `?after=` the account of the last one gives them.
 */
more: boolean, };

/**
 * An organisation, as the operator and its administrators see it.
 */
export type TenantInfo = { 
/**
 * Which.
 */
tenant: TenantId, 
/**
 * Its name.
 */
name: string, 
/**
 * When it was made, in milliseconds since the Unix epoch.
 */
created: number, 
/**
 * How many rooms it has.
 */
rooms: number, 
/**
 * How many accounts it has.
 */
accounts: number, 
/**
 * Most rooms.
 */
maxRooms: number, 
/**
 * Most members of one call.
 */
maxParticipants: number, 
/**
 * Most accounts.
 */
maxAccounts: number, };
