import { expect, test } from 'vitest';
import { browserLanguage, readPreferences } from '../preferences';
import { announcementText, languages } from './text';

function leaves(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, child]) => leaves(child, `${path}/${key}`));
}

test('every language has every text and none is empty', () => {
  const expected = leaves(languages.en).sort();
  for (const text of Object.values(languages)) {
    expect(leaves(text).sort()).toEqual(expected);
    expect(JSON.stringify(text)).not.toContain('""');
  }
});

test('German and English differ wherever they are sentences', () => {
  const same = leaves(languages.en).filter((path) => {
    const at = (text: unknown): unknown =>
      path.split('/').slice(1).reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], text);
    const english = at(languages.en);
    return typeof english === 'string' && english.includes(' ') && english === at(languages.de);
  });
  // "Standard (720p)" is both.
  expect(same).toEqual(['/qualityStandard']);
});

test('German addresses people formally', () => {
  expect(JSON.stringify(languages.de)).not.toMatch(/\b(du|dich|dir|dein\w*|euch|euer|eure\w*)\b/i);
});

test('several names are listed as people say it', () => {
  const joined = { key: 'joined', names: ['Ann', 'Ben', 'Cem'] } as const;
  expect(announcementText(languages.en, joined)).toBe('Ann, Ben and Cem joined');
  expect(announcementText(languages.de, joined)).toBe('Ann, Ben und Cem sind beigetreten');
});

test('the first language of the browser that is spoken here is taken', () => {
  expect(browserLanguage(['fr-FR', 'de-AT', 'en'])).toBe('de');
  expect(browserLanguage(['fr'])).toBe('en');
});

test('remembered nonsense falls back to the defaults', () => {
  const read = (stored: string) => readPreferences({ getItem: () => stored }, ['de']);
  expect(read('{"language":"xx","quality":7,"name":["a"]}')).toMatchObject({ language: 'de', quality: 'standard', name: '' });
  expect(read('not json')).toMatchObject({ name: '', shortcuts: true });
});
