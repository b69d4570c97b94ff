import { expect, test } from 'vitest';
import type { Ask } from './door';
import { FIRST, legalAddress, legalAt, readText, TEXTS, textsOf } from './legal';

const ROOM = 'AAAAAAAAAAAAAAAAAAAAAA';

/** A server that answers by path, and is out of reach for all others. */
function server(answers: Record<string, [number, unknown]>): Ask {
  return (path) => {
    const [status, body] = answers[path] ?? [0, null];
    if (status === 0) return Promise.reject(new Error(path));
    return Promise.resolve({ ok: status < 300, status, json: () => Promise.resolve(body) });
  };
}

test('a text’s address says which it is and whose', () => {
  for (const text of TEXTS) {
    for (const owner of [{ room: ROOM }, { organisation: 'praxis' }, FIRST]) {
      const url = new URL(legalAddress(text, owner), 'https://meet.example');
      expect(legalAt(url.pathname, url.search)).toEqual({ text, owner });
    }
  }
});

test('an address that names no room or organisation is that of the first', () => {
  for (const search of ['', '?organisation=', '?organisation=../evil', '?room=x', `?room=${ROOM}/../x`]) {
    expect(legalAt('/legal/terms', search)).toEqual({ text: 'terms', owner: FIRST });
  }
});

test('an address of no text is none', () => {
  for (const path of ['/legal', '/legal/', '/legal/other', '/legal/terms/', '/login', '/']) expect(legalAt(path, '')).toBeNull();
});

test('which texts there are is asked of the room or of the organisation', async () => {
  const ask = server({
    [`/api/v1/rooms/${ROOM}`]: [200, { suite: 1, password: false, scheduled: false, texts: ['terms'] }],
    '/api/v1/login/praxis': [200, { texts: ['imprint'] }],
    '/api/v1/login/default': [200, {}],
    '/api/v1/login/busy': [503, { code: 'busy' }],
  });
  expect(await textsOf({ room: ROOM }, ask)).toEqual(['terms']);
  expect(await textsOf({ organisation: 'praxis' }, ask)).toEqual(['imprint']);
  for (const organisation of ['default', 'busy', 'unreachable']) expect(await textsOf({ organisation }, ask)).toEqual([]);
});

test('a text that is none is told from one that cannot be had', async () => {
  const text = { de: 'deutsch', en: 'english', since: 1, own: true };
  const ask = server({
    [`/api/v1/rooms/${ROOM}/texts/terms`]: [200, text],
    '/api/v1/texts/terms?tenant=praxis': [404, { code: 'not-found' }],
    '/api/v1/texts/privacy?tenant=praxis': [500, { code: 'internal' }],
  });
  expect(await readText('terms', { room: ROOM }, ask)).toEqual(text);
  expect(await readText('terms', { organisation: 'praxis' }, ask)).toBe('none');
  expect(await readText('privacy', { organisation: 'praxis' }, ask)).toBe('unreachable');
  expect(await readText('imprint', { organisation: 'praxis' }, ask)).toBe('unreachable');
});
