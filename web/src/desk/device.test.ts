import { expect, test, vi } from 'vitest';
import { Api, type Ask } from './api';
import { certificate, deviceName, knownDevices, noteDevice } from './device';

/** A browser's storage, and a service that answers by method and path; what it was asked. */
function browser(answers: Record<string, unknown> = {}) {
  const kept = new Map<string, string>();
  const asked: { what: string; body: unknown }[] = [];
  const ask: Ask = (path, { method, body }) => {
    const what = `${method} ${path.replace('/api/v1/', '')}`;
    asked.push({ what, body: typeof body === 'string' ? JSON.parse(body) : null });
    const found = answers[what];
    const known = { ok: found !== undefined, status: found === undefined ? 404 : 200, headers: new Headers(), json: () => Promise.resolve(found ?? { code: 'no-such-room' }) };
    return Promise.resolve(known as never);
  };
  const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
  return { api: new Api(ask), storage, kept, asked };
}

vi.stubGlobal('navigator', { userAgent: 'curl/8' });

const SESSION = { account: 'anna' };
const STAY = { room: 'room', participant: 'me', token: 'token' };
const ISSUED = { certificate: 'c', root: 'r', until: 9 };
const prove = (account: string, device: string) => Promise.resolve({ key: `${account} ${device}`, proof: 'p' });

test('a browser says which device it is for each account, and a new account is on a new device', async () => {
  const { api, storage, asked } = browser({ 'PUT session/device': { device: 'd1' } });
  await noteDevice(api, storage, 'anna');
  await noteDevice(api, storage, 'ben');
  await noteDevice(api, storage, 'anna');
  expect(asked.map(({ body }) => (body as { device?: string }).device)).toEqual([undefined, undefined, 'd1']);
  expect(knownDevices(storage).map(([account]) => account)).toEqual(['anna', 'ben']);
});

test('what is remembered is bounded, and nonsense is nothing', async () => {
  const { api, storage, kept } = browser({ 'PUT session/device': { device: 'd' } });
  for (let at = 0; at < 20; at++) await noteDevice(api, storage, `account ${at}`);
  expect(knownDevices(storage)).toHaveLength(8);
  for (const nonsense of ['{', '7', '[[1,2],["a"]]', '[null]']) {
    kept.set('conclave.devices', nonsense);
    expect(knownDevices(storage)).toEqual([]);
  }
});

test('where nobody has logged in, the service is asked nothing', async () => {
  const { api, storage, asked } = browser({ 'GET session': SESSION });
  expect(await certificate({ api, storage, prove }, STAY)).toBeNull();
  expect(asked).toEqual([]);
});

test('who is logged in gets a certificate for the stay', async () => {
  const answers = { 'GET session': SESSION, 'PUT session/device': { device: 'd' }, 'POST session/certificate': ISSUED };
  const { api, storage, asked } = browser(answers);
  await noteDevice(api, storage, 'anna');
  expect(await certificate({ api, storage, prove }, STAY)).toEqual(ISSUED);
  expect(asked.at(-1)).toEqual({ what: 'POST session/certificate', body: { key: 'anna d', proof: 'p', ...STAY } });
});

test.each(['GET session', 'PUT session/device', 'POST session/certificate'])('without %s nobody vouches', async (missing) => {
  const answers: Record<string, unknown> = { 'GET session': SESSION, 'PUT session/device': { device: 'd' }, 'POST session/certificate': ISSUED };
  const { api, storage } = browser(answers);
  await noteDevice(api, storage, 'anna');
  delete answers[missing];
  expect(await certificate({ api, storage, prove }, STAY)).toBeNull();
});

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox, Linux'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0', 'Edge, Windows'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1', 'Safari, iPhone'],
  ['curl/8', 'Browser'],
])('%s is called %s', (userAgent, name) => expect(deviceName(userAgent)).toBe(name));
