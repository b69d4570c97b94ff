// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire
import type { Code } from './code';
import type { Sending, SlotAssignment, Source, Wanted } from './control';
import type { Sharing } from './http';
import type { Blob, LinkId, Mid, ParticipantId } from './id';

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
sharing?: Sharing, 
/**
 * The room's marking, if it has one. It says what is wanted; whether
 * it holds, members compute from the certificates in the tree.
 */
marking?: string, 
/**
 * Whether the organisation wants nobody let in unasked: a host's client
 * that would do it does not.
 */
lobby?: boolean, } | { "type": "ack", 
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
export type Reason = "refused" | "removed" | "ended" | "replaced" | "revoked" | "withdrawn" | "device-revoked";

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
