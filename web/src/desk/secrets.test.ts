import { expect, test } from 'vitest';
import { readLink } from '../link';
import { drawPassword, drawSecret, hostLink, Secrets } from './secrets';

const room = 'A'.repeat(21) + 'Q';
const other = 'B'.repeat(21) + 'Q';
const hostKey = 'C'.repeat(42) + 'A';
const name = 'D'.repeat(21) + 'Q';
const origin = 'https://a.example';
const draw = (bytes: Uint8Array): unknown => bytes.fill(7);

test('a room that is made gets links that lead into it', () => {
  const secrets = new Secrets();
  expect(secrets.guestLink(origin, room, name)).toBeNull();
  const link = secrets.keep({ room, hostKey }, drawSecret({ password: false, consultation: false }, draw));
  const url = new URL(hostLink(origin, link));
  expect(readLink(url.pathname, url.hash)).toEqual({ kind: 'link', link });
  const guest = new URL(secrets.guestLink(origin, room, name) ?? '');
  expect(readLink(guest.pathname, guest.hash)).toEqual({ kind: 'link', link: { ...link, name, hostKey: null } });
  expect(guest.href).not.toContain(hostKey);
});

test('the secret is learned from any link of that room, and of no other', () => {
  const drawn = new Secrets();
  const host = hostLink(origin, drawn.keep({ room, hostKey }, drawSecret({ password: false, consultation: false }, draw)));
  const secrets = new Secrets();
  for (const text of ['', 'x', `${origin}/r/${room}`, host.replace(room, other), host.slice(0, -1)]) {
    expect(secrets.learn(room, text), text).toBe(false);
  }
  expect(secrets.has(room)).toBe(false);
  expect(secrets.learn(room, ` ${host}\n`)).toBe(true);
  expect(secrets.guestLink(origin, room, name)).toBe(drawn.guestLink(origin, room, name));
});

test('from the staff’s link come the same links as from a host’s, none with the host key', () => {
  const host = hostLink(origin, new Secrets().keep({ room, hostKey }, drawSecret({ password: true, consultation: true }, draw)));
  const staff = host.slice(0, -1 - hostKey.length);
  for (const text of [host, staff]) {
    const secrets = new Secrets();
    expect(secrets.learn(room, text)).toBe(true);
    expect(secrets.guestLink(origin, room, name)).toBe(staff.replace('#', `#l.${name}.`));
  }
});

test('a link with a password says so in those made from it', () => {
  const secrets = new Secrets();
  const secret = 'E'.repeat(42) + 'A';
  expect(secrets.learn(room, `${origin}/r/${room}#l.${name}.p.${secret}`)).toBe(true);
  expect(secrets.guestLink(origin, room, name)).toBe(`${origin}/r/${room}#l.${name}.p.${secret}`);
});

test('a link of a room with a password, for consultations, says both', () => {
  const secrets = new Secrets();
  const link = secrets.keep({ room, hostKey }, drawSecret({ password: true, consultation: true }, draw));
  expect(hostLink(origin, link)).toContain('#c.p.');
  expect(secrets.guestLink(origin, room, name)).toContain(`#l.${name}.c.p.`);
});

test('a password is twelve symbols of the protocol, each as likely as the others', () => {
  const counting = (bytes: Uint8Array): unknown => bytes.forEach((_, at) => (bytes[at] = 20 + at));
  expect(drawPassword(counting)).toBe('mnpq-rstv-wxyz');
  const seen = new Map<string, number>();
  for (let byte = 0; byte < 256; byte += 1) {
    const symbol = drawPassword((bytes) => bytes.fill(byte))[0] ?? '';
    seen.set(symbol, (seen.get(symbol) ?? 0) + 1);
  }
  expect([...seen.keys()].sort().join('')).toBe('0123456789abcdefghjkmnpqrstvwxyz');
  expect(new Set(seen.values())).toEqual(new Set([8]));
});
