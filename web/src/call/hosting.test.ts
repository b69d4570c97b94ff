import { describe, expect, test } from 'vitest';
import type { Tree } from '../e2ee/calls';
import type { Member, ServerFrame } from '../wire';
import type { Effect, Event } from './messages';
import { reduce } from './reduce';
import { initialState, type State } from './state';

const link = { room: 'room', secret: 'secret', name: null, hostKey: null, password: false, consultation: false };

const member = (participant: string, host: boolean): Member => ({ participant, host, present: true, live: ['microphone'] });

const tree = {
  epoch: 1,
  members: ['me', 'anna'].map((participant) => ({ participant, name: participant.toUpperCase(), trust: 'guest', organisation: null, rawVideo: false })),
} as unknown as Tree;

/** A page in a call with Anna. */
function inCall(host: boolean): State {
  const state = initialState(link, 'Me', 'standard');
  const own = { ...state.own, microphone: { state: 'on', problem: null } } as const;
  return { ...state, phase: 'call', self: 'me', host, online: true, own, handshake: { ...state.handshake, applied: 1, tree } };
}

function all(state: State, ...events: Event[]): { state: State; effects: Effect[] } {
  const effects: Effect[] = [];
  for (const event of events) {
    const next = reduce(state, event);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

const told = (frame: Extract<Event, { type: 'notice' }>['frame'] & ServerFrame): Event => ({ type: 'notice', frame });

const requests = (effects: Effect[]): unknown[] => effects.flatMap((effect) => (effect.type === 'request' ? [effect.request] : []));

const announced = (effects: Effect[]): unknown[] => effects.flatMap((effect) => (effect.type === 'announce' ? [effect.announcement] : []));

describe('what hosts do', () => {
  test('a host locks the room, and shows it as locked when the server says so', () => {
    const asked = all(inCall(true), { type: 'lock', locked: true });
    expect(requests(asked.effects)).toEqual([{ type: 'lock', locked: true }]);
    expect(asked.state.locked).toBe(false);
    const { state, effects } = all(asked.state, told({ type: 'room-locked', locked: true }));
    expect(state.locked).toBe(true);
    expect(announced(effects)).toEqual([{ key: 'roomLocked' }]);
  });

  test('a resume forgets the lock until it is told anew', () => {
    const { state } = all(inCall(true), told({ type: 'room-locked', locked: true }), {
      type: 'entered',
      resumed: true,
      frame: { type: 'entered', re: 1, participant: 'me', token: '', host: true, suite: 1, standing: 'member', mediaLost: false },
    });
    expect(state.locked).toBe(false);
  });

  test('what the server refuses a host is said', () => {
    const request = { type: 'make-host', participant: 'anna' } as const;
    const { effects } = all(inCall(true), { type: 'answered', request, answer: { type: 'error', code: 'forbidden', missed: [] } });
    expect(announced(effects)).toEqual([{ key: 'actionFailed', code: 'forbidden' }]);
  });

  test('a member whom a host has made one is a host, and is told once', () => {
    const roster = told({ type: 'roster', members: [member('me', true), member('anna', true)] });
    const first = all(inCall(false), roster);
    expect(first.state.host).toBe(true);
    expect(announced(first.effects)).toEqual([{ key: 'madeHost' }]);
    expect(announced(all(first.state, roster).effects)).toEqual([]);
    expect(all(inCall(false), told({ type: 'roster', members: [member('me', false), member('anna', true)] })).state.host).toBe(false);
  });

  test('where only presenters share, a member shares nothing until a host has made them one', () => {
    const frame = { type: 'entered', re: 1, participant: 'me', token: '', host: false, suite: 1, standing: 'arrived', mediaLost: false } as const;
    const entering = { ...initialState(link, 'Me', 'standard'), phase: 'entering' } as const;
    const here = all(entering, { type: 'entered', resumed: false, frame: { ...frame, sharing: 'presenters' } }).state;
    const member = { ...inCall(false), sharing: here.sharing };
    const barred = all(member, { type: 'share-screen' });
    expect([barred.state.own.screen.state, barred.effects]).toEqual(['off', []]);
    const roster = told({ type: 'roster', members: [{ participant: 'me', host: false, presenter: true, present: true, live: [] }] });
    const made = all(member, roster);
    expect(announced(made.effects)).toEqual([{ key: 'madePresenter' }]);
    expect(announced(all(made.state, roster).effects)).toEqual([]);
    expect(all(made.state, { type: 'share-screen' }).effects).toContainEqual({ type: 'choose-screen' });
    // Hosts, and everybody where all share.
    expect(all({ ...member, host: true }, { type: 'share-screen' }).effects).toContainEqual({ type: 'choose-screen' });
    expect(all(inCall(false), { type: 'share-screen' }).effects).toContainEqual({ type: 'choose-screen' });
  });

  test('a host asks for a presenter by name of the participant', () => {
    const asked = all(inCall(true), { type: 'make-presenter', participant: 'anna' });
    expect(requests(asked.effects)).toEqual([{ type: 'make-presenter', participant: 'anna' }]);
  });

  test('a page that is muted switches the microphone off, and names only who is in the tree', () => {
    const { state, effects } = all(inCall(false), told({ type: 'muted', by: 'anna' }));
    expect(state.own.microphone.state).toBe('off');
    expect(effects).toContainEqual({ type: 'device', device: 'microphone', on: false });
    expect(requests(effects)).toEqual([{ type: 'live', sources: [] }]);
    expect(announced(effects)).toContainEqual({ key: 'muted', by: 'ANNA' });

    const stranger = all(inCall(false), told({ type: 'muted', by: 'mallory' }));
    expect(stranger.state.own.microphone.state).toBe('on');
    expect(stranger.effects).toEqual([]);
    expect(all(state, told({ type: 'muted', by: 'anna' })).effects, 'is muted already').toEqual([]);
  });
});

describe('letting everyone in', () => {
  const knock = told({ type: 'knocks', knocks: [{ participant: 'ben', keyPackage: 'kp', tag: 'tag', waitingSeconds: 0 }] });
  const checked = (name: string | null): Event => ({ type: 'knock-checked', participant: 'ben', tag: 'tag', name, organisation: null });

  test('who is let in unasked has knocked with the secret of the link', () => {
    const { state } = all(inCall(true), { type: 'let-in', all: true }, knock);
    expect(state.handshake.admit, 'not checked yet').toEqual([]);
    expect(all(state, checked(null)).state.handshake.admit, 'forged').toEqual([]);
    const { state: valid, effects } = all(state, checked('Ben'));
    expect(valid.handshake.admit).toEqual(['ben']);
    expect(announced(effects), 'nothing to do for the host').toEqual([]);
  });

  test('to a consultation nobody is let in unasked', () => {
    const consultation = { ...inCall(true), link: { ...link, consultation: true } };
    const { state } = all(consultation, { type: 'let-in', all: true }, knock, checked('Ben'));
    expect(state.handshake.admit).toEqual([]);
  });

  test('where the organisation wants everybody to be asked for nobody is let in unasked', () => {
    const { state } = all({ ...inCall(true), lobby: true }, { type: 'let-in', all: true }, knock, checked('Ben'));
    expect(state.handshake.admit).toEqual([]);
  });

  test('who waits already is let in when it is switched on, and nobody once it is off', () => {
    const waiting = all(inCall(true), knock, checked('Ben'));
    expect(waiting.state.handshake.admit).toEqual([]);
    expect(all(waiting.state, { type: 'let-in', all: true }).state.handshake.admit).toEqual(['ben']);
    const off = all(inCall(true), { type: 'let-in', all: true }, { type: 'let-in', all: false }, knock, checked('Ben'));
    expect(off.state.handshake.admit).toEqual([]);
  });

  test.each(['me', 'host'])('who was removed by %s does not come back unasked, and whoever leaves changes nothing', (by) => {
    const open = all(inCall(true), { type: 'let-in', all: true }).state;
    const commit = (seq: number): Event =>
      told({ type: 'entry', seq, event: { type: 'commit', by, epoch: 1, message: 'm', adds: [], removes: ['anna'] } });
    const left = told({ type: 'entry', seq: 2, event: { type: 'left', participant: 'anna' } });
    const gone = all(open, left, commit(3));
    expect(gone.state.letsIn).toBe(true);
    expect(announced(gone.effects)).toEqual([]);
    const removed = all(open, commit(2));
    expect(removed.state.letsIn).toBe(false);
    expect(announced(removed.effects)).toEqual([{ key: 'askedAgain' }]);
    expect(all(removed.state, knock, checked('Ben')).state.handshake.admit).toEqual([]);
  });
});
