// Two people, one with a German page and one with an English one, read digits to each other; a third comes, on a
// native participant, and the digits are other ones. Photographed in two widths.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben, nadia } from './harness/cast.mjs';
import { gather, inChromium } from './harness/gather.mjs';
import { Native } from './harness/native.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

const SIZES = [{ width: 390, height: 844 }, { width: 1280, height: 800 }];

test('two people compare digits and are warned of a third', async (t) => {
  const stage = new Stage(t);
  const folder = resultFolder('compare');
  const server = await Server.start(stage);
  const links = await server.room();
  const size = { width: 640, height: 480 };
  const people = await Promise.all([
    inChromium(stage, { ...anna, language: 'de-DE', size }),
    inChromium(stage, { ...ben, language: 'en-GB', size }),
  ]);
  const [host, guest] = people;
  await gather(links, people);

  /** @type {string[]} */
  const found = [];
  const look = async (/** @type {string} */ what) => {
    for (const { name, tab } of people) {
      for (const { width, height } of SIZES) {
        await tab.resize(width, height);
        await tab.until('the layout', (wanted) => innerWidth === wanted, width);
        const needed = await tab.run(() => document.documentElement.scrollWidth);
        await tab.shot(folder, `${what}-${name}-${width}`);
        assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
      }
      found.push(...(await barriers(tab)).map((barrier) => `${what}, ${name}: ${barrier}`));
      await tab.resize(size.width, size.height);
    }
  };
  /** What the tile of somebody says of them. */
  const trust = (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ name) =>
    tab.run((wanted) => document.querySelector(`[data-testid="tile"][data-name="${wanted}"] [data-testid="trust"]`)?.textContent?.trim() ?? '', name);

  assert.equal(await trust(host, guest.name), 'nicht verglichen');
  assert.equal(await trust(guest, host.name), 'not compared');
  const code = await host.callCode();
  assert.match(code, /^[0-9]{8}$/);
  assert.equal(await guest.callCode(), code);

  // With the keyboard alone.
  for (const { tab } of people) {
    await tab.reach('call-code');
    await tab.press('Enter');
    await tab.untilShown('code');
  }
  await look('digits');
  for (const { tab } of people) {
    await tab.reach('code-same');
    await tab.press('Enter');
    await tab.untilShown('code-done');
  }
  await look('compared');
  for (const { tab } of people) {
    await tab.press('Escape');
    await tab.untilHidden('code-done');
  }
  assert.equal(await trust(host, guest.name), 'verglichen');
  assert.equal(await trust(guest, host.name), 'compared');

  // A third comes while one of them looks at the digits: these are gone, and all three agree on others.
  await host.tab.click('call-code');
  await host.tab.untilShown('code');
  const third = new Native(stage, server, links.guest, nadia);
  await third.until('waiting');
  await host.tab.press('Escape');
  await host.tab.untilHidden('code');
  await host.admit(nadia.name);
  for (const { tab } of people) await tab.untilShown('not-compared');
  const banner = (/** @type {import('./harness/person.mjs').Person} */ { tab }) =>
    tab.run(() => document.querySelector('[data-testid="not-compared"] p')?.textContent);
  assert.equal(await banner(host), `Nicht verglichen: ${nadia.name}`);
  assert.equal(await banner(guest), `Not compared: ${nadia.name}`);
  const spoken = (/** @type {import('./harness/person.mjs').Person} */ { tab }) => tab.run(() => document.querySelector('[data-testid="assertive"]')?.textContent ?? '');
  await until('a warning for ears', async () => (await spoken(guest)).includes(`Not compared: ${nadia.name}. Whoever comes`));
  assert.equal(await trust(guest, nadia.name), 'not compared');
  assert.equal(await trust(guest, host.name), 'compared');
  await guest.tab.click('people');
  await look('a-third');
  await guest.tab.click('people');

  const next = await guest.callCode();
  assert.notEqual(next, code);
  assert.equal(await host.callCode(), next);
  const told = await third.until('spoken-code');
  assert.equal(told.code.replace(' ', ''), next);

  await third.leave();
  await Promise.all(people.map((one) => one.untilGone(nadia.name)));
  await until('other digits', async () => (await host.callCode()) !== next);
  assert.deepEqual(found, []);
  stage.say(`pictures: ${folder}`);
});
