import { expect, test } from 'vitest';
import { consentMail, versionsUpTo } from './consent';

const texts = { version: 3, de: { notice: 'Hinweis\n\nzwei\n', consent: 'Ich willige ein.\n' }, en: { notice: 'Notice', consent: 'I consent.' } };

test('what is mailed is the notice and the consent of one language, and says its version', () => {
  expect(consentMail(texts, 'de')).toBe('Hinweise zum Datenschutz\n\nHinweis\n\nzwei\n\nEinwilligung (Fassung 3)\n\nIch willige ein.\n');
  const english = consentMail(texts, 'en');
  expect(english).toContain('Notice');
  expect(english).toContain('(version 3)');
  expect(english).not.toContain('willige');
});

test('every version can be chosen, the one that holds first', () => {
  expect(versionsUpTo(3)).toEqual([3, 2, 1]);
  expect(versionsUpTo(1)).toEqual([1]);
});
