import { expect, test } from 'vitest';
import { limit, type Encoding } from './wanted';

test('what nobody receives is not sent, and goes on as it was', () => {
  const encodings: Encoding[] = [{ scalabilityMode: 'L3T3_KEY' }];
  expect(limit(encodings, [{ scalabilityMode: 'L3T3_KEY' }], null)).toBe(true);
  expect(encodings).toEqual([{ active: false, scalabilityMode: 'L3T3_KEY' }]);
  expect(limit(encodings, [{ scalabilityMode: 'L3T3_KEY' }], null)).toBe(false);
  expect(limit(encodings, [{ scalabilityMode: 'L3T3_KEY' }], 7)).toBe(true);
  expect(encodings).toEqual([{ active: true, scalabilityMode: 'L3T3_KEY' }]);
});

test('of a scalable stream only the layers that are received are made, as large as they were', () => {
  const full: Encoding[] = [{ maxBitrate: 1000, scalabilityMode: 'L3T3_KEY' }];
  const encodings: Encoding[] = [{ maxBitrate: 1000, scaleResolutionDownBy: 1, scalabilityMode: 'L3T3_KEY' }];
  limit(encodings, full, 1);
  expect(encodings).toEqual([{ maxBitrate: 350, scaleResolutionDownBy: 2, scalabilityMode: 'L2T3_KEY' }]);
  limit(encodings, full, 0);
  expect(encodings).toEqual([{ maxBitrate: 80, scaleResolutionDownBy: 4, scalabilityMode: 'L1T3' }]);
  limit(encodings, full, 2);
  expect(encodings).toEqual([{ maxBitrate: 1000, scaleResolutionDownBy: 1, scalabilityMode: 'L3T3_KEY' }]);
  const plain: Encoding[] = [{ scalabilityMode: 'L1T1' }];
  expect(limit(plain, [{ scalabilityMode: 'L1T1' }], 0)).toBe(false);
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
