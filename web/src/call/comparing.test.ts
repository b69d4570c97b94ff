import { describe, expect, test } from 'vitest';
import type { Comparison, Tree, Trust } from '../e2ee/calls';
import { unproven } from './comparing';
import type { Effect, Event } from './messages';
import { reduce } from './reduce';
import { initialState, type State } from './state';

const WAITING: Comparison = { kind: 'waiting', missing: [1], overdue: false };
const AGREED: Comparison = { kind: 'agreed', code: '0123 4567' };

/** Members by their names, compared where the name ends in `!`; `id:` before it is the participant. */
function tree(epoch: number, ...people: string[]): Tree {
  const members = people.map((text, leaf) => {
    const [participant, name] = text.includes(':') ? text.split(':') : [text.replace('!', ''), text];
    const trust: Trust = name?.endsWith('!') ? 'compared' : 'guest';
    return { leaf, participant: participant ?? '', name: (name ?? '').replace('!', '').toUpperCase(), rawVideo: false, trust, organisation: null };
  });
  return { epoch, members, marking: null };
}

function call(...people: string[]): State {
  const state = initialState({ room: '', secret: '', name: null, hostKey: null, password: false, consultation: false }, 'Me', 'standard');
  return { ...state, phase: 'call', online: true, self: 'me', handshake: { ...state.handshake, tree: tree(1, 'me', ...people) } };
}

/** Where events lead, and what followed from the last. */
function after(state: State, ...events: Event[]): { state: State; effects: readonly Effect[] } {
  let effects: readonly Effect[] = [];
  for (const event of events) ({ state, effects } = reduce(state, event));
  return { state, effects };
}

const compared = (epoch: number, state: Comparison, ...said: string[]): Event => ({ type: 'compared', compared: { epoch, said, state } });
const advanced = (next: Tree): Event => ({ type: 'advanced', tree: next, joined: false });
const ops = (effects: readonly Effect[]): string[] => effects.flatMap((effect) => (effect.type === 'keys' ? [effect.call.op] : []));
const urgent = (effects: readonly Effect[]): Effect[] => effects.filter((effect) => effect.type === 'announce' && effect.urgent);

describe('agreeing on digits', () => {
  test('looking at the code asks the worker, and what it says is posted in its epoch', () => {
    const { state, effects } = after(call('ben'), { type: 'compare', open: true });
    expect(ops(effects)).toEqual(['compare']);
    const said = after(state, compared(1, WAITING, 'commitment'));
    expect(said.effects).toContainEqual({ type: 'request', request: { type: 'post', epoch: 1, message: 'commitment' } });
    expect(said.state.comparison).toEqual(WAITING);
  });

  test('what another device posts is heard, looked at or not', () => {
    const posted: Event = { type: 'notice', frame: { type: 'posted', by: 'ben', epoch: 1, message: 'm' } };
    expect(after(call('ben'), posted).effects).toEqual([{ type: 'keys', call: { op: 'hear', message: 'm' } }]);
    const silent = after(call('ben'), compared(1, WAITING, 'ours'));
    expect(silent.effects.map(({ type }) => type)).toEqual(['request']);
  });

  test('the worker is asked again while digits are missing, and not for ever', () => {
    const asked = (state: Comparison, comparing: boolean): boolean =>
      after({ ...call('ben'), comparing }, compared(1, state)).effects.some(({ type }) => type === 'timer');
    expect(asked(WAITING, true)).toBe(true);
    expect(asked(WAITING, false)).toBe(false);
    expect(asked({ ...WAITING, overdue: true }, true)).toBe(false);
    // Others wait for our part, whether we look or not.
    expect(asked({ kind: 'held' }, false)).toBe(true);
    expect(asked(AGREED, true)).toBe(false);
    const timer: Event = { type: 'timer', timer: { kind: 'comparison' } };
    expect(ops(after(call('ben'), compared(1, WAITING), timer).effects)).toEqual(['compare']);
    expect(ops(after(call('ben'), compared(1, AGREED), timer).effects)).toEqual([]);
  });

  test('with a new epoch the old digits are gone, and new ones are asked for where somebody looks', () => {
    const looking = after(call('ben'), { type: 'compare', open: true }, compared(1, AGREED), advanced(tree(2, 'me', 'ben', 'carl')));
    expect(looking.state.comparison).toEqual({ kind: 'idle' });
    expect(ops(looking.effects)).toContain('compare');
    const not = after(looking.state, { type: 'compare', open: false }, advanced(tree(3, 'me', 'ben')));
    expect(ops(not.effects)).not.toContain('compare');
    // What was on its way from the worker is not shown under another epoch.
    expect(after(not.state, compared(2, AGREED)).state.comparison).toEqual({ kind: 'idle' });
  });

  test('after a lost socket what we said is said again', () => {
    const resumed: Event = {
      type: 'entered',
      resumed: true,
      frame: { type: 'entered', re: 1, participant: 'me', token: '', host: false, suite: 1, standing: 'member', mediaLost: false },
    };
    expect(ops(after(call('ben'), resumed).effects)).toContain('said');
  });
});

describe('who is compared', () => {
  test('only digits that are shown can be confirmed', () => {
    expect(ops(after(call('ben'), { type: 'confirm-comparison' }).effects)).toEqual([]);
    const shown = after(call('ben'), compared(1, AGREED), { type: 'confirm-comparison' });
    expect(shown.effects).toEqual([{ type: 'keys', call: { op: 'confirm', epoch: 1 } }]);
    const done = after(shown.state, { type: 'confirmed', tree: tree(1, 'me', 'ben!') });
    expect(done.state.handshake.tree?.members[1]?.trust).toBe('compared');
    // The confirmation of an epoch that is over says nothing of the one that runs.
    const late = after(shown.state, advanced(tree(2, 'me', 'ben', 'carl')), { type: 'confirmed', tree: tree(1, 'me', 'ben!') });
    expect(late.state.handshake.tree?.epoch).toBe(2);
  });

  test('a newcomer among people who compared is named, urgently and for as long as it lasts', () => {
    const came = after(call('ben!'), advanced(tree(2, 'me', 'ben!', 'carl')));
    expect(urgent(came.effects)).toEqual([{ type: 'announce', announcement: { key: 'notCompared', names: ['CARL'] }, urgent: true }]);
    expect(unproven(came.state, came.state.handshake.tree).map(({ name }) => name)).toEqual(['CARL']);
    const more = after(came.state, advanced(tree(3, 'me', 'ben!', 'carl', 'dora')));
    expect(urgent(more.effects)).toEqual([{ type: 'announce', announcement: { key: 'notCompared', names: ['DORA'] }, urgent: true }]);
  });

  test('one who was compared and comes back under another key is named', () => {
    const gone = after(call('1:ben!'), advanced(tree(2, 'me')));
    const back = after(gone.state, advanced(tree(3, 'me', '2:ben')));
    expect(urgent(back.effects)).toEqual([{ type: 'announce', announcement: { key: 'notCompared', names: ['BEN'] }, urgent: true }]);
    const confirmed = after(back.state, { type: 'confirmed', tree: tree(3, 'me', '2:ben!') });
    expect(confirmed.state.comparedBefore).toEqual([]);
    expect(unproven(confirmed.state, confirmed.state.handshake.tree)).toEqual([]);
    // The same leaf under another key: readmitted after it lost its state.
    const anew = after(call('ben!'), advanced(tree(2, 'me', 'ben')));
    expect(urgent(anew.effects)).toEqual([{ type: 'announce', announcement: { key: 'notCompared', names: ['BEN'] }, urgent: true }]);
  });

  test('where nobody compared nobody is warned of', () => {
    const came = after(call('ben'), advanced(tree(2, 'me', 'ben', 'carl')));
    expect(urgent(came.effects)).toEqual([]);
    expect(unproven(came.state, came.state.handshake.tree)).toEqual([]);
  });
});
