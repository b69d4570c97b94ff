import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Passing } from './passing.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const texts = (passing: Passing): string[] => passing.list.map(({ text }) => text);

it('keeps the same message twice as two', () => {
  const passing = new Passing(8, 1000);
  passing.say('Ben joined');
  passing.say('Ben joined');
  expect(texts(passing)).toEqual(['Ben joined', 'Ben joined']);
  expect(new Set(passing.list.map(({ id }) => id)).size).toBe(2);
});

it('keeps what was said at the same moment, in its order', () => {
  const passing = new Passing(8, 1000);
  passing.say('Ben joined');
  passing.say('Chris left');
  expect(texts(passing)).toEqual(['Ben joined', 'Chris left']);
});

it('lets each message go after its own time', () => {
  const passing = new Passing(8, 1000);
  passing.say('first');
  vi.advanceTimersByTime(600);
  passing.say('second');
  vi.advanceTimersByTime(400);
  expect(texts(passing)).toEqual(['second']);
  vi.advanceTimersByTime(600);
  expect(texts(passing)).toEqual([]);
});

it('holds no more than it has room for: the newest', () => {
  const passing = new Passing(3, 1000);
  for (let at = 0; at < 1000; at += 1) passing.say(String(at));
  expect(texts(passing)).toEqual(['997', '998', '999']);
});
