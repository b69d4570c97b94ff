/** What is said through the closed door: the hosts' answers to one who waits, and how that one's devices are. */

import type { Devices, Knock, Word } from '../e2ee/calls';
import type { Blob, ParticipantId } from '../wire';
import type { Outcome } from './messages';
import type { State, Visitor } from './state';
import { outcome, unchanged } from './step';

/** How long one who waits waits before their devices are told again, after that was too often. */
const DEVICES_AGAIN_MS = 20_000;

/** Longest text to one who waits, in characters. */
export const MAX_TEXT = 200;

/** A text as it may be said: on one line. */
export function asText(typed: string): string {
  return [...typed.replace(/\s+/g, ' ').trim()].slice(0, MAX_TEXT).join('').trim();
}

/** A knock is on the screen of who looks at it: they are told so, once. */
export function saw(state: State, participant: ParticipantId): Outcome<State> {
  const visitor = state.visitors.find((one) => one.participant === participant);
  if (visitor === undefined || visitor.check !== 'valid' || visitor.seen) return unchanged(state);
  return outcome(change(state, participant, { seen: true }), say(visitor, { said: 'seen', text: null }));
}

/** Says something to one who waits. */
export function answer(state: State, participant: ParticipantId, word: Word): Outcome<State> {
  const visitor = state.visitors.find((one) => one.participant === participant);
  if (visitor === undefined || visitor.check !== 'valid') return unchanged(state);
  return outcome(change(state, participant, { answered: word }), say(visitor, word));
}

/** The server did not pass a word on. */
export function notSaid(state: State, participant: ParticipantId): State {
  return change(state, participant, { answered: null });
}

/** Somebody says something to us while we wait. */
export function told(state: State, word: Word): Outcome<State> {
  if (state.phase !== 'waiting') return unchanged(state);
  return outcome(word.said === 'seen' ? { ...state, seen: true } : { ...state, seen: true, told: word });
}

/** Tells those who see our knock how our devices are. */
export function showDevices(state: State): Outcome<State> {
  if (state.phase !== 'waiting') return unchanged(state);
  const { microphone, camera } = state.own;
  const devices = { microphone: microphone.state === 'on', camera: camera.state === 'on' };
  return outcome(state, { type: 'keys', call: { op: 'show-devices', devices } });
}

/** That was too often: once more, later. */
export function showDevicesLater(state: State): Outcome<State> {
  return outcome(state, { type: 'timer', timer: { kind: 'devices' }, ms: DEVICES_AGAIN_MS });
}

/** One who waits says how their devices are. */
export function shown(state: State, participant: ParticipantId, sealed: Blob): Outcome<State> {
  const known = state.visitors.find((one) => one.participant === participant);
  if (known === undefined || known.sealedDevices === sealed) return unchanged(state);
  const next = change(state, participant, { sealedDevices: sealed });
  return known.check === 'valid' ? outcome(next, open(known, sealed)) : outcome(next);
}

/** The knock verified: what came with it can be opened. */
export function openDevices(state: State, participant: ParticipantId): Outcome<State> {
  const visitor = state.visitors.find((one) => one.participant === participant);
  if (visitor === undefined || visitor.check !== 'valid' || visitor.sealedDevices === null) return unchanged(state);
  return outcome(state, open(visitor, visitor.sealedDevices));
}

/** What one who waits said of their devices was opened. */
export function opened(state: State, participant: ParticipantId, sealed: Blob, devices: Devices): State {
  const latest = state.visitors.some((one) => one.participant === participant && one.sealedDevices === sealed);
  return latest ? change(state, participant, { devices }) : state;
}

function change(state: State, participant: ParticipantId, changes: Partial<Visitor>): State {
  return { ...state, visitors: state.visitors.map((one) => (one.participant === participant ? { ...one, ...changes } : one)) };
}

function say(visitor: Visitor, word: Word) {
  return { type: 'keys', call: { op: 'answer', ...knockOf(visitor), word } } as const;
}

function open(visitor: Visitor, devices: Blob) {
  return { type: 'keys', call: { op: 'devices', ...knockOf(visitor), devices } } as const;
}

function knockOf({ participant, keyPackage, tag }: Visitor): Knock {
  return { participant, keyPackage, tag };
}
