import { expect, test } from 'vitest';
import { localTime } from './slot';

test('a field shows the minute that it is read back as', () => {
  const at = new Date(2026, 0, 2, 3, 4, 56).getTime();
  expect(localTime(at)).toBe('2026-01-02T03:04');
  expect(new Date(localTime(at)).getTime()).toBe(at - 56_000);
});
