// Where only hosts and presenters share their screen: the page of a member says why its button does nothing, the
// server refuses the screen of a page that tries, and whom a host makes a presenter is seen sharing.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben, chris } from './harness/cast.mjs';
import { LEAN, gather, inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

test('a member shares a screen once a host has made them a presenter', async (t) => {
  const stage = new Stage(t);
  const pictures = resultFolder('presenter');
  const server = await Server.start(stage);
  const links = await server.room('--presenters-share');
  const host = await inChromium(stage, { ...anna, ...LEAN, language: 'de-DE', size: { width: 390, height: 800 } });
  const member = await inChromium(stage, { ...ben, ...LEAN });
  const people = [host, member];
  await gather(links, people);

  // The button is there and says why it does nothing.
  const button = byId('screen');
  const { disabled, label } = await member.tab.run((selector) => {
    const found = document.querySelector(selector);
    return { disabled: found?.getAttribute('aria-disabled'), label: found?.getAttribute('aria-label') };
  }, button);
  assert.deepEqual({ disabled, label }, { disabled: 'true', label: 'Only hosts and presenters share their screen in this room' });
  // Playwright clicks nothing that says it does nothing; the keyboard gets there.
  await member.tab.reach('screen');
  await member.tab.press('Enter');
  await member.tab.until('the reason', () =>
    [...document.querySelectorAll('[aria-live]')].some((region) => region.textContent?.includes('Only hosts and presenters')),
  );
  assert.equal(await member.tab.run((selector) => document.querySelector(selector), byId('screen-confirm')), null);
  await member.tab.shot(pictures, 'member-en');
  assert.deepEqual(await barriers(member.tab), []);

  // A host shares.
  await host.startSharing();
  await member.tab.until('the screen of the host', () => document.querySelector('[data-testid="tile"][data-source="screen"]') !== null);
  await host.tab.click('screen');
  await member.tab.until('its end', () => document.querySelector('[data-testid="tile"][data-source="screen"]') === null);

  // The host makes the member a presenter, who then shares on the connection there is.
  const row = `${byId('person')}[data-name="${member.name}"]`;
  await host.tab.click('people');
  await host.tab.shot(pictures, 'people-de-390');
  await host.tab.clickOn(`${row} ${byId('make-presenter')}`);
  await host.tab.untilShown('make-presenter-confirm');
  await host.tab.shot(pictures, 'make-presenter-de-390');
  assert.deepEqual(await barriers(host.tab), []);
  await host.tab.click('make-presenter-confirm');
  await member.tab.until('the button', (selector) => document.querySelector(selector)?.getAttribute('aria-disabled') === null, button);
  await host.tab.until('the mark', (selector) => document.querySelector(selector)?.textContent?.includes('Vortragend') ?? false, row);
  await host.tab.shot(pictures, 'presenter-de-390');
  await host.tab.click('people');
  await member.startSharing();
  await host.tab.until('moving pictures of the screen', () => {
    const tile = document.querySelector('[data-testid="tile"][data-source="screen"] video');
    return tile instanceof HTMLVideoElement && tile.videoWidth > 0 && tile.currentTime > 0;
  });
  await host.tab.shot(pictures, 'shared-de-390');
  await member.tab.click('screen');

  // Somebody who comes later is none, and still sees and hears all.
  const newcomer = await inChromium(stage, { ...chris, ...LEAN });
  await newcomer.arrive(links.guest);
  await newcomer.join();
  await host.admit(newcomer.name);
  await newcomer.inCall();
  assert.equal(await newcomer.tab.run((selector) => document.querySelector(selector)?.getAttribute('aria-disabled'), button), 'true');
});
