import { expect, test } from 'vitest';
import { isInApp } from './inapp';

const ios = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const android = 'Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.0.0 Mobile Safari/537.36';

test.each([
  ['Facebook on iOS', `${ios} Mobile/15E148 [FBAN/FBIOS;FBAV/450.0.0.38.108;FBDV/iPhone14,5]`],
  ['Instagram on Android', `${android} Instagram 330.0.0.40.92 Android`],
  ['LinkedIn on iOS', `${ios} Mobile/15E148 [LinkedInApp]/9.30`],
  ['Google’s app on iOS', `${ios} GSA/300.0.598994205 Mobile/15E148 Safari/604.1`],
  ['a web view of Android', android],
  ['a web view of iOS', `${ios} Mobile/15E148`],
])('%s is no browser of its own', (_, userAgent) => {
  expect(isInApp(userAgent)).toBe(true);
});

test.each([
  ['Safari on iOS', `${ios} Version/18.5 Mobile/15E148 Safari/604.1`],
  ['Chrome on iOS', `${ios} CriOS/141.0.7390.0 Mobile/15E148 Safari/604.1`],
  ['Firefox on iOS', `${ios} FxiOS/144.0 Mobile/15E148 Safari/605.1.15`],
  ['Chrome on Android', 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36'],
  ['Firefox on Android', 'Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0'],
  ['Firefox on a desktop', 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'],
  ['Edge', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0'],
])('%s is one', (_, userAgent) => {
  expect(isInApp(userAgent)).toBe(false);
});
