import { describe, expect, test } from 'vitest';
import type { Tree } from '../e2ee/calls';
import type { LogEntry, Member, Request } from '../wire';
import type { Effect, Event } from './messages';
import { reduce } from './reduce';
import { initialState, type State } from './state';

function tree(epoch: number, ...participants: string[]): Tree {
  const member = (participant: string, leaf: number) => ({ leaf, participant, name: participant.toUpperCase(), rawVideo: false, trust: 'guest' as const, organisation: null });
  return { epoch, members: participants.map(member), marking: null };
}

/** In a call at epoch 1 as the one called `me`, entry 1 applied; leaves in this order. */
function call(...participants: string[]): State {
  const state = initialState({ room: '', secret: '', name: null, hostKey: null, password: false, consultation: false }, 'Me', 'standard');
  const roster: Member[] = participants.map((participant) => ({ participant, host: false, present: true, live: [] }));
  return { ...state, phase: 'call', online: true, self: 'me', roster, handshake: { ...state.handshake, applied: 1, tree: tree(1, ...participants) } };
}

/** Where events lead, and what followed from the last. */
function after(state: State, ...events: Event[]): { state: State; effects: readonly Effect[] } {
  let effects: readonly Effect[] = [];
  for (const event of events) ({ state, effects } = reduce(state, event));
  return { state, effects };
}

function entry(seq: number, epoch: number, adds: string[] = [], removes: string[] = [], welcome?: string): Event {
  const event: LogEntry['event'] = { type: 'commit', epoch, by: 'a', message: 'm', adds, removes, ...(welcome === undefined ? {} : { welcome }) };
  return { type: 'notice', frame: { type: 'entry', seq, event } };
}

const ops = (effects: readonly Effect[]): string[] => effects.flatMap((effect) => (effect.type === 'keys' ? [effect.call.op] : []));
const requests = (effects: readonly Effect[]): Request[] => effects.flatMap((effect) => (effect.type === 'request' ? [effect.request] : []));
const timers = (effects: readonly Effect[]) => effects.flatMap((effect) => (effect.type === 'timer' ? [effect] : []));
const said = (effects: readonly Effect[]): string[] => effects.flatMap((effect) => (effect.type === 'announce' ? [effect.announcement.key] : []));

const HOLE = entry(3, 2);
const KNOCK: Event = { type: 'knock-made', knock: { keyPackage: 'kp', tag: 'tag' } };
const BACK: Event = { type: 'advanced', joined: true, tree: tree(4, 'a', 'me') };

describe('falling behind', () => {
  test('we knock again, follow nothing else, and are back by the entry that welcomes us', () => {
    const fell = after(call('a', 'me'), HOLE);
    expect(ops(fell.effects)).toEqual(['resync']);
    expect(said(fell.effects)).toEqual(['behind']);
    const knocked = after(fell.state, KNOCK);
    expect(requests(knocked.effects)).toEqual([{ type: 'knock', keyPackage: 'kp', tag: 'tag' }]);
    // What others do meanwhile, and what was under way, is nothing to us.
    const waits = after(knocked.state, entry(4, 3, ['b']), { type: 'not-followed', code: 'not_in_group' }, { type: 'timer', timer: { kind: 'renewal' } });
    expect(ops(waits.effects)).toEqual([]);
    expect(waits.state).toMatchObject({ phase: 'call', handshake: { applied: 4 } });
    const welcomed = after(waits.state, entry(5, 3, ['me'], ['me'], 'welcome'));
    expect(welcomed.effects).toEqual([{ type: 'keys', call: { op: 'join', welcome: 'welcome' } }]);
    const back = after(welcomed.state, BACK);
    expect(ops(back.effects)).toEqual(['activate']);
    expect(requests(back.effects)).toEqual([{ type: 'ready', epoch: 4 }]);
    expect(said(back.effects)).toEqual(['caughtUp']);
    expect(back.state.handshake.resync.behind).toBe(false);
    expect(ops(after(back.state, entry(6, 4)).effects)).toEqual(['process']);
  });

  test('who came and went meanwhile is said', () => {
    const { effects } = after(call('a', 'b', 'me'), HOLE, { type: 'advanced', joined: true, tree: tree(4, 'a', 'c', 'me') });
    expect(said(effects)).toEqual(['joined', 'left', 'caughtUp']);
  });

  test('a commit that does not follow is a hole, one that was taken before is nothing, any other ends the call', () => {
    for (const code of ['future_epoch', 'forgotten_commit']) {
      expect(ops(after(call('a', 'me'), { type: 'not-followed', code }).effects)).toEqual(['resync']);
    }
    const stale = after(call('a', 'me'), { type: 'not-followed', code: 'stale_epoch' });
    expect(stale).toMatchObject({ state: { phase: 'call', handshake: { resync: { behind: false } } }, effects: [] });
    for (const [code, kind] of [
      ['invalid_commit', 'split'],
      ['wrong_group', 'keys-failed'],
    ] as const) {
      expect(after(call('a', 'me'), { type: 'not-followed', code }).state.ending).toEqual({ kind });
    }
  });

  test('nobody brings us back, or it happens too often: the call is over', () => {
    const alone = after(call('a', 'me'), HOLE, KNOCK, { type: 'timer', timer: { kind: 'behind' } });
    expect(alone.state.ending).toEqual({ kind: 'keys-failed' });
    let often = call('a', 'me');
    for (let seq = 3; seq < 9; seq += 2) often = after(often, entry(seq, 2), BACK).state;
    expect(often.phase).toBe('call');
    const later = after(often, { type: 'timer', timer: { kind: 'fell' } }, entry(9, 2));
    expect(later.state.handshake.resync).toMatchObject({ behind: true, fell: 1 });
    expect(after(often, entry(9, 2)).state.ending).toEqual({ kind: 'keys-failed' });
  });

  test('the roster is no alarm meanwhile', () => {
    const roster: Member[] = ['a', 'b', 'me'].map((participant) => ({ participant, host: false, present: true, live: [] }));
    const { effects, state } = after(call('a', 'me'), HOLE, { type: 'notice', frame: { type: 'roster', members: roster } });
    expect(timers(effects)).toEqual([]);
    expect(state.mismatch).toBe('');
  });
});

describe('bringing others back', () => {
  const knocks = (...participants: string[]): Event => ({
    type: 'notice',
    frame: { type: 'resyncs', knocks: participants.map((participant) => ({ participant, keyPackage: 'kp', tag: `tag ${participant}`, waitingSeconds: 0 })) },
  });
  const checked = (participant: string, check: 'open' | 'proven' | 'refused'): Event => ({ type: 'return-checked', participant, tag: `tag ${participant}`, check });
  const due = (participant: string): Event => ({ type: 'timer', timer: { kind: 'return', participant } });

  test('nobody has to click: in our turn the worker is asked for the commit', () => {
    const told = after(call('a', 'b', 'me'), knocks('b'));
    expect(told.effects).toEqual([{ type: 'keys', call: { op: 'verify-return', participant: 'b', keyPackage: 'kp', tag: 'tag b' } }]);
    const proven = after(told.state, checked('b', 'proven'));
    // One before us, for who is behind commits nothing.
    expect(timers(proven.effects)).toEqual([{ type: 'timer', timer: { kind: 'return', participant: 'b' }, ms: 400 }]);
    const turn = after(proven.state, due('b'));
    expect(ops(turn.effects)).toEqual(['readmit']);
    const offered = after(turn.state, { type: 'commit-made', commit: { epoch: 1, message: 'm', welcome: 'w' } });
    expect(requests(offered.effects)).toEqual([{ type: 'commit', epoch: 1, message: 'm', adds: ['b'], removes: ['b'], welcome: 'w' }]);
    const back = after(offered.state, entry(2, 1, ['b'], ['b']), { type: 'advanced', joined: false, tree: tree(2, 'a', 'b', 'me') });
    expect(said(back.effects)).toEqual([]);
    expect(back.state.handshake.resync.others).toEqual([]);
  });

  test('somebody else was quicker: nothing is left to do, and nothing is said', () => {
    const quicker = after(call('a', 'b', 'me'), knocks('b'), checked('b', 'proven'), entry(2, 1, ['b'], ['b']), due('b'));
    expect(ops(quicker.effects)).toEqual([]);
    const late = after(call('a', 'b', 'me'), knocks('b'), checked('b', 'proven'), due('b'), { type: 'commit-not-made', code: 'stale_return' });
    expect(late.effects).toEqual([]);
    expect(late.state.handshake).toMatchObject({ pending: null, resync: { others: [] } });
  });

  test('a knock that does not verify is nobody’s turn; one we cannot judge is looked at again', () => {
    const refused = after(call('a', 'b', 'me'), knocks('b'), checked('b', 'refused'), due('b'));
    expect(refused.effects).toEqual([]);
    const told = after(call('a', 'b', 'me'), knocks('b'), checked('b', 'open'));
    expect(timers(told.effects)).toEqual([]);
    expect(ops(after(told.state, knocks('b')).effects)).toEqual(['verify-return']);
    expect(ops(after(told.state, { type: 'advanced', joined: false, tree: tree(2, 'a', 'b', 'me') }).effects)).toEqual(['verify-return']);
  });

  test('who is no member, and we ourselves, are nobody to bring back', () => {
    expect(after(call('a', 'me'), knocks('me', 'stranger'))).toMatchObject({ effects: [], state: { handshake: { resync: { others: [] } } } });
  });

  test('a wish to remove who is behind outlasts the return', () => {
    const wish: Event = { type: 'remove', participant: 'b' };
    const back = after({ ...call('a', 'b', 'me'), online: false }, wish, entry(2, 1, ['b'], ['b']));
    expect(back.state.handshake.remove).toEqual(['b']);
  });
});
