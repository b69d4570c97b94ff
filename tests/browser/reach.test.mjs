// Before the call, a visitor tests whether sound and pictures would come through: over UDP, over TCP alone, or not at
// all. Chromium and Firefox, German and English, by the keyboard, at 390 and 320 pixels.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { ben, fatma } from './harness/cast.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { Server, withoutMedia, withoutUdp } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';

const SIZES = [
  { width: 390, height: 844 },
  { width: 320, height: 640 },
];

const NETWORKS = [
  { name: 'that lets everything through', addresses: undefined, way: 'udp', de: 'Ton und Bild kommen durch', en: 'Sound and pictures get through' },
  { name: 'without UDP', addresses: withoutUdp, way: 'tcp', de: 'nur auf dem langsamen Weg', en: 'only the slow way' },
  { name: 'that lets no media through', addresses: withoutMedia, way: 'none', de: 'weder Ton noch Bild', en: 'neither sound nor pictures' },
];

for (const { name, addresses, way, de, en } of NETWORKS) {
  test(`the test of the connection tells of a network ${name}`, async (t) => {
    const stage = new Stage(t);
    const folder = resultFolder(`reach-${way}`);
    const server = await Server.start(stage, addresses);
    const { guest: link } = await server.room();
    const people = await Promise.all([
      inChromium(stage, { ...ben, language: 'de-DE', size: SIZES[0], touch: true }),
      inFirefox(stage, { ...fatma, language: 'en-GB', size: SIZES[0] }),
    ]);
    for (const [{ tab }, text, who] of /** @type {const} */ ([[people[0], de, 'chromium-de'], [people[1], en, 'firefox-en']])) {
      await tab.open(link);
      await tab.untilPhase('pre-join');
      await tab.clickOn('details > summary');
      await tab.reach('test-connection');
      await tab.press('Enter');
      await tab.until(`that the way is ${way}`, (wanted) => document.querySelector('[data-testid="connection-found"]')?.getAttribute('data-way') === wanted, way);
      const said = await tab.run(() => document.querySelector('[data-testid="connection-found"]')?.textContent ?? '');
      assert.ok(said.includes(text), `“${said}” says “${text}”`);
      assert.deepEqual(await barriers(tab), []);
      for (const { width, height } of SIZES) {
        await tab.resize(width, height);
        await tab.until('the layout', (wanted) => innerWidth === wanted, width);
        const needed = await tab.run(() => document.documentElement.scrollWidth);
        await tab.run(() => document.querySelector('[data-testid="connection-found"]')?.scrollIntoView({ block: 'end' }));
        await tab.shot(folder, `${way}-${who}-${width}`);
        assert.ok(needed <= width, `${needed} pixels are needed, the screen has ${width}`);
      }
    }
    stage.say(`pictures: ${folder}`);
  });
}
