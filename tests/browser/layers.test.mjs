// Cameras at full quality go out in layers, as frames of their own, each sealed by itself: two Chromium
// pages and a Firefox page open and decode all that the server forwards of each other.

import test from 'node:test';
import { anna, ben, fatma } from './harness/cast.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

const preferences = { quality: 'standard' };
const camera = { width: 1280, height: 720 };
/** Frames for a picture, one of each layer; one layer alone would be one. */
const LAYERED = 1.8;
/** So many pictures that those on their way to the decoder do not count. */
const PICTURES = 30;

/** @param {import('./harness/person.mjs').Person} one @param {string} name */
async function flow(one, name) {
  return (await one.flows()).find((flow) => flow.name === name && flow.source === 'camera');
}

/**
 * Waits until somebody's pictures come in several layers, and what the worker opened is decoded.
 *
 * @param {Stage} stage
 * @param {import('./harness/person.mjs').Person} one
 * @param {string} name
 */
async function untilLayered(stage, one, name) {
  let before = await flow(one, name);
  await until(
    `${one.name} to decode ${name} in layers`,
    async () => {
      const now = await flow(one, name);
      const last = before;
      if (!now || !last) return ((before = now), false);
      const [frames, opened] = [now.frames - last.frames, now.opened - last.opened];
      if (frames < PICTURES) return false;
      before = now;
      stage.say(`${one.name}: ${frames} pictures of ${name}, ${opened} frames opened, ${now.width}x${now.height}`);
      return opened >= LAYERED * frames;
    },
    { within: 40_000, explain: () => one.flows() },
  );
}

test('cameras are sent in layers that every browser opens', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const [host, guest, other] = await Promise.all([
    inChromium(stage, { ...anna, preferences, camera }),
    inChromium(stage, { ...ben, preferences, camera }),
    inFirefox(stage, { ...fatma, preferences }),
  ]);
  await Promise.all([host.arrive(links.host), guest.arrive(links.guest), other.arrive(links.guest)]);
  await host.join();
  await host.inCall();
  for (const one of [guest, other]) {
    await one.join();
    await host.admit(one.name);
  }
  await Promise.all([
    host.untilReceives([guest.name, other.name], 20_000),
    guest.untilReceives([host.name, other.name], 20_000),
    other.untilReceives([host.name, guest.name], 20_000),
  ]);
  await untilLayered(stage, guest, host.name);
  await untilLayered(stage, other, host.name);
  const frames = (await flow(host, other.name))?.frames ?? 0;
  await until(`${host.name} to go on seeing ${other.name}`, async () => ((await flow(host, other.name))?.frames ?? 0) > frames + 20);
});
