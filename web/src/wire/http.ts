// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire
import type { Code } from './code';
import type { Blob, LinkId, RoomId } from './id';
import type { PublicText } from './text';

/**
 * What calls of a consultation are: for few people, of whom hosts alone let
 * the others in.
 */
export type Consultation = { 
/**
 * For how many people, 2 to 9.
 */
people: number, 
/**
 * The host's name as guests read it, as whoever made the room says: 1 to 64
 * characters.
 */
hostName?: string, };

/**
 * Who shares a screen in a room's calls.
 */
export type Sharing = "all" | "presenters";

/**
 * The body of `POST /api/v1/rooms`; none at all asks for a room that guests
 * enter by its own link, without a password.
 */
export type RoomRequest = { 
/**
 * SHA-256 of what will prove the link's password: 32 bytes. The server
 * never sees the password.
 */
password?: Blob, 
/**
 * Whether each guest comes by a link of their own, with a slot. The
 * room's own link then lets hosts in and nobody else.
 */
scheduled?: boolean, 
/**
 * What its organisation calls it: 1 to 80 characters, none of them a
 * control character. Guests are not told.
 */
title?: string, 
/**
 * Whether its calls are consultations.
 */
consultation?: Consultation, 
/**
 * For how many people its calls are at most: 2 or more, and no more than
 * a call of its organisation may have. A consultation says so itself.
 */
maxPeople?: number, 
/**
 * Who shares a screen in its calls.
 */
sharing?: Sharing, 
/**
 * What its calls are marked as, like `VS-NfD`: 1 to 32 characters, none of
 * them a control character, no white space at the ends. Only devices that
 * the organisation has certified take part in them. Neither consultations
 * nor rooms with links for guests are marked.
 */
marking?: string, 
/**
 * Of a marked room: the names to log in with of the organisation's people
 * whom its calls are for, at most 500. Without it they are for all of them.
 */
listed?: Array<string>, };

/**
 * `POST /api/v1/rooms` gives this back, once: the server keeps only a hash of
 * the host key, and never sees the link secret at all.
 */
export type RoomCreated = { 
/**
 * The room.
 */
room: RoomId, 
/**
 * Makes its holder a host: 32 bytes.
 */
hostKey: Blob, 
/**
 * Whether its password can be sent to a telephone, by an endpoint of the
 * organisation: `POST /api/v1/rooms/{room}/password-message`.
 */
passwordMessage: boolean, };

/**
 * `GET /api/v1/rooms/{room}`.
 */
export type RoomInfo = { 
/**
 * The MLS ciphersuite of the room's calls.
 */
suite: number, 
/**
 * Whether the link has a password.
 */
password: boolean, 
/**
 * Whether guests come by links of their own.
 */
scheduled: boolean, 
/**
 * Whether its calls are consultations.
 */
consultation?: Consultation, 
/**
 * What its calls are marked as, if they are.
 */
marking?: string, 
/**
 * What there is to read of its organisation.
 */
texts?: Array<PublicText>, };

/**
 * A room in the list of its organisation.
 */
export type RoomEntry = { 
/**
 * Which.
 */
room: RoomId, 
/**
 * What it is called, if anything.
 */
title?: string, 
/**
 * When it was made, in milliseconds since the Unix epoch.
 */
created: number, 
/**
 * Whether its links have a password.
 */
password: boolean, 
/**
 * Whether guests come by links of their own.
 */
scheduled: boolean, 
/**
 * For how many people its calls are at most, if that was said of it.
 */
maxPeople?: number, 
/**
 * Who shares a screen in its calls.
 */
sharing?: Sharing, 
/**
 * What its calls are marked as, if they are.
 */
marking?: string, };

/**
 * `GET /api/v1/rooms`: those of the organisation, the oldest first.
 */
export type RoomList = { 
/**
 * At most as many as were asked for.
 */
rooms: Array<RoomEntry>, 
/**
 * Whether there are more: `?after=` the last one gives them.
 */
more: boolean, };

/**
 * How a link stands.
 */
export type LinkState = "draft" | "consent" | "early" | "active" | "in-use" | "used" | "expired" | "revoked" | "withdrawn";

/**
 * For how many calls a link is.
 */
export type Uses = "once" | "series";

/**
 * The languages of texts that people consent to.
 */
export type Language = "de" | "en";

/**
 * How consent was given.
 */
export type ConsentWay = "page" | "mail";

/**
 * A consent as it is kept: of a link, not of a name.
 */
export type Consent = { 
/**
 * To which version of the text.
 */
version: number, 
/**
 * In which language it was read.
 */
language: Language, 
/**
 * When, in milliseconds since the Unix epoch.
 */
at: number, 
/**
 * How.
 */
way: ConsentWay, };

/**
 * The body of `POST /api/v1/rooms/{room}/links/{link}/consent`.
 */
export type ConsentRequest = { 
/**
 * To which version of the text.
 */
version: number, 
/**
 * In which language it was read.
 */
language: Language, 
/**
 * How it was given; noting that of a mail takes the operator's token.
 */
way?: ConsentWay, };

/**
 * What a guest reads before they consent, in one language: paragraphs with an
 * empty line between them.
 */
export type ConsentText = { 
/**
 * The privacy notice.
 */
notice: string, 
/**
 * What is consented to.
 */
consent: string, };

/**
 * `GET /api/v1/consent-texts/{version}`: a version of the texts, which never
 * changes.
 */
export type ConsentTexts = { 
/**
 * Which, from 1.
 */
version: number, 
/**
 * In German.
 */
de: ConsentText, 
/**
 * In English.
 */
en: ConsentText, };

/**
 * The body of `POST /api/v1/consent-texts`.
 */
export type ConsentTextsRequest = { 
/**
 * In German.
 */
de: ConsentText, 
/**
 * In English.
 */
en: ConsentText, };

/**
 * Whether a link opens without its guest's consent.
 */
export type ConsentRule = "none" | "required";

/**
 * The body of `POST /api/v1/rooms/{room}/links`. Times are milliseconds since
 * the Unix epoch.
 */
export type LinkRequest = { 
/**
 * When it begins to open.
 */
from: number, 
/**
 * When it ceases to, at most 31 days later.
 */
until: number, 
/**
 * For how many calls it is.
 */
uses: Uses, 
/**
 * Whether it opens without its guest's consent.
 */
consent?: ConsentRule, };

/**
 * A guest's link, without what only its maker knows: the answer to the request
 * that makes it, and an entry of the list. Times as in [`LinkRequest`].
 */
export type LinkInfo = { 
/**
 * Which.
 */
link: LinkId, 
/**
 * When it begins to open.
 */
from: number, 
/**
 * When it ceases to.
 */
until: number, 
/**
 * For how many calls it is.
 */
uses: Uses, 
/**
 * How it stands.
 */
state: LinkState, 
/**
 * Whether wrong passwords have locked it.
 */
locked: boolean, 
/**
 * The consent that was given to it.
 */
consent?: Consent, };

/**
 * `GET /api/v1/rooms/{room}/links`: those of the room, by when they open.
 */
export type LinkList = { 
/**
 * At most as many as were asked for.
 */
links: Array<LinkInfo>, 
/**
 * Whether there are more: `?after=` the last one gives them.
 */
more: boolean, };

/**
 * When something that is refused now will be granted.
 */
export type Opening = { 
/**
 * The moment, in milliseconds since the Unix epoch.
 */
at: number, 
/**
 * How many milliseconds from now: the visitor's clock may be wrong.
 */
in: number, };

/**
 * `GET /api/v1/media-trial`: how a page finds out whether media would come
 * through. Connectivity checks under these credentials are answered, and
 * nothing else comes of them.
 */
export type MediaTrial = { 
/**
 * The user name fragment of the media plane (RFC 8839 section 5.4).
 */
ufrag: string, 
/**
 * And its password.
 */
pwd: string, 
/**
 * Where checks are answered over UDP.
 */
udp: Array<MediaAddress>, 
/**
 * Where TCP connections for them are taken (RFC 6544); none where media
 * does not go over TCP.
 */
tcp: Array<MediaAddress>, };

/**
 * An address of the media plane.
 */
export type MediaAddress = { 
/**
 * IPv4 or IPv6, as text.
 */
ip: string, 
/**
 * The port.
 */
port: number, };

/**
 * A cell of a table that was sent as CSV.
 */
export type Cell = { 
/**
 * The line, from 1; a cell of several lines is where it begins.
 */
line: number, 
/**
 * The column, from 1.
 */
column: number, };

/**
 * Problem details (RFC 9457), media type `application/problem+json`.
 */
export type Problem = { 
/**
 * `urn:conclave:problem:` and the code.
 */
type: string, 
/**
 * One sentence in the language of the answer.
 */
title: string, 
/**
 * The HTTP status.
 */
status: number, 
/**
 * The stable code.
 */
code: Code, 
/**
 * With `link-early`: when the link opens.
 */
opens?: Opening, 
/**
 * With what refuses a link: the consent that was given to it.
 */
consent?: Consent, 
/**
 * With what refuses a table: where it is wrong.
 */
cell?: Cell, };
