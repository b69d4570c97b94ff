// The whole visit of a host and a guest with the keyboard alone: on each of the pages they pass something has the focus,
// and axe finds no barrier.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben } from './harness/cast.mjs';
import { everyoneReceives, inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';

for (const language of ['de-DE', 'en-GB']) {
  test(`host and guest need nothing but the keyboard, in ${language}`, async (t) => {
    const stage = new Stage(t);
    const server = await Server.start(stage);
    const links = await server.room();
    const [host, guest] = await Promise.all([inChromium(stage, { ...anna, language }), inChromium(stage, { ...ben, language })]);
    /** @type {string[]} */
    const found = [];
    const look = async (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ where) => {
      await tab.untilFocused();
      found.push(...(await barriers(tab)).map((barrier) => `${where}: ${barrier}`));
    };
    const use = async (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ id, key = 'Enter') => {
      await tab.reach(id);
      await tab.press(key);
    };

    for (const [person, link] of /** @type {const} */ ([[host, links.host], [guest, links.guest]])) {
      await person.tab.open(link);
      await person.tab.untilShown('prejoin-name');
      await look(person, 'before the call');
      await person.tab.reach('prejoin-name');
      await person.tab.type(person.name);
      await person.tab.press('Enter');
      await person.tab.untilPhase(person === host ? 'call' : 'waiting');
    }
    await look(guest, 'waiting');
    await host.tab.untilShown('knock');
    await look(host, 'a knock');
    await use(host, 'admit');
    await guest.inCall();
    await everyoneReceives([host, guest]);
    await look(host, 'the call of the host');
    await look(guest, 'the call of the guest');

    await use(guest, 'mic', ' ');
    await host.seesMuted(guest.name, true);
    await use(guest, 'mic', 'Enter');
    await host.seesMuted(guest.name, false);

    for (const [button, opened] of /** @type {const} */ ([['call-code', 'code'], ['people', 'people-panel'], ['settings', 'quality']])) {
      await use(host, button);
      await host.tab.untilShown(opened);
      await look(host, opened);
      await host.tab.press('Escape');
      await host.tab.untilHidden(opened);
    }

    await use(host, 'screen');
    await host.tab.untilShown('screen-confirm');
    await look(host, 'the question about the whole screen');
    await use(host, 'screen-confirm');
    await guest.tab.until('the screen', () => document.querySelector('[data-testid="tile"][data-source="screen"]') !== null);
    await look(guest, 'a shared screen');
    await use(host, 'screen');
    await guest.tab.until('its end', () => document.querySelector('[data-testid="tile"][data-source="screen"]') === null);

    await use(guest, 'leave');
    await guest.over();
    await look(guest, 'the end');
    await use(host, 'end');
    await host.tab.untilShown('end-confirm');
    await look(host, 'the question about the end');
    await use(host, 'end-confirm');
    await host.over();
    await look(host, 'the end of the host');
    assert.deepEqual(found, []);
  });
}
