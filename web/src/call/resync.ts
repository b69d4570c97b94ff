/**
 * Falling behind the log and coming back without leaving: what the page does when entries are missing, and its part
 * in bringing others back (docs/protocol.md section 3.9).
 */

import type { Tree } from '../e2ee/calls';
import type { KnockNotice, LogEntry, ParticipantId } from '../wire';
import { advanced, nextCommit, renewLater, TURN_MS, turn } from './handshake';
import type { Outcome } from './messages';
import { chain, outcome, unchanged } from './step';
import type { Resync, Returning, State } from './state';

/** How often we fall behind, with less than {@link FELL_MS} between; a server that keeps something back does it again. */
const MOST = 3;
const FELL_MS = 60_000;

/** How long we wait to be brought back. With fifty members the last one's turn comes after 20 s. */
const PATIENCE_MS = 30_000;

function withResync(state: State, change: Partial<Resync>): State {
  return { ...state, handshake: { ...state.handshake, resync: { ...state.handshake.resync, ...change } } };
}

/** The log cannot be followed any more: we knock again. `null` if that has happened too often. */
export function fallBehind(state: State): Outcome<State> | null {
  const { fell } = state.handshake.resync;
  if (fell >= MOST) return null;
  const behind = withResync(state, { behind: true, fell: fell + 1 });
  return outcome(
    { ...behind, mismatch: '', comparison: { kind: 'idle' }, handshake: { ...behind.handshake, pending: null } },
    { type: 'keys', call: { op: 'resync' } },
    { type: 'timer', timer: { kind: 'behind' }, ms: PATIENCE_MS },
    { type: 'timer', timer: { kind: 'fell' }, ms: FELL_MS },
    { type: 'announce', announcement: { key: 'behind' }, urgent: true },
  );
}

/** It is long ago that we fell behind. */
export function longAgo(state: State): Outcome<State> {
  return outcome(withResync(state, { fell: 0 }));
}

/** Until we are back only the entry counts that brings us back. */
export function entryWhileBehind(state: State, { seq, event }: LogEntry): Outcome<State> {
  if (seq <= state.handshake.applied) return unchanged(state);
  const next: State = { ...state, handshake: { ...state.handshake, applied: seq } };
  if (event.type !== 'commit' || event.welcome === undefined || !event.adds.includes(state.self ?? '')) return outcome(next);
  return outcome(next, { type: 'keys', call: { op: 'join', welcome: event.welcome } });
}

/** A member brought us back. */
export function cameBack(state: State, tree: Tree): Outcome<State> {
  const { handshake } = withResync(state, { behind: false });
  return chain(
    { ...state, handshake: { ...handshake, renewal: 'none' } },
    (s) => outcome(s, { type: 'keys', call: { op: 'activate', epoch: tree.epoch } }),
    (s) => advanced(s, tree),
    (s) => checkAgain(s),
    renewLater,
    (s) => outcome(s, { type: 'announce', announcement: { key: 'caughtUp' }, urgent: true }),
  );
}

/** The server says which members knock again. */
export function knockedAgain(state: State, notices: readonly KnockNotice[]): Outcome<State> {
  const { tree, resync } = state.handshake;
  const members = tree?.members ?? [];
  const inside = notices.filter(
    ({ participant }) => participant !== state.self && members.some((member) => member.participant === participant),
  );
  const others = inside.map(
    ({ participant, keyPackage, tag }): Returning =>
      resync.others.find((known) => known.participant === participant && known.tag === tag) ?? {
        ...{ participant, keyPackage, tag },
        check: 'open',
        due: false,
      },
  );
  return checkAgain(withResync(state, { others }));
}

/** Has those checked that could not be judged before. */
export function checkAgain(state: State): Outcome<State> {
  const { others, behind } = state.handshake.resync;
  const open = behind ? [] : others.filter(({ check }) => check === 'open');
  const checking = others.map((other): Returning => (open.includes(other) ? { ...other, check: 'checking' } : other));
  return outcome(
    withResync(state, { others: checking }),
    ...open.map(({ participant, keyPackage, tag }) => ({ type: 'keys', call: { op: 'verify-return', participant, keyPackage, tag } }) as const),
  );
}

/** The worker has looked at the knock of a member. */
export function returnChecked(state: State, participant: ParticipantId, tag: string, check: Returning['check']): Outcome<State> {
  const { others } = state.handshake.resync;
  if (!others.some((other) => other.participant === participant && other.tag === tag)) return unchanged(state);
  const checked = withResync(state, {
    others: others.map((other) => (other.participant === participant && other.tag === tag ? { ...other, check } : other)),
  });
  if (check !== 'proven') return outcome(checked);
  return outcome(checked, { type: 'timer', timer: { kind: 'return', participant }, ms: TURN_MS * turn(checked) });
}

/** Nobody before us has brought a member back: now it is our turn. */
export function returnDue(state: State, participant: ParticipantId): Outcome<State> {
  const { others } = state.handshake.resync;
  const due = others.map((other) => (other.participant === participant ? { ...other, due: true } : other));
  return nextCommit(withResync(state, { others: due }));
}
