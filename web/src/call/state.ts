/** All that the page knows about the call, as plain data. Streams and elements live in `media/`. */

import type { Quality } from '../preferences';
import type { Certificate, Comparison, Devices, Knock, Tree, Word } from '../e2ee/calls';
import type { RoomLink } from '../link';
import type { Blob, Code, Member, ParticipantId, Reason, Sharing, Show, Source } from '../wire';

/** Where the page stands. */
export type Phase =
  | 'pre-join'
  /** The socket is opening, or the host's group is being made. */
  | 'entering'
  /** Knocked, not admitted yet. */
  | 'waiting'
  | 'call'
  | 'over';

/** Why it is over; a `Code` is the server's refusal. */
export type Ending =
  | { readonly kind: Reason | 'left' | 'gave-up' | 'lost' | 'keys-failed' | 'split' }
  | { readonly kind: 'refused-by-server'; readonly code: Code };

/** One of our own sources. */
export type Switch = 'off' | 'starting' | 'on';

/** Why a device is not there. */
export type DeviceProblem = 'blocked' | 'blocked-by-system' | 'missing' | 'busy' | 'failed';

/** Why the password did not open the link. */
export type PasswordProblem =
  /** It cannot be one; no try was spent on it. */
  | { readonly kind: 'malformed' }
  | { readonly kind: 'wrong'; readonly triesLeft: number }
  /** Too many wrong ones: nobody enters by this link for now. */
  | { readonly kind: 'locked' };

/** A device we send from. */
export type Device = 'microphone' | 'camera';

export interface OwnDevice {
  readonly state: Switch;
  readonly problem: DeviceProblem | null;
}

/** Our screen. `confirming`: a whole screen was chosen and nothing of it sent yet. */
export interface OwnScreen {
  readonly state: 'off' | 'choosing' | 'confirming' | 'on';
  readonly sound: boolean;
}

/** Who waits at the door, as far as our own check of the knock says. */
export interface Visitor extends Knock {
  readonly check: 'checking' | 'valid' | 'forged';
  /** The verified name; empty until `valid`. */
  readonly name: string;
  /** Which organisation vouches for it, if one does. */
  readonly organisation: string | null;
  /** How long they had been waiting when we heard of them. */
  readonly waitingSeconds: number;
  /** What they last said of their devices, and what that was once it is opened. */
  readonly sealedDevices: Blob | null;
  readonly devices: Devices | null;
  /** Whether they were told that they are on the screen here, and what else they were told last. */
  readonly seen: boolean;
  readonly answered: Word | null;
}

/** What a receive slot carries: what we asked for, and who the frames say they are from. */
export interface Slot {
  readonly mid: string;
  readonly carries: { readonly participant: ParticipantId; readonly source: Source } | null;
  readonly sender: { readonly participant: ParticipantId; readonly name: string; readonly source: Source } | null;
  /** How it was last said to be shown. */
  readonly show: Show | null;
  /** Frames arrive that do not open. */
  readonly failing: boolean;
  /** Frames of another than the requested were seen; one may be a straggler, a second is not. */
  readonly suspect: boolean;
  readonly alarm: boolean;
}

/** A member that fell behind the log and knocks again, as far as our own check of the knock says. */
export interface Returning extends Knock {
  /** `open`: we cannot tell, or not yet. */
  readonly check: 'checking' | 'open' | 'proven' | 'refused';
  /** Nobody before us has brought them back: it is our turn. */
  readonly due: boolean;
}

/** Members that cannot follow the log any more, ourselves among them. */
export interface Resync {
  /** We are behind, and wait to be brought back. */
  readonly behind: boolean;
  /** How often we fell behind lately. */
  readonly fell: number;
  readonly others: readonly Returning[];
}

/** A commit of ours on its way. */
export interface PendingCommit {
  readonly stage: 'making' | 'offered';
  readonly adds: readonly ParticipantId[];
  readonly removes: readonly ParticipantId[];
  /** It puts our later certificate into our leaf. */
  readonly certifies?: boolean;
}

/** The MLS side of the call. */
export interface Handshake {
  /** The last log entry that was handed to the worker. */
  readonly applied: number;
  readonly tree: Tree | null;
  /** Whom the user wants in. */
  readonly admit: readonly ParticipantId[];
  /** Of those, who was in a commit of several that failed: each is tried once more, alone. */
  readonly alone: readonly ParticipantId[];
  /** Whom the user wants out. */
  readonly remove: readonly ParticipantId[];
  /** Left by the log, their leaves not removed yet. */
  readonly left: readonly ParticipantId[];
  /** Of those, whose removal it is our turn to commit. */
  readonly due: readonly ParticipantId[];
  /** Our keys are to be renewed; `put-off`: when the comparison that runs has had its time. */
  readonly renewal: 'none' | 'put-off' | 'due';
  /** Our later certificate, as long as our leaf has the earlier one. */
  readonly certificate: Certificate | null;
  readonly pending: PendingCommit | null;
  readonly resync: Resync;
}

export interface State {
  readonly phase: Phase;
  readonly ending: Ending | null;
  readonly link: RoomLink;
  readonly passwordProblem: PasswordProblem | null;
  readonly name: string;
  readonly self: ParticipantId | null;
  readonly host: boolean;
  /** A host has made us a presenter. */
  readonly presenter: boolean;
  /** Who shares a screen in the room's calls. */
  readonly sharing: Sharing;
  readonly suite: number;
  /** How the server says the room is marked. Only the founder of a call goes by it. */
  readonly marking: string | null;
  /** What we do in the room once we know whether our organisation vouches for us. */
  readonly arriving: 'create' | 'knock' | null;
  /** Whether the socket is up. */
  readonly online: boolean;
  readonly waiting: { readonly callRunning: boolean; readonly hostPresent: boolean } | null;
  /** As long as we wait: whether a host has seen us, and what was said to us last. */
  readonly seen: boolean;
  readonly told: Word | null;
  readonly visitors: readonly Visitor[];
  /** Wrong passwords have locked the guests' link; told to hosts. */
  readonly linkLocked: boolean;
  /** A host has locked the room: nobody else enters. */
  readonly locked: boolean;
  /** As a host we let in whoever knocks with the link's secret, unasked. */
  readonly letsIn: boolean;
  /** The organisation wants nobody let in unasked. */
  readonly lobby: boolean;
  readonly roster: readonly Member[];
  /** Everyone in the order in which they were first seen: tiles do not move. */
  readonly order: readonly ParticipantId[];
  readonly handshake: Handshake;
  /** What differs between roster and tree right now; empty if nothing. */
  readonly mismatch: string;
  /** The difference stayed: someone may be listening who should not be. */
  readonly rosterAlarm: boolean;
  /** Whose frames come and do not open: the server may have split the call. */
  readonly apart: readonly ParticipantId[];
  /** How far the comparison of this epoch is. */
  readonly comparison: Comparison;
  /** Whether the person looks at it. */
  readonly comparing: boolean;
  /** Names of those who were compared and are not any more: they left, or came back under another key. */
  readonly comparedBefore: readonly string[];
  /** Names for which an organisation has vouched in this call. */
  readonly certifiedNames: readonly string[];
  readonly own: { readonly microphone: OwnDevice; readonly camera: OwnDevice; readonly screen: OwnScreen };
  readonly quality: Quality;
  readonly media: 'none' | 'connecting' | 'connected' | 'broken';
  /** Attempts in a row that came to nothing. */
  readonly mediaFailures: number;
  /** Audio slots, then video slots; empty before the first answer. */
  readonly slots: readonly Slot[];
  /** The mids of slots that are sent nothing, because the connection carries too little. */
  readonly paused: readonly string[];
  /** How high each tile is shown, in pixels of the screen; empty before that is known. */
  readonly heights: ReadonlyMap<string, number>;
  readonly pinned: string | null;
  readonly speaking: readonly ParticipantId[];
  /** Who spoke last comes first. */
  readonly lastSpoke: readonly ParticipantId[];
  /** The browser wants a click before it plays sound. */
  readonly soundBlocked: boolean;
  /** Whether this browser takes raw video. */
  readonly takesRaw: boolean;
}

/** The state before anything has happened. */
export function initialState(link: RoomLink, name: string, quality: Quality): State {
  return {
    phase: 'pre-join',
    ending: null,
    link,
    passwordProblem: null,
    name,
    self: null,
    host: false,
    presenter: false,
    sharing: 'all',
    suite: 0,
    marking: null,
    arriving: null,
    online: false,
    waiting: null,
    seen: false,
    told: null,
    visitors: [],
    linkLocked: false,
    locked: false,
    letsIn: false,
    lobby: false,
    roster: [],
    order: [],
    handshake: {
      applied: 0,
      tree: null,
      admit: [],
      alone: [],
      remove: [],
      left: [],
      due: [],
      renewal: 'none',
      certificate: null,
      pending: null,
      resync: { behind: false, fell: 0, others: [] },
    },
    mismatch: '',
    rosterAlarm: false,
    apart: [],
    comparison: { kind: 'idle' },
    comparing: false,
    comparedBefore: [],
    certifiedNames: [],
    own: {
      microphone: { state: 'off', problem: null },
      camera: { state: 'off', problem: null },
      screen: { state: 'off', sound: false },
    },
    quality,
    media: 'none',
    mediaFailures: 0,
    slots: [],
    paused: [],
    heights: new Map(),
    pinned: null,
    speaking: [],
    lastSpoke: [],
    soundBlocked: false,
    takesRaw: false,
  };
}

/**
 * Whether pictures go out raw: every member takes them so. Told by the members' authenticated leaves, not by the
 * server, which therefore cannot pretend that one does not.
 */
export function sendsRaw({ handshake: { tree } }: State): boolean {
  return tree !== null && tree.members.every(({ rawVideo }) => rawVideo);
}

/** Whether we may share a screen; the server refuses it otherwise. */
export function mayShare({ sharing, host, presenter }: State): boolean {
  return sharing === 'all' || host || presenter;
}

/** What we have live now, for the roster. */
export function liveSources(state: State): Source[] {
  const { microphone, camera, screen } = state.own;
  const live: Source[] = [];
  if (microphone.state === 'on') live.push('microphone');
  if (camera.state === 'on') live.push('camera');
  if (screen.state === 'on') live.push('screen');
  if (screen.state === 'on' && screen.sound) live.push('screen-audio');
  return live;
}
