import { expect, test } from 'vitest';
import { encode } from './bytes';
import { forgetLink, invitation, ownLink, readLink, takeLink, type Keeper } from './link';

const room = encode(new Uint8Array(16).fill(7));
const secret = encode(new Uint8Array(32).fill(9));
const hostKey = encode(new Uint8Array(32).fill(11));
const name = encode(new Uint8Array(16).fill(13));

function keeper(): Keeper & { kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

test('a guest link and a host link are read', () => {
  expect(readLink(`/r/${room}`, `#${secret}`)).toEqual({ kind: 'link', link: { room, secret, name: null, hostKey: null, password: false, consultation: false } });
  expect(readLink(`/r/${room}/`, `#${secret}.${hostKey}`)).toEqual({ kind: 'link', link: { room, secret, name: null, hostKey, password: false, consultation: false } });
});

test.each([
  ['no fragment', `/r/${room}`, ''],
  ['a fragment cut off', `/r/${room}`, `#${secret.slice(0, -1)}`],
  ['a host key cut off', `/r/${room}`, `#${secret}.abc`],
  ['something after the host key', `/r/${room}`, `#${secret}.${hostKey}.x`],
  ['a mark without its dot', `/r/${room}`, `#p${secret}`],
  ['two marks', `/r/${room}`, `#p.p.${secret}`],
  ['marks in another order', `/r/${room}`, `#p.c.${secret}`],
  ['a mark alone', `/r/${room}`, '#p.'],
  ['a name cut off', `/r/${room}`, `#l.${name.slice(0, -1)}.${secret}`],
  ['a name and nothing else', `/r/${room}`, `#l.${name}`],
  ['a name behind the password mark', `/r/${room}`, `#p.l.${name}.${secret}`],
  ['a name and a host key', `/r/${room}`, `#l.${name}.${secret}.${hostKey}`],
  ['letters outside of base64url', `/r/${room}`, `#${secret.slice(0, -1)}!`],
])('a link with %s is incomplete', (_, path, fragment) => {
  expect(readLink(path, fragment)).toEqual({ kind: 'incomplete', room });
});

test('a room that is none names no room', () => {
  expect(readLink('/r/short', `#${secret}`)).toEqual({ kind: 'incomplete', room: null });
  expect(readLink('/', '')).toEqual({ kind: 'none' });
});

test('a reload without the fragment finds the host link again, until it is forgotten', () => {
  const tab = keeper();
  takeLink(`/r/${room}`, `#${secret}.${hostKey}`, tab);
  expect(takeLink(`/r/${room}`, '', tab)).toEqual({ kind: 'link', link: { room, secret, name: null, hostKey, password: false, consultation: false } });
  forgetLink(room, tab);
  expect(tab.kept.size).toBe(0);
  expect(takeLink(`/r/${room}`, '', tab)).toEqual({ kind: 'incomplete', room });
});

test('a host link opened over a kept guest link takes its place', () => {
  const tab = keeper();
  takeLink(`/r/${room}`, `#${secret}`, tab);
  takeLink(`/r/${room}`, `#${secret}.${hostKey}`, tab);
  expect(takeLink(`/r/${room}`, '', tab)).toMatchObject({ link: { hostKey } });
});

test('an invitation never holds the host key', () => {
  const link = { room, secret, name: null, hostKey, password: false, consultation: false };
  expect(invitation('https://host', link)).toBe(`https://host/r/${room}#${secret}`);
  expect(invitation('https://host', { ...link, password: true, consultation: false })).toBe(`https://host/r/${room}#p.${secret}`);
});

test('a link that is taken elsewhere is the one that came', () => {
  for (const fragment of [secret, `${secret}.${hostKey}`, `p.${secret}`, `l.${name}.c.p.${secret}`]) {
    const reading = readLink(`/r/${room}`, `#${fragment}`);
    expect(reading.kind === 'link' && ownLink('https://host', reading.link)).toBe(`https://host/r/${room}#${fragment}`);
  }
});

test('a link says itself whether it has a password, after a reload as well', () => {
  const link = { room, secret, name: null, hostKey, password: true, consultation: false };
  expect(readLink(`/r/${room}`, `#p.${secret}`)).toEqual({ kind: 'link', link: { ...link, hostKey: null } });
  const tab = keeper();
  takeLink(`/r/${room}`, `#p.${secret}.${hostKey}`, tab);
  expect(takeLink(`/r/${room}`, '', tab)).toEqual({ kind: 'link', link });
});

test.each(['', 'p.', 'c.', 'c.p.'])('a guest’s own link says which it is, after a reload as well (marks: “%s”)', (marks) => {
  const link = { room, secret, name, hostKey: null, password: marks.includes('p'), consultation: marks.includes('c') };
  const fragment = `l.${name}.${marks}${secret}`;
  expect(readLink(`/r/${room}`, `#${fragment}`)).toEqual({ kind: 'link', link });
  const tab = keeper();
  takeLink(`/r/${room}`, `#${fragment}`, tab);
  expect(takeLink(`/r/${room}`, '', tab)).toEqual({ kind: 'link', link });
});
