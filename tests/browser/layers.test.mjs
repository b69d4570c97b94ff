// A camera goes out in several sizes, each sealed by itself, and everyone gets the one that fits the tile; what
// nobody needs is not sent. A page of Chromium shows it small, one of Firefox large.

import test from 'node:test';
import { anna, ben, fatma } from './harness/cast.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

/** @typedef {import('./harness/person.mjs').Person} Person */

const preferences = { quality: 'standard' };
/** The smallest that is sent in three sizes: the page of Firefox shows it whole, a telephone half at most. */
const camera = { width: 960, height: 540 };
/** In it no tile is higher than half of the camera's picture. */
const telephone = { width: 360, height: 640 };
/** Changes of size come with a keyframe, and senders' estimates grow first. */
const WITHIN = 60_000;
const PICTURES = 20;

/** @param {Person} one @param {string} name */
async function flow(one, name) {
  return (await one.flows()).find((flow) => flow.name === name && flow.source === 'camera');
}

/**
 * Waits until somebody's pictures come in a size, and go on coming.
 *
 * @param {Stage} stage
 * @param {Person} one
 * @param {string} name
 * @param {(height: number) => boolean} fits
 */
async function untilShown(stage, one, name, fits) {
  let from = 0;
  const shown = await until(
    `${one.name} to see ${name} in the size that fits`,
    async () => {
      const now = await flow(one, name);
      if (!now || !fits(now.height)) return ((from = 0), null);
      from ||= now.frames;
      return now.frames >= from + PICTURES && now;
    },
    { within: WITHIN, explain: () => one.flows() },
  );
  stage.say(`${one.name}: ${name} in ${shown.width}x${shown.height}`);
}

/** Waits until the highest of the sizes that a camera is sent in fits. @param {Person} one @param {(height: number) => boolean} fits */
async function untilSends(one, fits) {
  const sizes = () => one.tab.run(() => /** @type {any} */ (window).probe.sizes());
  await until(`${one.name} to send what is shown and no more`, async () => fits(Math.max(...(await sizes()))), { within: WITHIN, explain: sizes });
}

test('everyone gets a camera in the size that fits, and what nobody needs is not sent', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const [host, guest, other] = await Promise.all([
    inChromium(stage, { ...anna, preferences, camera, lean: true }),
    inChromium(stage, { ...ben, preferences, camera, size: telephone, lean: true }),
    inFirefox(stage, fatma),
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
  await pin(other, host.name);
  await untilShown(stage, other, host.name, (height) => height === camera.height);
  await untilShown(stage, guest, host.name, (height) => height <= camera.height / 2);
  await untilSends(host, (height) => height === camera.height);
  // The one who shows it large turns to somebody else.
  await pin(other, guest.name);
  await untilShown(stage, other, guest.name, (height) => height === camera.height);
  await untilSends(host, (height) => height <= camera.height / 2);
  await pin(other, host.name);
  await untilShown(stage, other, host.name, (height) => height === camera.height);
  await untilShown(stage, guest, host.name, (height) => height <= camera.height / 2);
  await untilShown(stage, host, other.name, () => true);
});

/** @param {Person} one @param {string} name */
function pin(one, name) {
  return one.tab.clickOn(`[data-testid="tile"][data-name="${name}"] .pin`);
}
