/** What the tiles show: from the tree and the frames' key ids, never from what the server says of a name. */

import type { Trust } from '../e2ee/calls';
import type { ParticipantId } from '../wire';
import { tileKey } from './slots';
import type { Slot, State } from './state';

/** One tile. */
export interface Tile {
  readonly key: string;
  readonly participant: ParticipantId;
  readonly source: 'camera' | 'screen';
  /** Of whoever sealed the frames in it, else of the member in the tree. */
  readonly name: string;
  readonly self: boolean;
  /** What is known of them; nothing of ourselves, and not on a screen beside their tile. */
  readonly trust: Trust | null;
  readonly organisation: string | null;
  /** The slot whose video is shown. */
  readonly slot: number | null;
  readonly picture: 'none' | 'coming' | 'shown' | 'paused' | 'failing';
  /** The frames are not from whom they should be. */
  readonly alarm: boolean;
  readonly muted: boolean;
  readonly speaking: boolean;
  /** Their connection is lost, they may come back. */
  readonly absent: boolean;
}

function pictureOf(state: State, slot: Slot, participant: ParticipantId, source: string): Tile['picture'] {
  if (slot.failing) return 'failing';
  if (state.paused.includes(slot.mid)) return 'paused';
  if (slot.sender === null) return 'coming';
  const right = slot.sender.participant === participant && slot.sender.source === source;
  return right || slot.alarm ? 'shown' : 'coming';
}

/** All tiles in their places: others in the order in which they were first seen, ourselves last. */
export function tiles(state: State): Tile[] {
  const members = state.handshake.tree?.members ?? [];
  const result: Tile[] = [];
  const screens: Tile[] = [];
  const places = [...state.order.filter((participant) => participant !== state.self)];
  if (state.self !== null) places.push(state.self);
  for (const participant of places) {
    const member = members.find((member) => member.participant === participant);
    if (member === undefined) continue;
    const { name, trust, organisation } = member;
    const self = participant === state.self;
    const listed = state.roster.find((member) => member.participant === participant);
    // One who has left is gone at once, even before the tree is without them.
    if (!self && listed === undefined) continue;
    const common = {
      participant,
      self,
      muted: self ? state.own.microphone.state !== 'on' : !(listed?.live.includes('microphone') ?? false),
      speaking: state.speaking.includes(participant),
      absent: !self && !(listed?.present ?? false),
    };
    for (const source of ['camera', 'screen'] as const) {
      // Our own screen would mirror itself; the bar above the tiles says that it is shared.
      if (self && source === 'screen') continue;
      const live = self ? state.own.camera.state === 'on' : (listed?.live.includes(source) ?? false);
      if (source === 'screen' && !live) continue;
      const index = live && !self ? slotOf(state, participant, source) : null;
      const slot = index === null ? undefined : state.slots[index];
      const alarm = slot?.alarm ?? false;
      const own = self && live ? 'shown' : 'none';
      (source === 'screen' ? screens : result).push({
        ...common,
        key: tileKey(participant, source),
        source,
        trust: self || source === 'screen' ? null : trust,
        organisation,
        name: (alarm ? slot?.sender?.name : undefined) ?? name,
        slot: index,
        picture: slot === undefined ? own : pictureOf(state, slot, participant, source),
        alarm,
      });
    }
  }
  return [...screens, ...result];
}

function slotOf(state: State, participant: ParticipantId, source: string): number | null {
  const index = state.slots.findIndex(
    ({ carries }) => carries !== null && carries.participant === participant && carries.source === source,
  );
  return index < 0 ? null : index;
}

/** The tile that is shown large: the pinned one, else the first shared screen. */
export function stage(state: State, all: readonly Tile[]): Tile | null {
  return all.find(({ key }) => key === state.pinned) ?? all.find(({ source }) => source === 'screen') ?? null;
}

/** How many columns make tiles of about 16:10 largest in a box. */
export function columns(count: number, width: number, height: number): number {
  let best = 1;
  let bestArea = 0;
  for (let columns = 1; columns <= count; columns += 1) {
    const cellWidth = width / columns;
    const cellHeight = height / Math.ceil(count / columns);
    const area = Math.min(cellWidth, cellHeight * 1.6) * Math.min(cellHeight, cellWidth / 1.6);
    if (area > bestArea * 1.001) [best, bestArea] = [columns, area];
  }
  return best;
}

/** One or two letters for who has no picture. */
export function initials(name: string): string {
  const words = name.split(/[\s-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.length < 2 ? words : [words[0], words[words.length - 1]];
  const first = letters.map((word) => [...(word ?? '')].find((c) => /[\p{L}\p{N}]/u.test(c)) ?? '').join('');
  return (first === '' ? ([...name][0] ?? '') : first).toUpperCase();
}
