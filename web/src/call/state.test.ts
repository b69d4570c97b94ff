import { expect, test } from 'vitest';
import { initialState, sendsRaw, type State } from './state';

test('pictures go out raw only while every leaf says that its member takes them', () => {
  const call = (...takes: boolean[]): State => {
    const state = initialState({ room: '', secret: '', name: null, hostKey: null, password: false, consultation: false }, 'Anna', 'standard');
    const members = takes.map((rawVideo, leaf) => ({ leaf, participant: `${leaf}`, name: '', rawVideo, trust: 'guest' as const, organisation: null }));
    return { ...state, handshake: { ...state.handshake, tree: { epoch: 1, members, marking: null } } };
  };
  expect(sendsRaw(call(true, true))).toBe(true);
  expect(sendsRaw(call(true, false, true))).toBe(false);
  expect(sendsRaw(initialState({ room: '', secret: '', name: null, hostKey: null, password: false, consultation: false }, 'Anna', 'standard'))).toBe(false);
});
