// A guest's own link, on a telephone: before its slot a countdown, after which the page goes on by itself; into
// the call; thrown out when it is taken back; used up by its call. Both languages, 390 and 320 pixels, the
// keyboard, and no barrier for axe.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben } from './harness/cast.mjs';
import { everyoneReceives, inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';

const PHONE = { width: 390, height: 844 };
const SIZES = [PHONE, { width: 320, height: 640 }];
/** Long enough to open the page and photograph it. */
const AHEAD = 20;
const HOUR = 3600;
/** Of the devices. */
const NOTHING = { asked: [], open: 0 };

/** What the heading says, in German and in English. */
const EARLY = ['Sie sind früh dran', 'You are early'];
const REVOKED = ['Dieser Link wurde zurückgezogen', 'This link was taken back'];
const EXPIRED = ['Die Zeit dieses Links ist vorbei', 'The time of this link is over'];
const NEEDED = ['Hier braucht jeder Gast einen eigenen Link', 'Here every guest needs a link of their own'];
const USED = ['Dieser Link wurde schon benutzt', 'This link has been used'];

test('a guest comes by a link of their own, and is out when it is taken back', async (t) => {
  const stage = new Stage(t);
  const folder = resultFolder('scheduled');
  const server = await Server.start(stage);
  const room = await server.scheduledRoom();
  const brief = await server.guestLink(room, { until: AHEAD / 2, uses: 'once' });
  const [host, guest] = await Promise.all([
    inChromium(stage, { ...anna, language: 'de-DE' }),
    inChromium(stage, { ...ben, language: 'de-DE', size: PHONE, touch: true }),
  ]);
  let step = 0;
  /** The page's heading is read out, in both languages; without a barrier, and without scrolling sideways. */
  const says = async (/** @type {string[]} */ titles, /** @type {string} */ what) => {
    step += 1;
    for (const [at, title] of titles.entries()) {
      if (at > 0) await guest.tab.click('switch-language');
      await guest.tab.until(`“${title}”`, (wanted) => document.querySelector('h1')?.textContent?.includes(wanted) ?? false, title);
      if (at === 0) assert.equal(await guest.tab.run(() => document.activeElement?.tagName), 'H1', `${what}: the heading is read out`);
      const found = await barriers(guest.tab);
      for (const { width, height } of SIZES) {
        await guest.tab.resize(width, height);
        await guest.tab.until('the layout', (wanted) => innerWidth === wanted, width);
        const needed = await guest.tab.run(() => document.documentElement.scrollWidth);
        await guest.tab.shot(folder, `${step}-${what}-${at === 0 ? 'de' : 'en'}-${width}`);
        assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
      }
      assert.deepEqual(found, [], what);
    }
    await guest.tab.resize(PHONE.width, PHONE.height);
    await guest.tab.click('switch-language');
  };

  // The host finds no invitation to hand on: every guest has a link.
  await host.arrive(room);
  await host.join();
  await host.inCall();
  assert.ok((await host.tab.text()).includes('Ihre Gäste kommen über eigene Links'), 'the host knows how guests come');
  assert.equal(await host.tab.run(() => document.querySelector('[data-testid="invite"]')), null);
  await host.tab.shot(folder, '0-host-alone');

  // Too early: nothing is asked for, and the page goes on by itself.
  const link = await server.guestLink(room, { from: AHEAD, until: HOUR, uses: 'series' });
  await guest.tab.open(link);
  await guest.tab.untilPhase('early');
  assert.deepEqual(await guest.tab.devices(), NOTHING, 'too early');
  await says(EARLY, 'early');
  const clock = () => guest.tab.run(() => document.querySelector('[data-testid="countdown"]')?.textContent ?? '');
  const before = await clock();
  assert.match(before, /^00:00:\d\d$/);
  await guest.tab.until('the countdown', (then) => {
    const now = document.querySelector('[data-testid="countdown"]')?.textContent;
    return now !== then;
  }, before);
  await guest.tab.untilPhase('pre-join');
  assert.ok((await guest.tab.run(() => document.querySelector('[data-testid="polite"]')?.textContent ?? '')).includes('Der Link ist offen'), 'it is said that the link is open');
  await guest.tab.until('both devices', () => /** @type {any} */ (window).probe.devices().open === 2);
  assert.deepEqual((await guest.tab.devices()).asked, ['audio', 'video'], 'now they are of use');
  await guest.tab.fill('prejoin-name', guest.name);
  await guest.tab.reach('join-button');
  await guest.tab.press('Enter');
  await guest.tab.untilPhase('waiting');
  await host.admit(guest.name);
  await Promise.all([host.inCall(), guest.inCall()]);
  await everyoneReceives([host, guest]);
  assert.equal(await guest.tab.run(() => document.querySelector('[data-testid="invite"]')), null);

  // Taken back: out of the call, which goes on for the host.
  await server.revoke(link);
  await says(REVOKED, 'revoked-in-the-call');
  await host.untilGone(guest.name);
  assert.equal((await guest.tab.devices()).open, 0, 'the devices are closed');
  assert.equal(await guest.tab.run(() => document.querySelector('[data-testid="rejoin"]')), null);
  await guest.tab.open('about:blank');
  await guest.tab.open(link);
  await guest.tab.untilPhase('link-revoked');
  assert.deepEqual(await guest.tab.devices(), NOTHING, 'revoked');
  await says(REVOKED, 'revoked');

  // One whose slot is over, and one without its name.
  await guest.tab.open('about:blank');
  await guest.tab.open(brief);
  await guest.tab.untilPhase('link-expired');
  assert.deepEqual(await guest.tab.devices(), NOTHING, 'expired');
  await says(EXPIRED, 'expired');
  await guest.tab.open('about:blank');
  await guest.tab.open(link.replace(/#l\.[^.]+\./, '#'));
  await guest.tab.untilPhase('link-needed');
  assert.deepEqual(await guest.tab.devices(), NOTHING, 'needed');
  await says(NEEDED, 'needed');

  // For one call: its end uses the link up, and not a moment before.
  const once = await server.guestLink(room, { until: HOUR, uses: 'once' });
  await guest.tab.open('about:blank');
  await guest.arrive(once);
  await guest.join();
  await guest.tab.untilPhase('waiting');
  await host.admit(guest.name);
  await guest.inCall();
  await guest.leave();
  await guest.over();
  await guest.tab.click('rejoin');
  await guest.tab.untilPhase('pre-join');
  await host.tab.click('end');
  await host.tab.untilShown('end-confirm');
  await host.tab.click('end-confirm');
  await host.over();
  await guest.join();
  await says(USED, 'used');
  assert.equal((await guest.tab.devices()).open, 0, 'the devices are closed');
  await guest.tab.open('about:blank');
  await guest.tab.open(once);
  await guest.tab.untilPhase('link-used');
  assert.deepEqual(await guest.tab.devices(), NOTHING, 'used');
  stage.say(`pictures of every step: ${folder}`);
});
