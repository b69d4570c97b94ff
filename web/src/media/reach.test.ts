import { expect, test } from 'vitest';
import { describe as description, reach } from './reach';
import type { MediaTrial } from '../wire';

const trial: MediaTrial = {
  ufrag: 'Aabc',
  pwd: 'a password',
  udp: [
    { ip: '192.0.2.1', port: 3478 },
    { ip: '2001:db8::1', port: 3478 },
  ],
  tcp: [{ ip: '192.0.2.1', port: 443 }],
};

test('each way has its own addresses, the first preferred', () => {
  const candidates = (way: 'udp' | 'tcp'): string[] => description(trial, way).split('\r\n').filter((line) => line.startsWith('a=candidate'));
  expect(candidates('udp')).toEqual([
    'a=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host',
    'a=candidate:2 1 udp 2130706175 2001:db8::1 3478 typ host',
  ]);
  expect(candidates('tcp')).toEqual(['a=candidate:1 1 tcp 2130706431 192.0.2.1 443 typ host tcptype passive']);
});

test('a server that does not say how is none that cannot be reached', async () => {
  const answer = (ok: boolean) => async () => ({ ok, status: ok ? 200 : 503, json: async () => ({ ...trial, udp: [], tcp: [] }) });
  expect(await reach(answer(false))).toEqual({ way: 'unknown' });
  expect(await reach(async () => Promise.reject(new Error('no network')))).toEqual({ way: 'unknown' });
  expect(await reach(answer(true))).toEqual({ way: 'none' });
});
