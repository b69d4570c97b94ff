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
 * One participant's stay in one call, 128 random bits given by the
 * signaling service. It is also written into the participant's MLS
 * credential, which is what ties the roster to the MLS tree.
 */
export type ParticipantId = string;

/**
 * Opaque bytes (MLS messages, KeyPackages, tags).
 */
export type Blob = string;

/**
 * A media section's identification tag (RFC 9143): 1 to 16 ASCII token
 * characters.
 */
export type Mid = string;

/**
 * Why something was refused.
 */
export type Code = "bad-message" | "too-large" | "too-many" | "no-such-room" | "unauthorized" | "factor-needed" | "factor-wrong" | "factor-set" | "login-failed" | "login-expired" | "provider-unavailable" | "external-account" | "password-unfit" | "password-needed" | "password-wrong" | "link-locked" | "room-locked" | "link-needed" | "no-such-link" | "link-early" | "link-expired" | "link-used" | "link-revoked" | "slot-too-far" | "link-draft" | "consent-needed" | "consent-withdrawn" | "consent-outdated" | "no-consent-needed" | "no-consent-text" | "not-scheduled" | "no-such-account" | "last-administrator" | "no-such-tenant" | "name-taken" | "tenant-in-use" | "quota-reached" | "no-such-device" | "too-many-devices" | "device-needed" | "proof-wrong" | "policy-unknown" | "policy-value" | "policy-forbids" | "forbidden" | "gone" | "no-call" | "call-running" | "stale-epoch" | "no-such-participant" | "full" | "people-limit" | "bad-offer" | "unsupported-media" | "media-unavailable" | "not-found" | "method-not-allowed" | "internal";

/**
 * What a media section a client sends carries. The SFU routes by it and never
 * learns more.
 */
export type Source = "microphone" | "camera" | "screen" | "screen-audio";

/**
 * One media section of a client's offer that it sends on.
 */
export type Sending = { 
/**
 * The section's mid in the offer.
 */
mid: Mid, 
/**
 * What it carries.
 */
source: Source, };

/**
 * One participant's source.
 */
export type SourceOf = { 
/**
 * Whose.
 */
participant: ParticipantId, 
/**
 * Which of theirs.
 */
source: Source, };

/**
 * What one receive slot of a client is to carry.
 */
export type SlotAssignment = { 
/**
 * The slot: the mid of a section the client only receives on.
 */
mid: Mid, 
/**
 * Whose what; nothing empties the slot.
 */
carries: SourceOf | null, 
/**
 * How it is shown; what it carries is shown large if that is not said.
 */
show?: Show, };

/**
 * How a client shows what a slot carries. The SFU divides what the client's
 * path carries by it.
 */
export type Show = { 
/**
 * Height of the picture in pixels of the screen, any number.
 */
height: number, 
/**
 * As what.
 */
as: ShownAs, };

/**
 * As what a slot is shown, the most important first. A shared screen comes
 * before all of these.
 */
export type ShownAs = "pinned" | "speaker" | "tile" | "hidden";

/**
 * What is wanted of one of a participant's video sources, if not all of it.
 */
export type Wanted = { 
/**
 * Which.
 */
source: Source, 
/**
 * The highest layer that anybody receives: the SVC layer or simulcast
 * encoding, lowest first from 0. Nothing: nobody receives the source.
 */
spatial: number | null, };

/**
 * A frame from a client: a request and the number its answer repeats.
 */
export type ClientFrame = { 
/**
 * Chosen by the client, rising within a stay. A request that is sent
 * again after a resume keeps its number and its content.
 */
id: number, } & ({ "type": "enter", 
/**
 * The room's host key, if the sender has it: 32 bytes.
 */
hostKey?: Blob, 
/**
 * Proves the password, where the link has one: 32 bytes, derived from
 * password and link secret. Without it nothing of the room is given.
 */
password?: Blob, 
/**
 * By which of the room's links a guest comes, where guests have links
 * of their own.
 */
link?: LinkId, } | { "type": "resume", 
/**
 * The stay.
 */
participant: ParticipantId, 
/**
 * The token [`ServerFrame::Entered`] gave.
 */
token: Blob, 
/**
 * The last log entry the client has applied; 0 for none.
 */
after: number, } | { "type": "start-call", } | { "type": "knock", 
/**
 * An MLS KeyPackage (RFC 9420 section 10) whose credential carries
 * the sender's participant id and name.
 */
keyPackage: Blob, 
/**
 * HMAC-SHA256 under the knock key of the link secret: 32 bytes.
 */
tag: Blob, } | { "type": "commit", 
/**
 * The epoch the commit ends.
 */
epoch: number, 
/**
 * The MLSMessage with the commit (RFC 9420 section 6).
 */
message: Blob, 
/**
 * The knockers whose KeyPackages the commit adds. Members that knock
 * again are in `removes`, too.
 */
adds: Array<ParticipantId>, 
/**
 * The Welcome for them; there if `adds` is not empty.
 */
welcome?: Blob, 
/**
 * The members whose leaves the commit removes.
 */
removes: Array<ParticipantId>, } | { "type": "tell", 
/**
 * Whom.
 */
participant: ParticipantId, 
/**
 * What, sealed for them.
 */
word: Blob, } | { "type": "show-devices", 
/**
 * It, sealed for those who may admit.
 */
devices: Blob, } | { "type": "refuse", 
/**
 * Whom.
 */
participant: ParticipantId, } | { "type": "ready", 
/**
 * Which.
 */
epoch: number, } | { "type": "post", 
/**
 * The epoch it is said in.
 */
epoch: number, 
/**
 * The MLSMessage: an application message in a PrivateMessage.
 */
message: Blob, } | { "type": "offer", 
/**
 * The SDP offer.
 */
sdp: string, 
/**
 * What its sending sections carry.
 */
sending: Array<Sending>, } | { "type": "assign", 
/**
 * The changes.
 */
slots: Array<SlotAssignment>, } | { "type": "live", 
/**
 * All of them.
 */
sources: Array<Source>, } | { "type": "leave", } | { "type": "end-call", } | { "type": "unlock", } | { "type": "lock", 
/**
 * Whether it is to be locked.
 */
locked: boolean, } | { "type": "mute", 
/**
 * Whom.
 */
participant: ParticipantId, } | { "type": "make-host", 
/**
 * Whom.
 */
participant: ParticipantId, } | { "type": "make-presenter", 
/**
 * Whom.
 */
participant: ParticipantId, } | { "type": "ping", });

/**
 * What a client asks for.
 */
export type Request = { "type": "enter", 
/**
 * The room's host key, if the sender has it: 32 bytes.
 */
hostKey?: Blob, 
/**
 * Proves the password, where the link has one: 32 bytes, derived from
 * password and link secret. Without it nothing of the room is given.
 */
password?: Blob, 
/**
 * By which of the room's links a guest comes, where guests have links
 * of their own.
 */
link?: LinkId, } | { "type": "resume", 
/**
 * The stay.
 */
participant: ParticipantId, 
/**
 * The token [`ServerFrame::Entered`] gave.
 */
token: Blob, 
/**
 * The last log entry the client has applied; 0 for none.
 */
after: number, } | { "type": "start-call", } | { "type": "knock", 
/**
 * An MLS KeyPackage (RFC 9420 section 10) whose credential carries
 * the sender's participant id and name.
 */
keyPackage: Blob, 
/**
 * HMAC-SHA256 under the knock key of the link secret: 32 bytes.
 */
tag: Blob, } | { "type": "commit", 
/**
 * The epoch the commit ends.
 */
epoch: number, 
/**
 * The MLSMessage with the commit (RFC 9420 section 6).
 */
message: Blob, 
/**
 * The knockers whose KeyPackages the commit adds. Members that knock
 * again are in `removes`, too.
 */
adds: Array<ParticipantId>, 
/**
 * The Welcome for them; there if `adds` is not empty.
 */
welcome?: Blob, 
/**
 * The members whose leaves the commit removes.
 */
removes: Array<ParticipantId>, } | { "type": "tell", 
/**
 * Whom.
 */
participant: ParticipantId, 
/**
 * What, sealed for them.
 */
word: Blob, } | { "type": "show-devices", 
/**
 * It, sealed for those who may admit.
 */
devices: Blob, } | { "type": "refuse", 
/**
 * Whom.
 */
participant: ParticipantId, } | { "type": "ready", 
/**
 * Which.
 */
epoch: number, } | { "type": "post", 
/**
 * The epoch it is said in.
 */
epoch: number, 
/**
 * The MLSMessage: an application message in a PrivateMessage.
 */
message: Blob, } | { "type": "offer", 
/**
 * The SDP offer.
 */
sdp: string, 
/**
 * What its sending sections carry.
 */
sending: Array<Sending>, } | { "type": "assign", 
/**
 * The changes.
 */
slots: Array<SlotAssignment>, } | { "type": "live", 
/**
 * All of them.
 */
sources: Array<Source>, } | { "type": "leave", } | { "type": "end-call", } | { "type": "unlock", } | { "type": "lock", 
/**
 * Whether it is to be locked.
 */
locked: boolean, } | { "type": "mute", 
/**
 * Whom.
 */
participant: ParticipantId, } | { "type": "make-host", 
/**
 * Whom.
 */
participant: ParticipantId, } | { "type": "make-presenter", 
/**
 * Whom.
 */
participant: ParticipantId, } | { "type": "ping", };

/**
 * A frame from the server.
 */
export type ServerFrame = { "type": "entered", 
/**
 * The request this answers.
 */
re: number, 
/**
 * The stay.
 */
participant: ParticipantId, 
/**
 * Resumes the stay on another socket; 32 bytes. A resume gives the
 * same one again.
 */
token: Blob, 
/**
 * Whether the sender is a host.
 */
host: boolean, 
/**
 * The MLS ciphersuite of the room's calls (RFC 9420 section 17.1).
 */
suite: number, 
/**
 * Where the sender stands.
 */
standing: Standing, 
/**
 * Whether the media connection must be offered anew.
 */
mediaLost: boolean, 
/**
 * Who shares a screen in the room's calls.
 */
sharing?: Sharing, } | { "type": "ack", 
/**
 * Which.
 */
re: number, } | { "type": "error", 
/**
 * Which; nothing if the frame could not be read so far.
 */
re?: number, 
/**
 * Why.
 */
code: Code, 
/**
 * With `stale-epoch`: the log from the commit's epoch on.
 */
missed?: Array<LogEntry>, 
/**
 * With `password-wrong`: how many more wrong ones lock the link.
 */
triesLeft?: number, } | { "type": "answer", 
/**
 * The request this answers.
 */
re: number, 
/**
 * The SDP answer.
 */
sdp: string, } | { "type": "entry" } & LogEntry | { "type": "activate", 
/**
 * Which.
 */
epoch: number, } | { "type": "posted", 
/**
 * Who.
 */
by: ParticipantId, 
/**
 * The epoch it was said in: the one that runs.
 */
epoch: number, 
/**
 * The MLSMessage.
 */
message: Blob, } | { "type": "roster", 
/**
 * Everyone, the receiver included.
 */
members: Array<Member>, } | { "type": "knocks", 
/**
 * In the order of their arrival.
 */
knocks: Array<KnockNotice>, } | { "type": "resyncs", 
/**
 * In the order of their knocks.
 */
knocks: Array<KnockNotice>, } | { "type": "waiting", 
/**
 * Whether the call runs.
 */
callRunning: boolean, 
/**
 * Whether a host is there.
 */
hostPresent: boolean, } | { "type": "told", 
/**
 * It, sealed for them.
 */
word: Blob, } | { "type": "devices", 
/**
 * Who waits.
 */
participant: ParticipantId, 
/**
 * It, sealed for those who may admit.
 */
devices: Blob, } | { "type": "paused", 
/**
 * The slots.
 */
slots: Array<Mid>, } | { "type": "wanted", 
/**
 * The sources.
 */
sources: Array<Wanted>, } | { "type": "link-locked", 
/**
 * Whether it is.
 */
locked: boolean, } | { "type": "room-locked", 
/**
 * Whether it is.
 */
locked: boolean, } | { "type": "muted", 
/**
 * Who.
 */
by: ParticipantId, } | { "type": "media-lost", } | { "type": "over", 
/**
 * Why.
 */
reason: Reason, };

/**
 * Where a participant stands.
 */
export type Standing = "arrived" | "waiting" | "member";

/**
 * Why a stay is over.
 */
export type Reason = "refused" | "removed" | "ended" | "replaced" | "revoked" | "withdrawn";

/**
 * One entry of a room's ordered log. Every member applies the entries in the
 * order of their numbers.
 */
export type LogEntry = { 
/**
 * 1 for the first entry of a call, then one more each.
 */
seq: number, 
/**
 * What happened.
 */
event: LogEvent, };

/**
 * What an entry says.
 */
export type LogEvent = { "type": "started", 
/**
 * Who.
 */
by: ParticipantId, } | { "type": "commit", 
/**
 * The epoch the commit ends.
 */
epoch: number, 
/**
 * Who committed; their own commit comes back to them, too.
 */
by: ParticipantId, 
/**
 * The MLSMessage.
 */
message: Blob, 
/**
 * Who was added.
 */
adds: Array<ParticipantId>, 
/**
 * Who was removed.
 */
removes: Array<ParticipantId>, 
/**
 * To those who were added, and to nobody else.
 */
welcome?: Blob, } | { "type": "left", 
/**
 * Who.
 */
participant: ParticipantId, };

/**
 * A member as the server sees one: no name, for names come from the MLS tree.
 */
export type Member = { 
/**
 * Who.
 */
participant: ParticipantId, 
/**
 * Whether they came with the host key, or a host has made them one.
 */
host: boolean, 
/**
 * Whether a host has made them a presenter.
 */
presenter?: boolean, 
/**
 * Whether their socket is there.
 */
present: boolean, 
/**
 * What they have live.
 */
live: Array<Source>, };

/**
 * A knock as members see it.
 */
export type KnockNotice = { 
/**
 * Who knocks.
 */
participant: ParticipantId, 
/**
 * Their KeyPackage.
 */
keyPackage: Blob, 
/**
 * The tag over it.
 */
tag: Blob, 
/**
 * How long ago they knocked first, in whole seconds.
 */
waitingSeconds: number, 
/**
 * Whether their devices are ready, sealed, if they said so.
 */
devices?: Blob, };

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
sharing?: Sharing, };

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
hostKey: Blob, };

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
consultation?: Consultation, };

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
sharing?: Sharing, };

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
consent?: Consent, };

/**
 * Something that is done to an organisation, and noted. Nothing of a
 * call is one: who talked, knocked or waited is noted nowhere.
 */
export type Act = "tenant.made" | "tenant.changed" | "tenant.deleted" | "tenant.provider-set" | "tenant.provider-removed" | "account.made" | "account.changed" | "account.disabled" | "account.enabled" | "account.deleted" | "account.password-reset" | "account.password-changed" | "account.factor-set" | "account.factor-reset" | "device.revoked" | "account.devices-revoked" | "tenant.devices-revoked" | "room.made" | "room.deleted" | "room.unlocked" | "link.made" | "link.handed-out" | "link.consent-noted" | "link.revoked" | "policies.set" | "consent-texts.set";

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
 * To what: the identifier of an account or of an organisation; of acts on
 * a room and on its guests' links that of the room.
 */
object?: Blob, 
/**
 * The version of texts; the policies that are set there now.
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

/**
 * By whom a policy was set.
 */
export type PolicySource = "default" | "account" | "organisation" | "server";

/**
 * A policy, and what it is.
 */
export type PolicyEntry = { 
/**
 * What it is called.
 */
name: string, 
/**
 * What holds: `yes`, `no` or a number.
 */
value: string, 
/**
 * By whom that was set.
 */
source: PolicySource, 
/**
 * What is set where was asked, whether it holds or not.
 */
set?: string, };

/**
 * `GET` of `/api/v1/policies` and `/api/v1/accounts/{account}/policies`: all
 * policies there are.
 */
export type PolicyList = { 
/**
 * Each.
 */
policies: Array<PolicyEntry>, };

/**
 * `PUT` of the same: all that is to be set there, and nothing else.
 */
export type PolicyRequest = { 
/**
 * Values by names.
 */
policies: { [key in string]: string }, };

/**
 * What somebody is to their organisation. What each may do is one table:
 * `signaling/src/domain/role.rs`.
 */
export type Role = "host" | "presenter" | "member" | "guest" | "assistant" | "admin";

/**
 * Something that is for some roles only.
 */
export type Action = "see-rooms" | "make-room" | "delete-room" | "unlock-room" | "manage-links" | "manage-accounts" | "read-audit" | "manage-policies" | "set-consent-texts";

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
 * `GET /api/v1/oidc/{tenant}`: by whom people of an organisation log in.
 */
export type ProviderName = { 
/**
 * The provider's name.
 */
name: string, };

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
