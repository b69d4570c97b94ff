/**
 * Which source each receive slot carries. A slot keeps what it carries as long as that is wanted: switching
 * costs a keyframe. Where there are more microphones than slots, those slots float: the server gives them whoever is
 * heard, and their frames say who that is. Pinned comes before screens, screens before who spoke last, those before the others.
 */

import type { ParticipantId, Show, SlotAssignment, Source, SourceOf } from '../wire';
import type { SlotReport } from '../e2ee/calls';
import type { Effect, Outcome } from './messages';
import { outcome, unchanged } from './step';
import type { Slot, State } from './state';

/** Receive slots a client opens, once. Everybody else of a call of nine, and two shared screens' sound. */
export const AUDIO_SLOTS = 10;
export const VIDEO_SLOTS = 12;

/** A straggler of the source before may still arrive for so long after a switch. */
const SETTLE_MS = 1_500;

/** A tile's name: it is stable for the whole call. */
export function tileKey(participant: ParticipantId, source: 'camera' | 'screen'): string {
  return `${participant}/${source}`;
}

const same = (a: SourceOf | null, b: SourceOf | null): boolean =>
  a === b || (a !== null && b !== null && a.participant === b.participant && a.source === b.source);

function live(state: State, source: Source): ParticipantId[] {
  return state.roster
    .filter((member) => member.participant !== state.self && member.live.includes(source))
    .map((member) => member.participant);
}

/** By who spoke last; the others stay in their order. */
function byVoice(state: State, participants: readonly ParticipantId[]): ParticipantId[] {
  const rank = (participant: ParticipantId): number => {
    const at = state.lastSpoke.indexOf(participant);
    return at < 0 ? state.lastSpoke.length : at;
  };
  return [...participants].sort((a, b) => rank(a) - rank(b));
}

/** Sound that is wanted, most wanted first. Muted microphones come last, so that unmuting is heard at once. */
export function wantedAudio(state: State): SourceOf[] {
  const speaking = byVoice(state, live(state, 'microphone'));
  const others = state.roster.map((member) => member.participant).filter((p) => p !== state.self && !speaking.includes(p));
  return [
    ...live(state, 'screen-audio').map((participant) => ({ participant, source: 'screen-audio' as const })),
    ...[...speaking, ...others].map((participant) => ({ participant, source: 'microphone' as const })),
  ];
}

/** Video that is wanted, most wanted first. */
export function wantedVideo(state: State): SourceOf[] {
  const screens = live(state, 'screen').map((participant) => ({ participant, source: 'screen' as const }));
  const cameras = byVoice(state, live(state, 'camera')).map((participant) => ({ participant, source: 'camera' as const }));
  const all = [...screens, ...cameras];
  const pinned = all.filter((of) => tileKey(of.participant, of.source) === state.pinned);
  return [...pinned, ...all.filter((of) => !pinned.includes(of))];
}

/** Heights are told in these steps, so that a tile that grows a little is not news. */
const HEIGHTS = [180, 270, 360, 540, 720, 1080, 2160];

/** How a slot's video is shown; `null` before the page knows. */
function showOf(state: State, carries: SourceOf | null): Show | null {
  if (carries === null || (carries.source !== 'camera' && carries.source !== 'screen')) return null;
  const key = tileKey(carries.participant, carries.source);
  const pixels = state.heights.get(key);
  if (pixels === undefined) return null;
  if (pixels === 0) return { height: 0, as: 'hidden' };
  const height = HEIGHTS.find((step) => step >= pixels) ?? 2160;
  if (state.pinned === key) return { height, as: 'pinned' };
  // Who spoke last stays the speaker while nobody speaks.
  return { height, as: state.lastSpoke[0] === carries.participant && carries.source === 'camera' ? 'speaker' : 'tile' };
}

/** As what a slot is shown that carries whoever is heard. */
const FLOATING: Show = { height: 0, as: 'speaker' };

/** The slots for sound: each carries a source, or all that carry none float. */
function fillAudio(slots: readonly Slot[], wanted: readonly SourceOf[]): Slot[] {
  if (wanted.length <= slots.length) {
    return fill(slots, wanted).map((slot) => (slot.show === null ? slot : { ...slot, show: null }));
  }
  const assigned = wanted.filter((of) => of.source !== 'microphone');
  return fill(slots, assigned).map((slot) =>
    slot.carries !== null || slot.show !== null ? slot : { ...slot, show: FLOATING },
  );
}

function fill(slots: readonly Slot[], wanted: readonly SourceOf[]): Slot[] {
  const taken = wanted.slice(0, slots.length);
  const waiting = taken.filter((of) => !slots.some((slot) => same(slot.carries, of)));
  return slots.map((slot) => {
    if (slot.carries !== null && taken.some((of) => same(slot.carries, of))) return slot;
    const carries = waiting.shift() ?? null;
    return same(slot.carries, carries) ? slot : empty(slot.mid, carries);
  });
}

function empty(mid: string, carries: SourceOf | null): Slot {
  return { mid, carries, sender: null, show: null, failing: false, suspect: false, alarm: false };
}

/** The slots of a connection that was just made. */
export function openSlots(state: State, mids: readonly string[]): Outcome<State> {
  return reassign({ ...state, slots: mids.map((mid) => empty(mid, null)), paused: [] });
}

/** Fits the slots to what is wanted now, and asks the server for what changed. */
export function reassign(state: State): Outcome<State> {
  if (state.slots.length === 0) return unchanged(state);
  const slots = [
    ...fillAudio(state.slots.slice(0, AUDIO_SLOTS), wantedAudio(state)),
    ...fill(state.slots.slice(AUDIO_SLOTS), wantedVideo(state)),
  ].map((slot) => {
    const show = showOf(state, slot.carries);
    return show === null || (show.height === slot.show?.height && show.as === slot.show.as) ? slot : { ...slot, show };
  });
  const changes: SlotAssignment[] = [];
  const effects: Effect[] = [];
  slots.forEach((slot, index) => {
    if (slot === state.slots[index]) return;
    changes.push({ mid: slot.mid, carries: slot.carries, ...(slot.show === null ? {} : { show: slot.show }) });
    if (!same(slot.carries, state.slots[index]?.carries ?? null)) effects.push({ type: 'keys', call: { op: 'watch', slot: index } });
  });
  if (changes.length === 0) return unchanged(state);
  return outcome({ ...state, slots }, { type: 'request', request: { type: 'assign', slots: changes } }, ...effects);
}

function changeSlot(state: State, index: number, change: Partial<Slot>): State {
  return { ...state, slots: state.slots.map((slot, at) => (at === index ? { ...slot, ...change } : slot)) };
}

/** The worker says who a slot's frames come from. Another than was asked for, twice, is an alarm. */
export function slotReported(state: State, report: SlotReport): Outcome<State> {
  const slot = state.slots[report.slot];
  if (slot === undefined) return unchanged(state);
  const { sender, failing } = report;
  const wrong = sender !== null && slot.carries !== null && !same(sender, slot.carries);
  if (!wrong) return outcome(changeSlot(state, report.slot, { sender, failing, suspect: false, alarm: false }));
  const next = changeSlot(state, report.slot, { sender, failing, alarm: slot.suspect });
  if (slot.suspect) return outcome(next);
  return outcome(next, { type: 'timer', timer: { kind: 'slot', slot: report.slot }, ms: SETTLE_MS });
}

/** Time is up for stragglers: whoever the next frame comes from counts. */
export function slotSettled(state: State, index: number): Outcome<State> {
  const slot = state.slots[index];
  if (slot === undefined || slot.sender === null || slot.carries === null || same(slot.sender, slot.carries)) {
    return unchanged(state);
  }
  return outcome(changeSlot(state, index, { suspect: true }), { type: 'keys', call: { op: 'watch', slot: index } });
}
