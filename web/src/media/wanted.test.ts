import { expect, test } from 'vitest';
import { limit, type Encoding } from './wanted';

test('what nobody receives is not sent, and goes on as it was', () => {
  const encodings: Encoding[] = [{ scalabilityMode: 'L3T3_KEY' }];
  expect(limit(encodings, ['L3T3_KEY'], null)).toBe(true);
  expect(encodings).toEqual([{ active: false, scalabilityMode: 'L3T3_KEY' }]);
  expect(limit(encodings, ['L3T3_KEY'], null)).toBe(false);
  expect(limit(encodings, ['L3T3_KEY'], 7)).toBe(true);
  expect(encodings).toEqual([{ active: true, scalabilityMode: 'L3T3_KEY' }]);
});

test('of a scalable stream only the layers that are received are made', () => {
  const encodings: Encoding[] = [{ scalabilityMode: 'L3T3_KEY' }];
  limit(encodings, ['L3T3_KEY'], 1);
  expect(encodings).toEqual([{ scalabilityMode: 'L2T3_KEY' }]);
  limit(encodings, ['L3T3_KEY'], 0);
  expect(encodings).toEqual([{ scalabilityMode: 'L1T3' }]);
  const plain: Encoding[] = [{ scalabilityMode: 'L1T1' }];
  expect(limit(plain, ['L1T1'], 0)).toBe(false);
});

test('of several encodings only those that are received are sent', () => {
  const encodings: Encoding[] = [{}, {}, {}];
  expect(limit(encodings, [undefined, undefined, undefined], 0)).toBe(true);
  expect(encodings).toEqual([{}, { active: false }, { active: false }]);
  limit(encodings, [undefined, undefined, undefined], 2);
  expect(encodings.map(({ active }) => active ?? true)).toEqual([true, true, true]);
});
