/**
 * The order of MLS messages: entries of the log go to the worker exactly once and in order; a commit of ours
 * is offered, and counts only when it comes back as an entry (docs/protocol.md sections 3.2 to 3.4).
 */

import type { Commit, Tree } from '../e2ee/calls';
import type { Answer } from '../signaling';
import type { LogEntry, ParticipantId } from '../wire';
import { newNames } from './certified';
import { newEpoch } from './comparing';
import type { Announcement, Effect, Outcome } from './messages';
import { chain, outcome, unchanged } from './step';
import type { Handshake, Resync, State } from './state';

/** How much longer each further member waits before it commits the removal of one who left. */
export const TURN_MS = 400;

/** Most knocks that one commit adds: more would make it larger than a frame may be. */
const ADDS_A_COMMIT = 32;

/**
 * How old our keys become: whoever took them unnoticed opens nothing any more afterwards. Each commit of ours renews
 * them. In calls of more than a hundred, together the members begin one epoch in {@link RENEWAL_SHARE_MS}.
 */
const RENEWAL_MS = 600_000;
const RENEWAL_SHARE_MS = 6_000;

/** How long a comparison of digits, which a new epoch ends, puts that off, once. */
const COMPARING_MS = 120_000;

/** Roster and tree may differ for so long while messages are under way. */
const SETTLE_MS = 3_000;

function withHandshake(state: State, change: Partial<Handshake>): State {
  return { ...state, handshake: { ...state.handshake, ...change } };
}

const without = (list: readonly ParticipantId[], gone: readonly ParticipantId[]): readonly ParticipantId[] =>
  list.filter((participant) => !gone.includes(participant));

const including = (list: readonly ParticipantId[], more: readonly ParticipantId[]): readonly ParticipantId[] => [
  ...list,
  ...more.filter((participant) => !list.includes(participant)),
];

function isMember(tree: Tree | null, participant: ParticipantId): boolean {
  return tree?.members.some((member) => member.participant === participant) ?? false;
}

/**
 * Whether entries before this one are missing. A socket loses none, and a resume begins where the last one ended:
 * the server keeps something back.
 */
export function skips({ handshake: { applied } }: State, entry: LogEntry): boolean {
  // A newcomer's log begins with the commit that added them.
  return applied !== 0 && entry.seq > applied + 1;
}

/** Those who knock again without some of them. */
function withoutReturns(resync: Resync, gone: readonly ParticipantId[]): Resync {
  return { ...resync, others: resync.others.filter(({ participant }) => !gone.includes(participant)) };
}

/** Takes the next entry of the log; one that was taken before changes nothing. */
export function applyEntry(state: State, entry: LogEntry): Outcome<State> {
  const { handshake } = state;
  if (entry.seq <= handshake.applied || skips(state, entry) || handshake.resync.behind) return unchanged(state);
  const next = withHandshake(state, { applied: entry.seq });
  const { event } = entry;
  switch (event.type) {
    case 'started':
      return unchanged(next);
    case 'commit': {
      const call: Effect =
        handshake.tree === null && event.welcome !== undefined
          ? { type: 'keys', call: { op: 'join', welcome: event.welcome } }
          : { type: 'keys', call: { op: 'process', message: event.message } };
      // Who was behind and is back has not gone.
      const gone = without(event.removes, event.adds);
      const settled = withHandshake(next, {
        admit: without(handshake.admit, event.adds),
        remove: without(handshake.remove, gone),
        left: without(handshake.left, gone),
        due: without(handshake.due, gone),
        resync: withoutReturns(handshake.resync, event.adds),
        ...(event.by === state.self ? { pending: null, renewal: 'none' } : {}),
        ...(event.by === state.self && handshake.pending?.certifies === true ? { certificate: null } : {}),
      });
      return chain(
        settled,
        (s) => outcome(s, call),
        (s) => (event.by === state.self ? renewLater(s) : unchanged(s)),
        // Who had not left was put out.
        (s) => (without(gone, handshake.left).length > 0 ? askAgain(s) : unchanged(s)),
        nextCommit,
      );
    }
    case 'left': {
      const left = including(handshake.left, [event.participant]);
      const departed = withHandshake(next, { left, admit: without(handshake.admit, [event.participant]) });
      return outcome(departed, {
        type: 'timer',
        timer: { kind: 'left', participant: event.participant },
        ms: TURN_MS * turn(departed),
      });
    }
  }
}

/**
 * Somebody was removed, by us or another host: nobody is let in unasked any more, or who has the link would be back at
 * once, as a stranger.
 */
function askAgain(state: State): Outcome<State> {
  if (!state.letsIn) return unchanged(state);
  return outcome({ ...state, letsIn: false }, { type: 'announce', announcement: { key: 'askedAgain' }, urgent: false });
}

/** Our place among the members that are present, by leaf. */
export function turn(state: State): number {
  const members = state.handshake.tree?.members ?? [];
  const here = members.filter(
    ({ participant }) =>
      participant === state.self ||
      (!state.handshake.left.includes(participant) &&
        !state.handshake.resync.others.some((other) => other.participant === participant && other.check === 'proven') &&
        state.roster.some((member) => member.participant === participant && member.present)),
  );
  return Math.max(
    0,
    here.findIndex(({ participant }) => participant === state.self),
  );
}

/** Nobody before us has committed the removal of one who left: now it is our turn. */
export function removalDue(state: State, participant: ParticipantId): Outcome<State> {
  if (!state.handshake.left.includes(participant)) return unchanged(state);
  return nextCommit(withHandshake(state, { due: including(state.handshake.due, [participant]) }));
}

/** Our keys are new; those who came together do not all renew them at once. */
export function renewLater(state: State): Outcome<State> {
  const members = state.handshake.tree?.members ?? [];
  const place = members.findIndex(({ participant }) => participant === state.self);
  const ms = Math.max(RENEWAL_MS, members.length * RENEWAL_SHARE_MS) - (members.length - place) * TURN_MS;
  return outcome(state, { type: 'timer', timer: { kind: 'renewal' }, ms });
}

/** Our keys are old. */
export function renewalDue(state: State): Outcome<State> {
  const { tree, renewal } = state.handshake;
  if (tree === null || tree.members.length < 2) return renewLater(state);
  if (state.comparison.kind !== 'idle' && renewal === 'none') {
    return outcome(withHandshake(state, { renewal: 'put-off' }), { type: 'timer', timer: { kind: 'renewal' }, ms: COMPARING_MS });
  }
  return nextCommit(withHandshake(state, { renewal: 'due' }));
}

/** The user lets someone in. */
export function admit(state: State, participants: readonly ParticipantId[]): Outcome<State> {
  return nextCommit(withHandshake(state, { admit: including(state.handshake.admit, participants) }));
}

/** The user has someone removed. */
export function remove(state: State, participant: ParticipantId): Outcome<State> {
  return nextCommit(withHandshake(state, { remove: including(state.handshake.remove, [participant]) }));
}

/** Makes the next commit that is wanted, one at a time: removals, whoever fell behind, newcomers, renewals. */
export function nextCommit(state: State): Outcome<State> {
  const { tree, pending, remove: unwanted, due, admit: wanted, alone, resync } = state.handshake;
  if (state.phase !== 'call' || tree === null || pending !== null || !state.online || resync.behind) return unchanged(state);
  const removes = including(unwanted, due).filter((p) => p !== state.self && isMember(tree, p));
  if (removes.length > 0) {
    return outcome(withHandshake(state, { pending: { stage: 'making', adds: [], removes } }), {
      type: 'keys',
      call: { op: 'remove', participants: removes },
    });
  }
  const back = resync.others.find((other) => other.due && other.check === 'proven' && isMember(tree, other.participant));
  if (back !== undefined) {
    const { participant, keyPackage, tag } = back;
    return outcome(withHandshake(state, { pending: { stage: 'making', adds: [participant], removes: [participant] } }), {
      type: 'keys',
      call: { op: 'readmit', participant, keyPackage, tag },
    });
  }
  // The knock of a member, which only a server that means harm shows, must not keep others out.
  const knocks = state.visitors
    .filter(({ participant, check }) => check === 'valid' && wanted.includes(participant) && !isMember(tree, participant))
    .map(({ participant, keyPackage, tag }) => ({ participant, keyPackage, tag }));
  const together = knocks.filter(({ participant }) => !alone.includes(participant));
  const now = together.length > 0 ? together.slice(0, ADDS_A_COMMIT) : knocks.slice(0, 1);
  if (now.length === 0) {
    const { certificate } = state.handshake;
    if (certificate !== null) {
      const making = withHandshake(state, { pending: { stage: 'making', adds: [], removes: [], certifies: true } });
      return outcome(making, { type: 'keys', call: { op: 'renew', ...certificate } });
    }
    if (state.handshake.renewal !== 'due') return unchanged(state);
    const making = withHandshake(state, { pending: { stage: 'making', adds: [], removes: [] } });
    return outcome(making, { type: 'keys', call: { op: 'update' } });
  }
  const adds = now.map(({ participant }) => participant);
  return outcome(withHandshake(state, { pending: { stage: 'making', adds, removes: [] } }), {
    type: 'keys',
    call: { op: 'admit', knocks: now },
  });
}

/** The worker made our commit: offer it. */
export function commitMade(state: State, commit: Commit): Outcome<State> {
  const { pending } = state.handshake;
  if (pending === null) return outcome(state, { type: 'keys', call: { op: 'discard' } });
  return outcome(withHandshake(state, { pending: { ...pending, stage: 'offered' } }), {
    type: 'request',
    request: {
      type: 'commit',
      epoch: commit.epoch,
      message: commit.message,
      adds: [...pending.adds],
      removes: [...pending.removes],
      ...(commit.welcome === null ? {} : { welcome: commit.welcome }),
    },
  });
}

/** What the pending commit was for is given up; of several newcomers only after each was tried alone. */
export function commitFailed(state: State, code: string): Outcome<State> {
  const { pending, admit: wanted, alone, remove: unwanted, due } = state.handshake;
  if (pending === null) return unchanged(state);
  if (pending.adds.length > 0 && pending.removes.length > 0) {
    // Somebody else brought them back, or they are gone.
    const { resync } = state.handshake;
    return nextCommit(withHandshake(state, { pending: null, resync: withoutReturns(resync, pending.adds) }));
  }
  if (pending.adds.length > 1) {
    // One of them has gone, say: that must not keep the others out.
    const still = alone.filter((participant) => wanted.includes(participant));
    return nextCommit(withHandshake(state, { pending: null, alone: including(still, pending.adds) }));
  }
  const renewed = pending.adds.length + pending.removes.length === 0;
  const given = withHandshake(state, {
    pending: null,
    admit: without(wanted, pending.adds),
    remove: without(unwanted, pending.removes),
    due: without(due, pending.removes),
    renewal: renewed ? 'none' : state.handshake.renewal,
    certificate: pending.certifies === true ? null : state.handshake.certificate,
  });
  // Whoever left may be committed by someone else by now; that is no news for the user.
  const asked = pending.adds.length > 0 || pending.removes.some((p) => unwanted.includes(p));
  const announcement: Announcement = { key: 'actionFailed', code };
  return chain(
    given,
    (s) => (asked ? outcome(s, { type: 'announce', announcement, urgent: true }) : unchanged(s)),
    // Tried is as good as done: the next time is as far off.
    (s) => (renewed ? renewLater(s) : unchanged(s)),
    nextCommit,
  );
}

/** The delivery service answered our commit. Accepted ones count when they come back as an entry. */
export function commitAnswered(state: State, answer: Answer): Outcome<State> {
  if (answer.type !== 'error') return unchanged(state);
  const discard: Effect = { type: 'keys', call: { op: 'discard' } };
  if (answer.code !== 'stale-epoch') return chain(state, (s) => outcome(s, discard), (s) => commitFailed(s, answer.code));
  return chain(
    withHandshake(state, { pending: null }),
    (s) => outcome(s, discard),
    ...answer.missed.map((entry) => (s: State) => applyEntry(s, entry)),
    nextCommit,
  );
}

/** The group is in a new epoch. */
export function advanced(state: State, tree: Tree): Outcome<State> {
  const before = state.handshake.tree;
  const next = withHandshake(state, {
    tree,
    left: state.handshake.left.filter((participant) => isMember(tree, participant)),
    remove: state.handshake.remove.filter((participant) => isMember(tree, participant)),
  });
  return chain(
    { ...next, order: including(state.order, tree.members.map(({ participant }) => participant)) },
    (s) => outcome(s, { type: 'request', request: { type: 'ready', epoch: tree.epoch } }),
    (s) => (before === null ? unchanged(s) : outcome(s, ...changes(before, tree))),
    (s) => newEpoch(s, before),
    (s) => newNames(s, before),
    checkRoster,
    nextCommit,
  );
}

/** Who came and who went, by their authenticated names. */
function changes(before: Tree, after: Tree): Effect[] {
  const names = (tree: Tree, other: Tree): string[] =>
    tree.members.filter(({ participant }) => !isMember(other, participant)).map(({ name }) => name);
  const announcements: Announcement[] = [];
  const joined = names(after, before);
  const left = names(before, after);
  if (joined.length > 0) announcements.push({ key: 'joined', names: joined });
  if (left.length > 0) announcements.push({ key: 'left', names: left });
  return announcements.map((announcement) => ({ type: 'announce', announcement, urgent: false }));
}

/** Compares the server's roster with the MLS tree; a difference that stays is an alarm. */
export function checkRoster(state: State): Outcome<State> {
  const { tree } = state.handshake;
  if (tree === null || state.roster.length === 0 || state.handshake.resync.behind) return unchanged(state);
  const listed = state.roster.map(({ participant }) => participant);
  const inTree = tree.members.map(({ participant }) => participant);
  const mismatch = [
    ...without(listed, inTree).map((participant) => `+${participant}`),
    ...without(inTree, listed).map((participant) => `-${participant}`),
  ]
    .sort()
    .join();
  if (mismatch === state.mismatch) return unchanged(state);
  if (mismatch === '') return outcome({ ...state, mismatch, rosterAlarm: false });
  return outcome({ ...state, mismatch }, { type: 'timer', timer: { kind: 'roster', mismatch }, ms: SETTLE_MS });
}

/** The difference has had its time to settle. */
export function rosterSettled(state: State, mismatch: string): Outcome<State> {
  if (state.mismatch !== mismatch || !state.online) return unchanged(state);
  return outcome({ ...state, rosterAlarm: true });
}
