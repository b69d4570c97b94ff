/** What the page and the worker that owns the keys say to each other. No secret comes back to the page. */

import type { AccountId, Blob, DeviceId, ParticipantId, RoomId, Source } from '../wire';

/** What is known of a member, ascending: a name somebody typed, one their organisation vouches for, a code compared aloud. */
export type Trust = 'guest' | 'certified' | 'compared';

/** A member as the MLS tree has it: authenticated, unlike the server's roster. */
export interface TreeMember {
  readonly leaf: number;
  readonly participant: ParticipantId;
  readonly name: string;
  /** Whether it takes raw video. */
  readonly rawVideo: boolean;
  readonly trust: Trust;
  /** Which organisation vouches for the name, if one does. */
  readonly organisation: string | null;
}

/** The MLS group at one epoch. */
export interface Tree {
  readonly epoch: number;
  /** By ascending leaf. */
  readonly members: readonly TreeMember[];
  /** How its founder marked the call. It holds while an organisation vouches for every member. */
  readonly marking: string | null;
}

/** How far an epoch's comparison is; members by their leaves. */
export type Comparison =
  | { readonly kind: 'idle' }
  /** Answers of these devices are missing, or have been for a while. */
  | { readonly kind: 'waiting'; readonly missing: readonly number[]; readonly overdue: boolean }
  /** There were many codes just now: ours goes out a little later. */
  | { readonly kind: 'held' }
  | { readonly kind: 'agreed'; readonly code: string }
  /** A member's device broke the rules. */
  | { readonly kind: 'broken'; readonly leaf: number };

/** What is to be posted to all members of an epoch, and where that leaves its comparison. */
export interface Compared {
  readonly epoch: number;
  readonly said: readonly Blob[];
  readonly state: Comparison;
}

/** A knock as it is sent. */
export interface Knock {
  readonly participant: ParticipantId;
  readonly keyPackage: Blob;
  readonly tag: Blob;
}

/** What an organisation's server issued for our leaf: both X.509, DER. */
export interface Certificate {
  readonly certificate: Blob;
  readonly root: Blob;
}

/** The prepared texts that one who waits may be answered with, as they are offered. */
export const PHRASES = ['soon', 'five-minutes', 'ten-minutes', 'check-devices', 'by-telephone'] as const;

export type Phrase = (typeof PHRASES)[number];

/** What is said to one who waits: that they were seen, a prepared text, or another. */
export type Word = { readonly said: 'seen' | Phrase; readonly text: null } | { readonly said: 'text'; readonly text: string };

/** Which devices of one who waits are ready. */
export interface Devices {
  readonly microphone: boolean;
  readonly camera: boolean;
}

/** A commit of ours, to be offered to the delivery service. */
export interface Commit {
  /** The epoch it ends. */
  readonly epoch: number;
  readonly message: Blob;
  readonly welcome: Blob | null;
}

/** Each operation with its arguments and its result. */
export interface Operations {
  /** Derives what a link and its password open, for the stays to come; `proof` shows the password to the server. */
  derive: { args: { room: RoomId; secret: string; password: string | null }; result: { proof: Blob | null } };
  /** Starts afresh: earlier keys are wiped. */
  begin: {
    args: { suite: number; participant: ParticipantId; name: string; rawVideo: boolean };
    result: null;
  };
  /** Proves that we hold the key of our leaf, for this device of that account. */
  prove: { args: { account: AccountId; device: DeviceId }; result: { key: Blob; proof: Blob } };
  /** Takes our certificate, before `create` and `knock`; from now on we go by the name in it. */
  certify: { args: Certificate; result: { name: string } };
  create: { args: { marking: string | null }; result: Tree };
  knock: { args: Record<never, never>; result: Omit<Knock, 'participant'> };
  verify: { args: Knock; result: { name: string; organisation: string | null } };
  /** Seals a word for one who waits. */
  answer: { args: Knock & { word: Word }; result: Blob };
  /** Opens a word that was said to us while we wait. */
  told: { args: { word: Blob }; result: Word };
  /** Seals which of our devices are ready, for those who see our knock. */
  'show-devices': { args: { devices: Devices }; result: Blob };
  /** Opens which devices of one who waits are ready. */
  devices: { args: Knock & { devices: Blob }; result: Devices };
  join: { args: { welcome: Blob }; result: Tree };
  /** Adds all of them by one commit. */
  admit: { args: { knocks: readonly Knock[] }; result: Commit };
  remove: { args: { participants: readonly ParticipantId[] }; result: Commit };
  /** Gives the group up, whose log cannot be followed; the knock to come back with. `join` brings us back. */
  resync: { args: Record<never, never>; result: Omit<Knock, 'participant'> };
  /** Checks the knock of a member that fell behind. */
  'verify-return': { args: Knock; result: null };
  /** Puts that member's leaf anew, if the knock still verifies. */
  readmit: { args: Knock; result: Commit };
  /** A commit that only renews our keys. */
  update: { args: Record<never, never>; result: Commit };
  /** A commit that puts a later certificate in the place of ours, and renews our keys. */
  renew: { args: Certificate; result: Commit };
  discard: { args: Record<never, never>; result: null };
  /** `null`: the commit removed us. */
  process: { args: { message: Blob }; result: Tree | null };
  activate: { args: { epoch: number }; result: null };
  /** Takes part in the epoch's comparison, or asks how far it is. */
  compare: { args: Record<never, never>; result: Compared };
  /** Another device posted this. */
  hear: { args: { message: Blob }; result: Compared };
  /** What we posted in this epoch, once more. */
  said: { args: Record<never, never>; result: Compared };
  /** The person heard the same code of this epoch from the others. */
  confirm: { args: { epoch: number }; result: Tree };
  /** Forgets who a slot's frames came from, so that the next frame reports it again. */
  watch: { args: { slot: number }; result: null };
  diagnose: { args: Record<never, never>; result: FrameCounts };
  /** Wipes everything. */
  end: { args: Record<never, never>; result: null };
}

export type Operation = keyof Operations;

/** An operation with its arguments. */
export type Call = { [O in Operation]: { readonly op: O } & Operations[O]['args'] }[Operation];

/** From the page to the worker. */
export interface CallMessage {
  readonly id: number;
  readonly call: Call;
}

/** What the frames of one receive slot were, as their key ids say. */
export interface SlotReport {
  readonly slot: number;
  /** Who sealed them, and what they are; `null` before the first that opened. */
  readonly sender: { readonly participant: ParticipantId; readonly name: string; readonly source: Source } | null;
  /** Frames arrive, and none of them has opened for a while. */
  readonly failing: boolean;
}

/** From the worker to the page. */
export type WorkerMessage =
  | { readonly type: 'loaded' }
  | { readonly type: 'unavailable' }
  | { readonly type: 'done'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly code: string }
  | ({ readonly type: 'slot' } & SlotReport)
  /** Certificates of members have run out, or are good again. */
  | { readonly type: 'recertified'; readonly tree: Tree }
  /** Whose frames come and do not open, all of them: the server may have split the call. */
  | { readonly type: 'apart'; readonly participants: readonly ParticipantId[] };

/** Frames counted since the connection was made. */
export interface FrameCounts {
  readonly epoch: number | null;
  readonly sendEpoch: number | null;
  readonly sent: readonly { readonly source: Source; readonly sealed: number; readonly dropped: number }[];
  readonly slots: readonly {
    readonly slot: number;
    readonly opened: number;
    /** Counts by the reason's code. */
    readonly dropped: Readonly<Record<string, number>>;
  }[];
}

/** What a transform is told when it is made. */
export type TransformOptions =
  /** `constant`: frames are packets of Opus, and their sizes tell nothing. */
  | { readonly direction: 'send'; readonly source: Source; readonly constant: boolean }
  | { readonly direction: 'receive'; readonly slot: number };

/** SFrame contexts by protocol.md section 5. */
export const CONTEXTS: readonly Source[] = ['microphone', 'camera', 'screen', 'screen-audio'];
