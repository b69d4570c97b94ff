/** What may happen to the call (events) and what the reducer asks for (effects). */

import type { Call, Certificate, Commit, Compared, Devices, Knock, SlotReport, Tree, Word } from '../e2ee/calls';
import type { Quality } from '../preferences';
import type { Answer, Entered, Notice } from '../signaling';
import type { Blob, Code, ParticipantId, Request, Wanted } from '../wire';
import type { Device, DeviceProblem, Switch } from './state';

/** Something happened. */
export type Event =
  // The user
  | { readonly type: 'join'; readonly name: string; readonly password: string | null }
  | { readonly type: 'leave' }
  | { readonly type: 'end-for-all' }
  | { readonly type: 'rejoin' }
  | { readonly type: 'admit'; readonly participants: readonly ParticipantId[] }
  | { readonly type: 'refuse'; readonly participant: ParticipantId }
  /** The knock is on the screen, and somebody looks at it. */
  | { readonly type: 'saw'; readonly participant: ParticipantId }
  | { readonly type: 'answer'; readonly participant: ParticipantId; readonly word: Word }
  | { readonly type: 'remove'; readonly participant: ParticipantId }
  | { readonly type: 'switch'; readonly device: Device; readonly on: boolean }
  | { readonly type: 'share-screen' }
  | { readonly type: 'confirm-screen'; readonly yes: boolean }
  | { readonly type: 'stop-screen' }
  | { readonly type: 'shown'; readonly heights: ReadonlyMap<string, number> }
  | { readonly type: 'pin'; readonly tile: string | null }
  | { readonly type: 'set-quality'; readonly quality: Quality }
  | { readonly type: 'unlock-sound' }
  | { readonly type: 'unlock-link' }
  | { readonly type: 'lock'; readonly locked: boolean }
  | { readonly type: 'let-in'; readonly all: boolean }
  | { readonly type: 'mute'; readonly participant: ParticipantId }
  | { readonly type: 'make-host'; readonly participant: ParticipantId }
  | { readonly type: 'make-presenter'; readonly participant: ParticipantId }
  | { readonly type: 'compare'; readonly open: boolean }
  | { readonly type: 'confirm-comparison' }
  // The socket
  | { readonly type: 'entered'; readonly frame: Entered; readonly resumed: boolean }
  | { readonly type: 'notice'; readonly frame: Notice }
  | { readonly type: 'interrupted' }
  | { readonly type: 'refused-by-server'; readonly code: Code; readonly triesLeft: number | null }
  | { readonly type: 'answered'; readonly request: Request; readonly answer: Answer }
  // The worker
  /** The link's keys are there; `proof` shows its password to the server. */
  | { readonly type: 'derived'; readonly proof: Blob | null }
  /** What was typed cannot be a password. */
  | { readonly type: 'no-password' }
  | { readonly type: 'founded'; readonly tree: Tree }
  | { readonly type: 'knock-made'; readonly knock: Omit<Knock, 'participant'> }
  | { readonly type: 'advanced'; readonly tree: Tree; readonly joined: boolean }
  | { readonly type: 'knock-checked'; readonly participant: ParticipantId; readonly tag: string; readonly name: string | null; readonly organisation: string | null }
  | { readonly type: 'word-sealed'; readonly participant: ParticipantId; readonly word: Blob }
  | { readonly type: 'told'; readonly word: Word }
  | { readonly type: 'devices-sealed'; readonly devices: Blob }
  | { readonly type: 'devices-opened'; readonly participant: ParticipantId; readonly sealed: Blob; readonly devices: Devices }
  | { readonly type: 'commit-made'; readonly commit: Commit }
  /** Our organisation vouches for us under this name, for so long; or nobody does. */
  | { readonly type: 'certified'; readonly name: string; readonly lastsMs: number }
  /** `listed`: unless a marked room's calls are for others. */
  | { readonly type: 'uncertified'; readonly listed: boolean }
  /** There is a later certificate for us, or it could not be had now (`null`). */
  | { readonly type: 'certificate'; readonly certificate: Certificate | null; readonly lastsMs: number }
  /** Certificates of members have run out, or are good again. */
  | { readonly type: 'recertified'; readonly tree: Tree }
  /** An entry's commit does not follow from where we are. */
  | { readonly type: 'not-followed'; readonly code: string }
  | { readonly type: 'return-checked'; readonly participant: ParticipantId; readonly tag: string; readonly check: 'open' | 'proven' | 'refused' }
  | { readonly type: 'commit-not-made'; readonly code: string }
  | { readonly type: 'cut-off' }
  | { readonly type: 'compared'; readonly compared: Compared }
  | { readonly type: 'confirmed'; readonly tree: Tree }
  | { readonly type: 'keys-failed'; readonly code: string }
  | ({ readonly type: 'slot' } & SlotReport)
  | { readonly type: 'apart'; readonly participants: readonly ParticipantId[] }
  // Devices and the media connection
  | { readonly type: 'device'; readonly device: Device; readonly state: Switch; readonly problem: DeviceProblem | null }
  | { readonly type: 'screen-chosen'; readonly wholeScreen: boolean; readonly sound: boolean }
  | { readonly type: 'screen-ended' }
  | { readonly type: 'offered'; readonly mids: readonly string[] }
  | { readonly type: 'media'; readonly state: 'connecting' | 'connected' | 'broken' }
  | { readonly type: 'speaking'; readonly participants: readonly ParticipantId[] }
  | { readonly type: 'sound-blocked' }
  | { readonly type: 'takes-raw' }
  // Time
  | { readonly type: 'timer'; readonly timer: Timer };

/** What a timer is for; of equal timers only the last one set runs. */
export type Timer =
  | { readonly kind: 'left'; readonly participant: ParticipantId }
  /** Our turn to bring a member back. */
  | { readonly kind: 'return'; readonly participant: ParticipantId }
  /** Nobody has brought us back. */
  | { readonly kind: 'behind' }
  /** The last time we fell behind is long ago. */
  | { readonly kind: 'fell' }
  | { readonly kind: 'roster'; readonly mismatch: string }
  | { readonly kind: 'slot'; readonly slot: number }
  | { readonly kind: 'comparison' }
  | { readonly kind: 'renewal' }
  /** Our certificate is old. */
  | { readonly kind: 'certificate' }
  | { readonly kind: 'devices' }
  | { readonly kind: 'media' };

/** Something to say to the people, spoken by the live regions as well. */
export type Announcement =
  | { readonly key: 'joined' | 'left' | 'knocking' | 'notCompared' | 'notCertified'; readonly names: readonly string[] }
  | { readonly key: 'microphoneOn' | 'microphoneOff' | 'cameraOn' | 'cameraOff' }
  | { readonly key: 'sharing' | 'sharingStopped' | 'reconnecting' | 'reconnected' | 'admitted' | 'compared' | 'behind' | 'caughtUp' }
  | { readonly key: 'linkLocked' | 'linkUnlocked' | 'roomLocked' | 'roomOpen' | 'askedAgain' | 'madeHost' | 'madePresenter' }
  | { readonly key: 'muted'; readonly by: string }
  | { readonly key: 'actionFailed'; readonly code: string };

/** Something to be done. */
export type Effect =
  | { readonly type: 'open-socket'; readonly proof: Blob | null }
  | { readonly type: 'request'; readonly request: Request }
  | { readonly type: 'keys'; readonly call: Call }
  /** Has our organisation vouch for us, if one does: for this stay, or anew while it lasts. */
  | { readonly type: 'certify'; readonly again: boolean }
  | { readonly type: 'connect-media' }
  | { readonly type: 'device'; readonly device: Device; readonly on: boolean }
  | { readonly type: 'choose-screen' }
  | { readonly type: 'send-screen' }
  | { readonly type: 'stop-screen' }
  | { readonly type: 'apply-quality'; readonly quality: Quality }
  | { readonly type: 'apply-wanted'; readonly sources: readonly Wanted[] }
  | { readonly type: 'play-sound' }
  | { readonly type: 'timer'; readonly timer: Timer; readonly ms: number }
  | { readonly type: 'announce'; readonly announcement: Announcement; readonly urgent: boolean }
  /** Keeps the link for a reload again, after an earlier hang-up. */
  | { readonly type: 'keep-link' }
  /** Closes socket, media and devices, wipes the keys and the kept link; `leave`: says so to the server. */
  | { readonly type: 'hang-up'; readonly leave: boolean };

/** An event's outcome. */
export interface Outcome<S> {
  readonly state: S;
  readonly effects: readonly Effect[];
}
