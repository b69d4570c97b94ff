import { expect, test } from 'vitest';
import { LOOK_EVERY_MS, Silence, countsOf } from './silence';

/** The first look, in milliseconds, at which a path is dead that gets so many packets a look. */
function deadAt(sent: number, received: number, looks = 40): number | null {
  const silence = new Silence();
  for (let look = 0; look < looks; look += 1) {
    const now = look * LOOK_EVERY_MS;
    if (silence.look({ sent: look * sent, received: look * received }, now)) return now;
  }
  return null;
}

test('a path that answers nothing is dead within a second', () => {
  expect(deadAt(12, 0)).toBeLessThanOrEqual(1000);
  expect(deadAt(12, 0)).toBeGreaterThanOrEqual(500);
});

test('a path that answers little is alive, and so is one with nothing to answer', () => {
  expect(deadAt(12, 1)).toBe(null);
  expect(deadAt(0, 0)).toBe(null);
  expect(deadAt(1, 0)).toBe(null);
});

test('a single answer begins the wait anew', () => {
  const silence = new Silence();
  const dead = [1, 1, 1, 2, 2, 2].map((received, look) => silence.look({ sent: 12 * look, received }, look * LOOK_EVERY_MS));
  expect(dead).toEqual([false, false, false, false, false, false]);
});

test('media begins the wait anew', () => {
  const silence = new Silence();
  const dead = [0, 1, 2, 3, 4, 5, 6, 7].map((look) => {
    if (look % 3 === 0) silence.alive();
    return silence.look({ sent: 12 * look, received: 0 }, look * LOOK_EVERY_MS);
  });
  expect(dead).not.toContain(true);
});

test('a restart is given time', () => {
  const silence = new Silence();
  const dead: number[] = [];
  for (let look = 0; look < 40; look += 1) {
    if (silence.look({ sent: 12 * look, received: 0 }, look * LOOK_EVERY_MS)) dead.push(look * LOOK_EVERY_MS);
  }
  expect(dead.length).toBeLessThanOrEqual(4);
  for (const [index, at] of dead.entries()) expect(at - (dead[index - 1] ?? -Infinity)).toBeGreaterThanOrEqual(3000);
});

test('the counts are those of the transport', () => {
  expect(countsOf([{ type: 'codec' }, { type: 'transport', packetsSent: 3, packetsReceived: 4 }])).toEqual({ sent: 3, received: 4 });
  expect(countsOf([{ type: 'transport' }])).toBe(null);
});
