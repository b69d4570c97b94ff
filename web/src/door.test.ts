import { expect, test } from 'vitest';
import { consent, consentTexts, look, withdraw, type Ask } from './door';
import type { RoomLink } from './link';

const guest: RoomLink = { room: 'room', secret: 'secret', name: null, hostKey: null, password: false, consultation: false };
const host: RoomLink = { ...guest, hostKey: 'key' };
const named: RoomLink = { ...guest, name: 'name' };

/** A server that gives one answer, and notes the questions. */
function server(status: number, body: unknown): { ask: Ask; asked: string[] } {
  const asked: string[] = [];
  const ask: Ask = (path) => {
    asked.push(path);
    return Promise.resolve({ ok: status < 300, status, json: () => Promise.resolve(body) });
  };
  return { ask, asked };
}

const found = (link: RoomLink, status: number, body: unknown) => look(link, server(status, body).ask, () => 5_000);

test('a guest’s own link is asked for by its name, others by the room', async () => {
  for (const [link, path] of [
    [named, '/api/v1/rooms/room/links/name'],
    [guest, '/api/v1/rooms/room'],
    [host, '/api/v1/rooms/room'],
  ] as const) {
    const { ask, asked } = server(200, { suite: 1, password: false, scheduled: false });
    await look(link, ask, () => 0);
    expect(asked).toEqual([path]);
  }
});

test('a link that opens later is waited for by the clock of this device', async () => {
  const problem = { code: 'link-early', opens: { at: 1_000_000, in: 300 } };
  expect(await found(named, 403, problem)).toEqual({ kind: 'early', opens: { at: 1_000_000, here: 5_300 }, consent: null });
});

test.each(['link-expired', 'link-used', 'link-revoked', 'no-such-link', 'consent-withdrawn'])('%s is over', async (code) => {
  expect(await found(named, 410, { code })).toEqual({ kind: code, consent: null });
});

test('a room of guests’ own links opens to none but hosts and such links', async () => {
  const info = { suite: 1, password: false, scheduled: true };
  expect(await found(host, 200, info)).toEqual({ kind: 'open', scheduled: true, consent: null });
  expect(await found(named, 200, {})).toEqual({ kind: 'open', scheduled: true, consent: null });
  expect(await found(guest, 200, info)).toEqual({ kind: 'link-needed' });
});

test('a link that lost the mark of its password is incomplete', async () => {
  const info = { suite: 1, password: true, scheduled: false };
  expect(await found(guest, 200, info)).toEqual({ kind: 'incomplete' });
  expect(await found({ ...guest, password: true, consultation: false }, 200, info)).toEqual({ kind: 'open', scheduled: false, consent: null });
});

test('a room that is gone and a server that is are told apart', async () => {
  expect(await found(guest, 404, { code: 'no-such-room' })).toEqual({ kind: 'no-room' });
  expect(await found(guest, 500, { code: 'internal' })).toEqual({ kind: 'unreachable' });
  expect(await look(guest, () => Promise.reject(new Error('no network')), () => 0)).toEqual({ kind: 'unreachable' });
});

test('a link that needs consent says so, and one to which it was given says that', async () => {
  const given = { version: 2, language: 'de', at: 1_000, way: 'page' };
  expect(await found(named, 409, { code: 'consent-needed' })).toEqual({ kind: 'consent' });
  expect(await found(named, 409, { code: 'link-draft' })).toEqual({ kind: 'link-draft' });
  expect(await found(named, 200, { consent: given })).toEqual({ kind: 'open', scheduled: true, consent: given });
  expect(await found(named, 410, { code: 'link-used', consent: given })).toEqual({ kind: 'link-used', consent: given });
});

test('consenting says version and language and nothing else; withdrawing says nothing', async () => {
  const asked: unknown[] = [];
  const ask: Ask = (path, init) => {
    asked.push([path, init?.method, init?.body]);
    return Promise.resolve({ ok: true, status: 204, json: () => Promise.reject(new Error('no body')) });
  };
  expect(await consent(named, 3, 'en', ask)).toBeNull();
  expect(await withdraw(named, ask)).toBeNull();
  const path = '/api/v1/rooms/room/links/name/consent';
  expect(asked).toEqual([
    [path, 'POST', '{"version":3,"language":"en"}'],
    [path, 'DELETE', undefined],
  ]);
  expect(await consent(named, 3, 'en', server(409, { code: 'consent-outdated' }).ask)).toBe('consent-outdated');
  expect(await withdraw(named, () => Promise.reject(new Error('no network')))).toBe('internal');
  expect(await consentTexts(named, server(404, { code: 'not-found' }).ask)).toBeNull();
});

test('the texts that are asked for are those of the room', async () => {
  const asked: string[] = [];
  const texts = { version: 4, de: { notice: 'N', consent: 'E' }, en: { notice: 'N', consent: 'C' } };
  const ask: Ask = (path) => {
    asked.push(path);
    return Promise.resolve({ ok: true, status: 200, json: () => Promise.resolve(texts) });
  };
  expect(await consentTexts(named, ask)).toEqual(texts);
  expect(asked).toEqual(['/api/v1/rooms/room/consent-texts/current']);
});
