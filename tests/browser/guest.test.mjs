// A guest opens the link on a telephone: name, devices, knock, admitted, talk, leave. Every step is
// photographed in three widths and both languages.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben } from './harness/cast.mjs';
import { inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

const PHONE = { width: 390, height: 844 };
const SIZES = [PHONE, { width: 1280, height: 800 }, { width: 320, height: 640 }];

const JOURNEYS = [
  { language: 'de-DE', join: 'Um Einlass bitten', leftTitle: 'Sie haben das Gespräch verlassen' },
  { language: 'en-GB', join: 'Ask to join', leftTitle: 'You have left the call' },
];

for (const { language, join, leftTitle } of JOURNEYS) {
  test(`a guest with a telephone visits a call, in ${language}`, async (t) => {
    const stage = new Stage(t);
    const folder = resultFolder(`guest-${language}`);
    const server = await Server.start(stage);
    const links = await server.room();
    const [host, guest] = await Promise.all([
      inChromium(stage, { ...anna, language }),
      inChromium(stage, { ...ben, language, size: PHONE, touch: true }),
    ]);
    let step = 0;
    /** Photographs a page in all sizes, and sees that nothing has to be scrolled sideways. */
    const show = async (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ what) => {
      step += 1;
      const before = await tab.run(() => ({ width: innerWidth, height: innerHeight }));
      for (const { width, height } of SIZES) {
        await tab.resize(width, height);
        await tab.until('the layout', (wanted) => innerWidth === wanted, width);
        const needed = await tab.run(() => document.documentElement.scrollWidth);
        await tab.shot(folder, `${String(step).padStart(2, '0')}-${what}-${width}`);
        assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
      }
      await tab.resize(before.width, before.height);
    };

    await host.arrive(links.host);
    await show(host, 'host-before');
    await host.join();
    await host.inCall();
    await show(host, 'host-alone');

    await guest.arrive(links.guest);
    assert.ok((await guest.tab.text()).includes(join), `“${join}” is on the page`);
    await guest.tab.clickOn('details > summary');
    await show(guest, 'guest-before');
    await guest.join();
    await guest.tab.untilPhase('waiting');
    await show(guest, 'guest-waits');
    await host.tab.untilShown('knock');
    await show(host, 'host-knock');
    await host.admit(guest.name);
    await guest.inCall();
    await Promise.all([guest.untilReceives([host.name]), host.untilReceives([guest.name])]);
    await show(guest, 'guest-call');
    await show(host, 'host-call');
    for (const [button, opened] of /** @type {const} */ ([['people', 'people-panel'], ['call-code', 'code'], ['settings', 'quality'], ['end', 'end-confirm']])) {
      await host.tab.click(button);
      await host.tab.untilShown(opened);
      await show(host, `host-${button}`);
      await host.tab.press('Escape');
      await host.tab.untilHidden(opened);
    }

    // Talking: muted and back again is heard at the other end.
    const energy = async () => (await host.flows()).find(({ source }) => source === 'microphone')?.energy ?? 0;
    await guest.tab.click('mic');
    await host.seesMuted(guest.name, true);
    await until('silence', async () => {
      const before = await energy();
      const frames = (await guest.flows()).find(({ source }) => source === 'microphone')?.opened ?? 0;
      await until('more sound from the other side', async () => ((await guest.flows()).find(({ source }) => source === 'microphone')?.opened ?? 0) > frames + 30);
      return (await energy()) - before < 0.0001;
    });
    await show(guest, 'guest-muted');
    await guest.tab.click('mic');
    await host.seesMuted(guest.name, false);
    const quiet = await energy();
    await until('sound again', async () => (await energy()) > quiet + 0.001);

    await guest.leave();
    await guest.over();
    assert.ok((await guest.tab.text()).includes(leftTitle), `“${leftTitle}” is on the page`);
    await show(guest, 'guest-end');
    await host.untilGone(guest.name);
    stage.say(`pictures of every step: ${folder}`);
  });
}
