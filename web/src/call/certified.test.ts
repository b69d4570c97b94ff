import { describe, expect, test } from 'vitest';
import type { Tree } from '../e2ee/calls';
import type { Entered } from '../signaling';
import { impostors, uncertified } from './certified';
import type { LogEntry, Request } from '../wire';
import type { Effect, Event } from './messages';
import { reduce } from './reduce';
import { initialState, type State } from './state';

const OURS = { certificate: 'c', root: 'r' };

/** Members by their names, certified where the name ends in `*`; `id:` before it is the participant. */
function tree(epoch: number, people: readonly string[], marking: string | null = null): Tree {
  const members = people.map((text, leaf) => {
    const [participant, name] = text.includes(':') ? text.split(':') : [text.replace('*', ''), text];
    const organisation = name?.endsWith('*') ? 'praxis' : null;
    const trust = organisation === null ? ('guest' as const) : ('certified' as const);
    return { leaf, participant: participant ?? '', name: (name ?? '').replace('*', '').toUpperCase(), rawVideo: false, trust, organisation };
  });
  return { epoch, members, marking };
}

const start = (): State => initialState({ room: '', secret: '', name: null, hostKey: null, password: false, consultation: false }, 'Me', 'standard');

function call(...people: string[]): State {
  const state = start();
  const known = people.filter((name) => name.endsWith('*')).map((name) => name.replace('*', '').toUpperCase());
  const handshake = { ...state.handshake, applied: 1, tree: tree(1, ['me*', ...people]) };
  return { ...state, phase: 'call', online: true, self: 'me', certifiedNames: ['ME', ...known], handshake };
}

function after(state: State, ...events: Event[]): { state: State; effects: readonly Effect[] } {
  const effects: Effect[] = [];
  for (const event of events) {
    const next = reduce(state, event);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

const entered = (host: boolean, marking?: string): Event => {
  const frame: Entered = { type: 'entered', re: 1, participant: 'me', token: 't', host, suite: 1, standing: 'arrived', mediaLost: false };
  return { type: 'entered', resumed: false, frame: { ...frame, ...(marking === undefined ? {} : { marking }) } };
};
const join: Event[] = [{ type: 'join', name: 'Typed', password: null }, { type: 'derived', proof: null }];
const ops = (effects: readonly Effect[]): string[] => effects.flatMap((effect) => (effect.type === 'keys' ? [effect.call.op] : []));
const timers = (effects: readonly Effect[]): Effect[] => effects.filter((effect) => effect.type === 'timer' && effect.timer.kind === 'certificate');
const warnings = (effects: readonly Effect[]): unknown[] =>
  effects.flatMap((effect) => (effect.type === 'announce' && effect.announcement.key === 'notCertified' ? [effect.announcement.names] : []));

describe('our own certificate', () => {
  test.each([
    [true, 'create'],
    [false, 'knock'],
  ])('it is asked for before anything is said with our keys (host: %s)', (host, op) => {
    const there = after(start(), ...join, entered(host));
    expect(ops(there.effects)).toEqual(['derive', 'begin']);
    expect(there.effects).toContainEqual({ type: 'certify', again: false });
    const known = after(there.state, { type: 'certified', name: 'Dr. Berg', lastsMs: 40_000_000 });
    expect(ops(known.effects)).toEqual([op]);
    expect(known.state.name).toBe('Dr. Berg');
    expect(timers(known.effects)).toEqual([{ type: 'timer', timer: { kind: 'certificate' }, ms: 20_000_000 }]);
    const guest = after(there.state, { type: 'uncertified', listed: true });
    expect(ops(guest.effects)).toEqual([op]);
    expect(guest.state.name).toBe('Typed');
    expect(timers(guest.effects)).toEqual([]);
    // An answer that comes twice changes nothing.
    expect(after(guest.state, { type: 'uncertified', listed: true }).effects).toEqual([]);
  });

  test('a marked room is entered by nobody for whom no organisation vouches', () => {
    const there = after(start(), ...join, entered(true, 'VS-NfD'));
    expect(after(there.state, { type: 'uncertified', listed: true }).state.ending).toEqual({ kind: 'refused-by-server', code: 'certificate-needed' });
    expect(after(there.state, { type: 'uncertified', listed: false }).state.ending).toEqual({ kind: 'refused-by-server', code: 'not-listed' });
    const known = after(there.state, { type: 'certified', name: 'Dr. Berg', lastsMs: 1 });
    expect(known.effects).toContainEqual({ type: 'keys', call: { op: 'create', marking: 'VS-NfD' } });
  });

  test('it is renewed in the background, by a commit that is made again until it is in the log', () => {
    const due = after(call('ben'), { type: 'timer', timer: { kind: 'certificate' } });
    expect(due.effects).toEqual([{ type: 'certify', again: true }]);
    const came = after(due.state, { type: 'certificate', certificate: OURS, lastsMs: 40_000_000 });
    expect(came.effects).toContainEqual({ type: 'keys', call: { op: 'renew', ...OURS } });
    expect(timers(came.effects)).toHaveLength(1);
    const offered = after(came.state, { type: 'commit-made', commit: { epoch: 1, message: 'm', welcome: null } });
    const request: Request = { type: 'commit', epoch: 1, message: 'm', adds: [], removes: [] };
    const lost = after(offered.state, { type: 'answered', request, answer: { type: 'error', code: 'stale-epoch', missed: [] } });
    expect(ops(lost.effects)).toEqual(['discard', 'renew']);
    const event: LogEntry['event'] = { type: 'commit', epoch: 1, by: 'me', message: 'm', adds: [], removes: [] };
    const done = after(lost.state, { type: 'notice', frame: { type: 'entry', seq: 2, event } });
    expect(done.state.handshake.certificate).toBeNull();
    expect(ops(done.effects)).toEqual(['process']);
  });

  test('one that cannot be had is asked for again, and one that does not fit is given up', () => {
    const without = after(call('ben'), { type: 'certificate', certificate: null, lastsMs: 0 });
    expect(timers(without.effects)).toEqual([{ type: 'timer', timer: { kind: 'certificate' }, ms: 60_000 }]);
    const came = after(call('ben'), { type: 'certificate', certificate: OURS, lastsMs: 1 });
    const failed = after(came.state, { type: 'commit-not-made', code: 'identity_changed' });
    expect(failed.state.handshake.certificate).toBeNull();
    expect(ops(failed.effects)).toEqual([]);
  });
});

describe('the names of others', () => {
  test('a guest under the name of somebody who is certified is named, once', () => {
    const came = after(call('ben*'), { type: 'advanced', joined: false, tree: tree(2, ['me*', 'ben*', 'x:ben']) });
    expect(warnings(came.effects)).toEqual([['BEN']]);
    expect(impostors(came.state, came.state.handshake.tree).map(({ participant }) => participant)).toEqual(['x']);
    const more = after(came.state, { type: 'advanced', joined: false, tree: tree(3, ['me*', 'ben*', 'x:ben', 'carl']) });
    expect(warnings(more.effects)).toEqual([]);
  });

  test('so is one who comes after they left, and whoever takes ours', () => {
    const left = after(call('ben*'), { type: 'advanced', joined: false, tree: tree(2, ['me*']) });
    expect(warnings(left.effects)).toEqual([]);
    const came = after(left.state, { type: 'advanced', joined: false, tree: tree(3, ['me*', 'x:ben', 'y:me']) });
    expect(warnings(came.effects)).toEqual([['BEN', 'ME']]);
  });

  test('so is one whose certificate runs out, until it is good again', () => {
    const out = after(call('ben*'), { type: 'recertified', tree: tree(1, ['me*', 'ben']) });
    expect(warnings(out.effects)).toEqual([['BEN']]);
    const back = after(out.state, { type: 'recertified', tree: tree(1, ['me*', 'ben*']) });
    expect(impostors(back.state, back.state.handshake.tree)).toEqual([]);
    // What was said of another epoch says nothing of this one.
    const late = after(back.state, { type: 'recertified', tree: tree(0, ['me*', 'ben']) });
    expect(late.effects).toEqual([]);
  });

  test('a marking holds while everybody is certified', () => {
    const names = (...people: string[]): string[] => uncertified(tree(1, people, 'VS-NfD')).map(({ name }) => name);
    expect(names('me*', 'ben*')).toEqual([]);
    expect(names('me*', 'ben', 'carl*')).toEqual(['BEN']);
  });
});
