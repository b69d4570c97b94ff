// A link that was tapped in a messenger and opened in its own browser: the page says so before it asks for anything,
// and gives the link to take elsewhere. By the keyboard, in both languages, at 390 and 320 pixels.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { ben } from './harness/cast.mjs';
import { inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';

const SIZES = [
  { width: 390, height: 844 },
  { width: 320, height: 640 },
];
const MESSENGER =
  'Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.0.0 Mobile Safari/537.36 Instagram 330.0.0.40.92 Android';

test('a link that opens inside another app is copied to a browser, or tried there', async (t) => {
  const stage = new Stage(t);
  const folder = resultFolder('in-app');
  const server = await Server.start(stage);
  const { guest: link } = await server.room();
  const { tab } = await inChromium(stage, { ...ben, language: 'de-DE', size: SIZES[0], touch: true, userAgent: MESSENGER });

  await tab.open(link);
  await tab.untilPhase('in-app');
  assert.deepEqual(await tab.devices(), { asked: [], open: 0 }, 'no device is asked for');
  assert.equal(await tab.run(() => document.activeElement?.tagName), 'H1', 'the heading is read out');
  for (const [language, title] of [['de', 'Besser in Ihrem Browser'], ['en', 'Better in your browser']]) {
    if (language === 'en') await tab.click('switch-language');
    await tab.until(`“${title}”`, (wanted) => document.querySelector('h1')?.textContent === wanted, title);
    assert.deepEqual(await barriers(tab), []);
    for (const { width, height } of SIZES) {
      await tab.resize(width, height);
      await tab.until('the layout', (wanted) => innerWidth === wanted, width);
      const needed = await tab.run(() => document.documentElement.scrollWidth);
      await tab.shot(folder, `${language}-${width}`);
      assert.ok(needed <= width, `${needed} pixels are needed, the screen has ${width}`);
    }
  }

  await tab.reach('copy-link');
  await tab.press('Enter');
  await tab.until('that it is copied', () => document.querySelector('[data-testid="polite"]')?.textContent?.startsWith('Link copied') ?? false);
  await tab.run(() => {
    const field = document.createElement('textarea');
    field.id = 'elsewhere';
    document.body.append(field);
    field.focus();
  });
  await tab.press('Control+V');
  const pasted = () => tab.run(() => /** @type {HTMLTextAreaElement} */ (document.querySelector('#elsewhere')).value);
  assert.equal(await pasted(), link);
  await tab.run(() => document.querySelector('#elsewhere')?.remove());

  await tab.reach('try-here');
  await tab.press('Enter');
  await tab.untilPhase('pre-join');
  stage.say(`pictures of every step: ${folder}`);
});
