import { expect, test } from 'vitest';
import { limit, type Encoding } from './wanted';

test('what nobody receives is not sent, and goes on as it was', () => {
  const encodings: Encoding[] = [{ maxBitrate: 1000 }];
  expect(limit(encodings, [{ maxBitrate: 1000 }], null)).toBe(true);
  expect(encodings).toEqual([{ active: false, maxBitrate: 1000 }]);
  expect(limit(encodings, [{ maxBitrate: 1000 }], null)).toBe(false);
  expect(limit(encodings, [{ maxBitrate: 1000 }], 0)).toBe(true);
  expect(encodings).toEqual([{ active: true, maxBitrate: 1000 }]);
});

test('of several encodings only those that are received are sent', () => {
  const encodings: Encoding[] = [{}, {}, {}];
  expect(limit(encodings, [{}, {}, {}], 0)).toBe(true);
  expect(encodings).toEqual([{}, { active: false }, { active: false }]);
  limit(encodings, [{}, {}, {}], 2);
  expect(encodings.map(({ active }) => active ?? true)).toEqual([true, true, true]);
});

test('an encoding that is not sent at this quality stays off', () => {
  const encodings: Encoding[] = [{ active: false }, { active: false }, { active: true }];
  const full: Encoding[] = [{ active: false }, { active: false }, { active: true }];
  expect(limit(encodings, full, 2)).toBe(false);
  limit(encodings, full, null);
  expect(encodings).toEqual([{ active: false }, { active: false }, { active: false }]);
  limit(encodings, full, Infinity);
  expect(encodings).toEqual(full);
});
