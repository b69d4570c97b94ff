import { expect, test } from 'vitest';
import { telephoneNumber } from './number';

test('a number is taken however people group it', () => {
  for (const typed of ['+4915123456789', '0049 151 23456789', ' +49 151-234 567 89 ', '+49 (0)151 / 23.45.67.89', '+49\u00A0151\u201323456789']) {
    expect(telephoneNumber(typed), typed).toBe('+4915123456789');
  }
});

test('what has no country, or is no number, is none', () => {
  for (const typed of ['', '+', '0151 23456789', '4915123456789', '+0151 23456789', '+49 151', '+1234567890123456', '+49 151 Anna', '+49151234567+8', '＋4915123456789']) {
    expect(telephoneNumber(typed), typed).toBeNull();
  }
});
