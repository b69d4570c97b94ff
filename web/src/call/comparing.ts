/**
 * Comparing aloud, as the page sees it: the worker agrees on the digits with the other devices by itself; the page
 * carries what it posts, and says what is known of whom (docs/protocol.md section 4.1).
 */

import type { Compared, Tree, TreeMember } from '../e2ee/calls';
import type { Announcement, Outcome } from './messages';
import { outcome, unchanged } from './step';
import type { State } from './state';

/** How often the worker is asked while the digits are not there: who has not answered, and whether ours may go out. */
const ASK_MS = 1_000;

/** The person looks at the code, or does not any more. */
export function lookAtCode(state: State, open: boolean): Outcome<State> {
  const looking: State = { ...state, comparing: open };
  return open ? outcome(looking, { type: 'keys', call: { op: 'compare' } }) : outcome(looking);
}

/** Where the worker is with the comparison of an epoch, and what it wants posted. */
export function compared(state: State, { epoch, said, state: comparison }: Compared): Outcome<State> {
  const posts = said.map((message) => ({ type: 'request', request: { type: 'post', epoch, message } }) as const);
  if (epoch !== state.handshake.tree?.epoch) return outcome(state, ...posts);
  const asks = comparison.kind === 'held' || (comparison.kind === 'waiting' && state.comparing && !comparison.overdue);
  const timer = { type: 'timer', timer: { kind: 'comparison' }, ms: ASK_MS } as const;
  return outcome({ ...state, comparison }, ...posts, ...(asks ? [timer] : []));
}

/** The digits were not there a moment ago. */
export function askAgain(state: State): Outcome<State> {
  const { kind } = state.comparison;
  if (kind !== 'held' && kind !== 'waiting') return unchanged(state);
  return outcome(state, { type: 'keys', call: { op: 'compare' } });
}

/** The person heard the same digits from the others. */
export function confirm(state: State): Outcome<State> {
  const { tree } = state.handshake;
  if (tree === null || state.comparison.kind !== 'agreed') return unchanged(state);
  return outcome(state, { type: 'keys', call: { op: 'confirm', epoch: tree.epoch } });
}

/** All members are compared now. */
export function confirmed(state: State, tree: Tree): Outcome<State> {
  if (tree.epoch !== state.handshake.tree?.epoch) return unchanged(state);
  return outcome(
    { ...state, handshake: { ...state.handshake, tree }, comparedBefore: [] },
    { type: 'announce', announcement: { key: 'compared' }, urgent: false },
  );
}

/** A new epoch: its digits are other ones, and whoever came is not compared. */
export function newEpoch(state: State, before: Tree | null): Outcome<State> {
  const { tree } = state.handshake;
  if (tree === null) return unchanged(state);
  const certain = (members: readonly TreeMember[]): TreeMember[] => members.filter(({ trust }) => trust === 'compared');
  const still = certain(tree.members).map(({ participant }) => participant);
  const gone = certain(before?.members ?? []).filter(({ participant }) => !still.includes(participant));
  const next: State = {
    ...state,
    comparison: { kind: 'idle' },
    comparedBefore: [...new Set([...state.comparedBefore, ...gone.map(({ name }) => name)])],
  };
  const known = unproven(state, before);
  const news = unproven(next, tree).filter(({ participant }) => !known.some((member) => member.participant === participant));
  const announcement: Announcement = { key: 'notCompared', names: news.map(({ name }) => name) };
  return outcome(
    next,
    ...(news.length > 0 ? [{ type: 'announce', announcement, urgent: true } as const] : []),
    ...(state.comparing ? [{ type: 'keys', call: { op: 'compare' } } as const] : []),
  );
}

/**
 * Who is less certain than a person would think: not compared, where others are, or under the name of one who was
 * and left. Nobody, where nobody compared.
 */
export function unproven({ self, comparedBefore }: State, tree: Tree | null): TreeMember[] {
  const others = (tree?.members ?? []).filter(({ participant }) => participant !== self);
  const some = others.some(({ trust }) => trust === 'compared');
  return others.filter(({ trust, name }) => trust !== 'compared' && (some || comparedBefore.includes(name)));
}
