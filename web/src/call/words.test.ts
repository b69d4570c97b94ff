import { expect, test } from 'vitest';
import type { Word } from '../e2ee/calls';
import type { Event, Effect } from './messages';
import { reduce } from './reduce';
import { initialState, type State } from './state';
import { asText } from './words';

const link = { room: 'room', secret: 'secret', name: null, hostKey: null, password: false, consultation: false };
const waits = { participant: 'ben', keyPackage: 'kp', tag: 'tag', waitingSeconds: 0 };
const knock = { participant: 'ben', keyPackage: 'kp', tag: 'tag' };

function after(state: State, ...events: Event[]): { state: State; effects: readonly Effect[] } {
  let effects: readonly Effect[] = [];
  for (const event of events) ({ state, effects } = reduce(state, event));
  return { state, effects };
}

const host = (): State => ({ ...initialState(link, 'Anna', 'standard'), phase: 'call', host: true, self: 'anna', online: true });
const guest = (): State => ({ ...initialState(link, 'Ben', 'standard'), phase: 'waiting', self: 'ben', online: true });

const knocks = (devices?: string): Event => ({ type: 'notice', frame: { type: 'knocks', knocks: [devices === undefined ? waits : { ...waits, devices }] } });
const verified: Event = { type: 'knock-checked', participant: 'ben', tag: 'tag', name: 'Ben', organisation: null };
const calls = (effects: readonly Effect[]) => effects.flatMap((effect) => (effect.type === 'keys' ? [effect.call] : []));

test('who waits is told once that they were seen, and not before the knock is verified', () => {
  const seen: Event = { type: 'saw', participant: 'ben' };
  expect(after(host(), knocks(), seen).effects).toEqual([]);
  const first = after(host(), knocks(), verified, seen);
  expect(calls(first.effects)).toEqual([{ op: 'answer', ...knock, word: { said: 'seen', text: null } }]);
  expect(after(first.state, seen).effects).toEqual([]);
  const sealed = after(first.state, { type: 'word-sealed', participant: 'ben', word: 'sealed' });
  expect(sealed.effects).toEqual([{ type: 'request', request: { type: 'tell', participant: 'ben', word: 'sealed' } }]);
});

test('an answer is shown as said until the server refuses to pass it on', () => {
  const word: Word = { said: 'ten-minutes', text: null };
  const said = after(host(), knocks(), verified, { type: 'answer', participant: 'ben', word });
  expect(said.state.visitors[0]?.answered).toEqual(word);
  const request = { type: 'tell', participant: 'ben', word: 'sealed' } as const;
  expect(after(said.state, { type: 'answered', request, answer: { type: 'ack' } }).state.visitors[0]?.answered).toEqual(word);
  const refused = after(said.state, { type: 'answered', request, answer: { type: 'error', code: 'too-many', missed: [] } });
  expect(refused.state.visitors[0]?.answered).toBeNull();
  expect(refused.effects).toEqual([{ type: 'announce', announcement: { key: 'actionFailed', code: 'too-many' }, urgent: true }]);
});

test('what is said to one who waits is opened by the keys and shown; being seen does not hide it', () => {
  const heard = after(guest(), { type: 'notice', frame: { type: 'told', word: 'sealed' } });
  expect(calls(heard.effects)).toEqual([{ op: 'told', word: 'sealed' }]);
  const word: Word = { said: 'text', text: 'Ten minutes, please' };
  const { state } = after(guest(), { type: 'told', word }, { type: 'told', word: { said: 'seen', text: null } });
  expect(state).toMatchObject({ seen: true, told: word });
});

test('one who waits shows how their devices are: after the knock, at each change and after a resume', () => {
  const shows = (microphone: boolean, camera: boolean) => [{ op: 'show-devices', devices: { microphone, camera } }];
  const request = { type: 'knock', keyPackage: 'kp', tag: 'tag' } as const;
  const knocked = after(guest(), { type: 'answered', request, answer: { type: 'ack' } });
  expect(calls(knocked.effects)).toEqual(shows(false, false));
  const on = after(knocked.state, { type: 'device', device: 'camera', state: 'on', problem: null });
  expect(calls(on.effects)).toEqual(shows(false, true));
  const frame = { type: 'entered', re: 2, participant: 'ben', token: 't', host: false, suite: 1, standing: 'waiting', mediaLost: false } as const;
  expect(calls(after(on.state, { type: 'entered', resumed: true, frame }).effects)).toEqual(shows(false, true));
  const sealed = { type: 'show-devices', devices: 'sealed' } as const;
  const often = after(on.state, { type: 'answered', request: sealed, answer: { type: 'error', code: 'too-many', missed: [] } });
  expect(often.effects).toMatchObject([{ type: 'timer', timer: { kind: 'devices' } }]);
  expect(calls(after(often.state, { type: 'timer', timer: { kind: 'devices' } }).effects)).toEqual(shows(false, true));
  // Nobody else shows theirs.
  expect(calls(after(host(), { type: 'device', device: 'camera', state: 'on', problem: null }).effects)).toEqual([]);
});

test('the devices of one who waits are opened once the knock is verified, and only the latest are shown', () => {
  const early = after(host(), knocks('first'));
  expect(calls(early.effects).map(({ op }) => op)).toEqual(['verify']);
  const opens = after(early.state, verified);
  expect(calls(opens.effects)).toEqual([{ op: 'devices', ...knock, devices: 'first' }]);
  const next = after(opens.state, { type: 'notice', frame: { type: 'devices', participant: 'ben', devices: 'second' } });
  expect(calls(next.effects)).toEqual([{ op: 'devices', ...knock, devices: 'second' }]);
  const both = { microphone: true, camera: true };
  const stale = after(next.state, { type: 'devices-opened', participant: 'ben', sealed: 'first', devices: both });
  expect(stale.state.visitors[0]?.devices).toBeNull();
  const shown = after(stale.state, { type: 'devices-opened', participant: 'ben', sealed: 'second', devices: both });
  expect(shown.state.visitors[0]?.devices).toEqual(both);
  // Told again with all the knocks: nothing new.
  expect(calls(after(shown.state, knocks('second')).effects)).toEqual([]);
});

test('a text to one who waits is one line of at most 200 characters', () => {
  expect(asText('  ten\n minutes,\tplease ')).toBe('ten minutes, please');
  expect([...asText('😀'.repeat(300))]).toHaveLength(200);
  expect(asText(' \n ')).toBe('');
});
