// A shared screen reaches everyone beside the camera, and is gone from every page within a second
// of its end.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, fatma } from './harness/cast.mjs';
import { LEAN, gather, inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

const GONE_WITHIN = 1000;

test('a shared screen is seen by all beside the camera, and its end within a second', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const people = await Promise.all([inChromium(stage, { ...anna, ...LEAN }), inChromium(stage, { ...ben, ...LEAN }), inFirefox(stage, { ...fatma, ...LEAN })]);
  const [host, ...others] = people;
  await gather(await server.room(), people);
  stage.say('everyone sees and hears everyone');

  await host.startSharing();
  const shared = performance.now();
  await Promise.all(
    others.map(async (one) => {
      await until(`${one.name} to see the screen`, async () => {
        const screen = (await one.flows()).find(({ name, source }) => name === host.name && source === 'screen');
        return screen && screen.frames >= 3;
      });
      stage.say(`${one.name} sees the screen ${Math.round(performance.now() - shared)} ms after the share began`);
    }),
  );

  // The camera goes on beside it.
  for (const one of others) {
    const camera = async () => (await one.flows()).find(({ name, source }) => name === host.name && source === 'camera')?.frames ?? 0;
    const before = await camera();
    await until(`more camera pictures for ${one.name}`, async () => (await camera()) > before + 3);
    const screen = (await one.flows()).find(({ source }) => source === 'screen');
    assert.ok((screen?.width ?? 0) > 320, `a screen, not the camera again: ${screen?.width} pixels wide`);
    assert.ok(await one.hasTile(host.name, 'camera'), 'the camera has its tile');
    assert.ok(await one.hasTile(host.name, 'screen'), 'the screen has its tile');
  }

  await host.stopSharing();
  const stopped = performance.now();
  await Promise.all(
    others.map(async (one) => {
      await until(`${one.name} to see the end`, async () => !(await one.hasTile(host.name, 'screen')), { every: 25 });
      const took = Math.round(performance.now() - stopped);
      stage.say(`${one.name} saw the end after ${took} ms`);
      assert.ok(took <= GONE_WITHIN, `${one.name} saw the end after ${took} ms`);
    }),
  );
});
