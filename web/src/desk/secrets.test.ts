import { expect, test } from 'vitest';
import { readLink } from '../link';
import { hostLink, Secrets } from './secrets';

const room = 'A'.repeat(21) + 'Q';
const other = 'B'.repeat(21) + 'Q';
const hostKey = 'C'.repeat(42) + 'A';
const name = 'D'.repeat(21) + 'Q';
const origin = 'https://a.example';
const draw = (bytes: Uint8Array): unknown => bytes.fill(7);

test('a room that is made gets links that lead into it', () => {
  const secrets = new Secrets();
  expect(secrets.guestLink(origin, room, name)).toBeNull();
  const link = secrets.drawn({ room, hostKey }, draw);
  const url = new URL(hostLink(origin, link));
  expect(readLink(url.pathname, url.hash)).toEqual({ kind: 'link', link });
  const guest = new URL(secrets.guestLink(origin, room, name) ?? '');
  expect(readLink(guest.pathname, guest.hash)).toEqual({ kind: 'link', link: { ...link, name, hostKey: null } });
  expect(guest.href).not.toContain(hostKey);
});

test('the secret is learned from any link of that room, and of no other', () => {
  const drawn = new Secrets();
  const host = hostLink(origin, drawn.drawn({ room, hostKey }, draw));
  const secrets = new Secrets();
  for (const text of ['', 'x', `${origin}/r/${room}`, host.replace(room, other), host.slice(0, -1)]) {
    expect(secrets.learn(room, text), text).toBe(false);
  }
  expect(secrets.has(room)).toBe(false);
  expect(secrets.learn(room, ` ${host}\n`)).toBe(true);
  expect(secrets.guestLink(origin, room, name)).toBe(drawn.guestLink(origin, room, name));
});

test('a link with a password says so in those made from it', () => {
  const secrets = new Secrets();
  const secret = 'E'.repeat(42) + 'A';
  expect(secrets.learn(room, `${origin}/r/${room}#l.${name}.p.${secret}`)).toBe(true);
  expect(secrets.guestLink(origin, room, name)).toBe(`${origin}/r/${room}#l.${name}.p.${secret}`);
});
