// The text of a shared screen stays readable on a downlink narrower than what is sent: its pictures become
// fewer, not smaller or blurred.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben } from './harness/cast.mjs';
import { gather, inChromium } from './harness/gather.mjs';
import { EMULATED, narrow, Network } from './harness/network.mjs';
import { page, readable } from './harness/screen-text.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';
import { until } from './harness/until.mjs';

/** @typedef {import('./harness/person.mjs').Person} Person */

/** A fifth of the 2500 kbit/s of the screen, beside the 190 of camera and voice. */
const KBIT = 500;
/** The share of the characters that must be right. */
const READABLE = 0.95;
/** A page is there after: milliseconds. To read it takes the test some seconds by itself. */
const SOON = 45_000;

test('the text of a shared screen is readable over a narrow downlink', async (t) => {
  const stage = new Stage(t);
  const folder = resultFolder('screen-text');
  const server = await Server.start(stage, EMULATED);
  const network = await Network.before(stage, server);
  const people = await Promise.all([inChromium(stage, { ...anna, text: page(0) }), inChromium(stage, ben)]);
  const [host, guest] = /** @type {[Person, Person]} */ (people);
  await gather(await server.room(), people);
  await network.set(guest, { down: narrow(KBIT) });

  const tile = `${byId('tile')}[data-name="${host.name}"][data-source="screen"] video`;
  const screen = async () => {
    const found = (await guest.flows()).find(({ name, source }) => name === host.name && source === 'screen');
    return found ?? { width: 0, height: 0, frames: 0 };
  };
  const reads = async (/** @type {number} */ number) => {
    const began = performance.now();
    let share = 0;
    await until(
      `page ${number} to be readable`,
      async () => {
        share = await readable(guest, tile, page(number), folder);
        return share >= READABLE;
      },
      { within: SOON, explain: async () => ({ share, screen: await screen(), network: await network.counts(guest) }) },
    );
    stage.say(`page ${number}: ${(100 * share).toFixed(1)} % of the characters after ${Math.round(performance.now() - began)} ms`);
  };

  await host.tab.click('screen');
  await reads(0);
  await host.tab.run((/** @type {string[]} */ lines) => /** @type {any} */ (window).turnPage(lines), page(1));
  await reads(1);
  const { width, height } = await screen();
  assert.deepEqual({ width, height }, { width: 1920, height: 1080 });
});
