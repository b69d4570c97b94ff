// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire

/**
 * One of those texts.
 */
export type PublicText = "terms" | "privacy" | "imprint";

/**
 * The body of `PUT /api/v1/texts/{text}`: paragraphs with an empty line between
 * them.
 */
export type PublicTextRequest = { 
/**
 * In German.
 */
de: string, 
/**
 * In English.
 */
en: string, };

/**
 * `GET /api/v1/texts/{text}` and `GET /api/v1/rooms/{room}/texts/{text}`.
 */
export type PublicTextInfo = { 
/**
 * In German.
 */
de: string, 
/**
 * In English.
 */
en: string, 
/**
 * Since when it reads so, in milliseconds since the Unix epoch.
 */
since: number, 
/**
 * Whether it is the organisation's own, and not that of `default`.
 */
own: boolean, };
