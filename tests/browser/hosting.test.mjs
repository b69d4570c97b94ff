// What a host does for a room: mutes, locks, lets everyone in, hands over and leaves.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben, chris } from './harness/cast.mjs';
import { LEAN, gather, inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

test('a host mutes, locks the room, lets everyone in, hands over and leaves', async (t) => {
  const stage = new Stage(t);
  const pictures = resultFolder('hosting');
  const server = await Server.start(stage);
  const links = await server.room();
  const host = await inChromium(stage, { ...anna, ...LEAN, language: 'de-DE', size: { width: 390, height: 800 } });
  const member = await inChromium(stage, { ...ben, ...LEAN });
  const people = [host, member];
  await gather(links, people);

  await host.tab.click('people');
  const row = `${byId('person')}[data-name="${member.name}"]`;
  await host.tab.untilShown('who-may-come');
  await host.tab.shot(pictures, 'people-de-390');
  assert.deepEqual(await barriers(host.tab), []);

  await host.tab.clickOn(`${row} ${byId('mute')}`);
  await host.seesMuted(member.name, true);
  await member.tab.until(
    'the page to say who muted it',
    (name) => [...document.querySelectorAll('[aria-live]')].some((region) => region.textContent?.includes(`${name} has muted`)),
    host.name,
  );
  assert.equal(await host.tab.run((selector) => document.querySelector(selector), `${row} ${byId('mute')}`), null, 'there is nothing to mute');
  await member.tab.click('mic');
  await host.seesMuted(member.name, false);

  await host.tab.click('lock-room');
  await member.tab.untilShown('room-locked');
  await member.tab.shot(pictures, 'locked-en');
  const newcomer = await inChromium(stage, { ...chris, ...LEAN, size: { width: 390, height: 800 } });
  await newcomer.arrive(links.guest);
  await newcomer.join();
  await newcomer.over();
  await newcomer.tab.shot(pictures, 'refused-en-390');
  assert.match(await newcomer.tab.run(() => document.body.innerText), /locked this room/);

  await host.tab.click('lock-room');
  await member.tab.untilHidden('room-locked');
  await host.tab.click('let-in');
  await newcomer.tab.click('rejoin');
  await newcomer.join();
  await newcomer.inCall();

  await host.tab.clickOn(`${row} ${byId('make-host')}`);
  await host.tab.untilShown('make-host-confirm');
  await host.tab.shot(pictures, 'make-host-de-390');
  assert.deepEqual(await barriers(host.tab), []);
  await host.tab.click('make-host-confirm');
  await member.tab.untilShown('end');
  await host.leave();
  await host.over();
  await member.untilGone(host.name);
  await member.remove(newcomer.name);
  await newcomer.over();
});
