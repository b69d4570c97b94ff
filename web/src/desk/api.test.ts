import { expect, test } from 'vitest';
import { Api, type Ask } from './api';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Awaited<ReturnType<Ask>> => ({
  ok: status < 300,
  status,
  json: () => Promise.resolve(body),
  headers: new Headers(headers),
});

test('a refusal is its code and how long to wait', async () => {
  const api = new Api(() => Promise.resolve(answer(429, { code: 'too-many' }, { 'retry-after': '7' })));
  expect(await api.session()).toEqual({ ok: false, code: 'too-many', wait: 7 });
  const silent = new Api(() => Promise.reject(new TypeError('offline')));
  expect(await silent.logOut()).toEqual({ ok: false, code: 'unreachable', wait: 0 });
});

test('what is not typed is not sent', async () => {
  const sent: unknown[] = [];
  const api = new Api((path, { method, body }) => {
    sent.push([path, method, JSON.parse(String(body))]);
    return Promise.resolve(answer(201, {}));
  });
  await api.logIn({ tenant: '', login: 'anna', password: 'x', code: '' });
  await api.logIn({ tenant: 'praxis', login: 'anna', password: 'x', code: '123456' });
  expect(sent).toEqual([
    ['/api/v1/session', 'POST', { login: 'anna', password: 'x' }],
    ['/api/v1/session', 'POST', { login: 'anna', password: 'x', tenant: 'praxis', code: '123456' }],
  ]);
});

test('rooms are read to the last page, and the newest comes first', async () => {
  const pages: Record<string, unknown> = {
    '/api/v1/rooms': { rooms: [{ room: 'a' }, { room: 'b' }], more: true },
    '/api/v1/rooms?after=b': { rooms: [{ room: 'c' }], more: false },
  };
  const api = new Api((path) => Promise.resolve(answer(200, pages[path])));
  const rooms = await api.rooms();
  expect(rooms.ok && rooms.value.map(({ room }) => room)).toEqual(['c', 'b', 'a']);
});
