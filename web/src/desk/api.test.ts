import { expect, test } from 'vitest';
import { Api, type Ask } from './api';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Awaited<ReturnType<Ask>> => ({
  ok: status < 300,
  status,
  json: () => Promise.resolve(body),
  text: () => Promise.resolve(String(body)),
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

test('a table goes as it is, and of a wrong one the cell is told', async () => {
  const sent: unknown[] = [];
  const cell = { line: 3, column: 2 };
  const api = new Api((path, { method, body }) => {
    sent.push([path, method, body]);
    return Promise.resolve(method === 'GET' ? answer(200, 'account,policy,value\r\n') : answer(400, { code: 'policy-value', cell }));
  });
  expect(await api.policyTable()).toEqual({ ok: true, value: 'account,policy,value\r\n' });
  expect(await api.setPolicyTable('a,b\n')).toEqual({ ok: false, code: 'policy-value', wait: 0, cell });
  expect(sent).toEqual([
    ['/api/v1/policies.csv', 'GET', null],
    ['/api/v1/policies.csv', 'PUT', 'a,b\n'],
  ]);
});

test('accounts are read to the last page', async () => {
  const pages: Record<string, unknown> = {
    '/api/v1/accounts?limit=100': { accounts: [{ account: 'a' }, { account: 'b' }], more: true },
    '/api/v1/accounts?limit=100&after=b': { accounts: [{ account: 'c' }], more: false },
  };
  const api = new Api((path) => Promise.resolve(answer(200, pages[path])));
  const accounts = await api.allAccounts();
  expect(accounts.ok && accounts.value.map(({ account }) => account)).toEqual(['a', 'b', 'c']);
});

test('a consent is noted to the version and the language that are said, and no others', async () => {
  const sent: unknown[] = [];
  const api = new Api((path, { method, body }) => {
    sent.push([path, method, body === null ? null : JSON.parse(String(body))]);
    return Promise.resolve(answer(204, null));
  });
  await api.consentTextsOfRoom('r', null);
  await api.consentTextsOfRoom('r', 2);
  await api.noteConsent('r', 'l', 2, 'en');
  await api.withdrawConsent('r', 'l');
  expect(sent).toEqual([
    ['/api/v1/rooms/r/consent-texts/current', 'GET', null],
    ['/api/v1/rooms/r/consent-texts/2', 'GET', null],
    ['/api/v1/rooms/r/links/l/consent', 'POST', { version: 2, language: 'en', way: 'mail' }],
    ['/api/v1/rooms/r/links/l/consent', 'DELETE', null],
  ]);
});
