// What the page's content security policy and the hashes in it forbid, and that a call needs none of it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, fatma } from './harness/cast.mjs';
import { gather, inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';

test('a call of Chromium and Firefox breaks no rule, and strings become neither markup nor scripts', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const people = await Promise.all([inChromium(stage, anna), inFirefox(stage, fatma)]);
  await gather(await server.room(), people);
  for (const { tab, name } of people) {
    assert.deepEqual(await tab.run(() => /** @type {any} */ (window).probe.violations), [], `${name}: content security policy`);
  }

  const [host] = people;
  assert.ok(host);
  const outcomes = await host.tab.run(() => {
    const { trustedTypes } = /** @type {any} */ (window);
    const attempts = {
      markup: () => (document.createElement('div').innerHTML = '<b>bold</b>'),
      script: () => (document.createElement('script').text = 'window.ran = true'),
      worker: () => new Worker('/assets/other.js'),
      policy: () => trustedTypes.createPolicy('another', {}),
      second: () => trustedTypes.createPolicy('conclave-worker', {}),
    };
    return Object.fromEntries(
      Object.entries(attempts).map(([what, attempt]) => {
        try {
          attempt();
          return [what, 'done'];
        } catch (error) {
          return [what, /** @type {Error} */ (error).name];
        }
      }),
    );
  });
  const refused = 'TypeError';
  assert.deepEqual(outcomes, { markup: refused, script: refused, worker: refused, policy: refused, second: refused });
});

test('a script, a style or a module to which something was added is not taken', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();

  const scriptless = await inChromium(stage, { ...ben, spoil: /\/assets\/index-[^/]*\.js$/ });
  await scriptless.tab.open(links.guest);
  assert.equal(await scriptless.tab.run(() => document.getElementById('app')?.childElementCount), 0, 'the script ran');

  const plain = await inChromium(stage, { ...ben, spoil: /\/assets\/index-[^/]*\.css$/ });
  await plain.arrive(links.guest);
  assert.equal(await plain.tab.run(() => document.styleSheets.length), 0, 'the style was applied');

  const keyless = await inChromium(stage, { ...ben, spoil: /\/assets\/[^/]*\.wasm$/ });
  await keyless.tab.open(links.guest);
  await keyless.tab.until('that the encryption could not be loaded', () => document.body.innerText.includes('encryption could not be loaded'));
});
