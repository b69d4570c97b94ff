// Camera and microphone: asked for where they are of use and nowhere before; tested on the way, with a meter and a
// tone; and who mutes themselves before the call is muted in it. In Chromium and Firefox.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, fatma } from './harness/cast.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

const HOUR = 3600;
const NOTHING = { asked: [], open: 0 };
/** The tones of the test, hertz, and how exactly they are measured. */
const TONES = [523, 659];
const EXACTLY = 15;
/** In total, of the decoded sound: less is none. */
const SILENT = 0.0001;
/** Pictures in which sound would have come, too. */
const MEANWHILE = 30;

for (const [family, open, who] of /** @type {const} */ ([['Chromium', inChromium, ben], ['Firefox', inFirefox, fatma]])) {
  test(`pages that lead into no call ask for no device, in ${family}`, async (t) => {
    const stage = new Stage(t);
    const server = await Server.start(stage);
    const room = await server.scheduledRoom();
    const early = await server.guestLink(room, { from: HOUR, until: 2 * HOUR, uses: 'once' });
    const revoked = await server.guestLink(room, { until: HOUR, uses: 'once' });
    await server.revoke(revoked);
    await server.setConsentText('Praxis Dr. Beispiel, Beispielweg 1, Beispielstadt');
    const consent = await server.guestLink(room, { until: HOUR, uses: 'once', consent: true });
    await server.handOut(consent);
    const { tab } = await open(stage, who);
    const pages = /** @type {const} */ ([
      ['home', server.url],
      ['login', `${server.url}/rooms`],
      ['login', `${server.url}/admin`],
      ['no-room', `${server.url}/r/${'A'.repeat(22)}#${'A'.repeat(43)}`],
      ['incomplete', room.replace(/#.*/, '')],
      ['link-needed', room.replace(/\.[^.]*$/, '')],
      ['early', early],
      ['consent', consent],
      ['link-revoked', revoked],
    ]);
    for (const [phase, url] of pages) {
      await tab.open('about:blank');
      await tab.open(url);
      await tab.untilPhase(phase);
      assert.deepEqual(await tab.devices(), NOTHING, `${phase}: ${url}`);
    }
  });

  test(`the devices are tested before the call, and who is muted there is muted in it, in ${family}`, async (t) => {
    const stage = new Stage(t);
    const server = await Server.start(stage);
    const links = await server.room();
    const [host, guest] = await Promise.all([inChromium(stage, anna), open(stage, who)]);
    const { tab } = guest;
    await Promise.all([host.arrive(links.host), guest.arrive(links.guest)]);
    await tab.until('both devices', () => /** @type {any} */ (window).probe.devices().open === 2);
    assert.deepEqual((await tab.devices()).asked, ['audio', 'video'], 'each is asked for once');

    // Firefox measures no sound, and plays none, where there is no sound card.
    const sounds = await tab.run(soundRuns);
    assert.ok(sounds || family === 'Firefox', 'this browser measures sound');
    stage.say(`${family} ${sounds ? 'measures' : 'does not measure'} sound here`);
    if (sounds) assert.ok((await tab.run(levels)).length > 3, 'the meter moves');
    await tab.click('mic');
    await tab.until('that the microphone is off', () => document.querySelector('[data-testid="mic"]')?.getAttribute('data-on') === 'false');
    await tab.until('the meter to go down', () => document.querySelector('[role="meter"]')?.getAttribute('aria-valuenow') === '0');
    assert.deepEqual(await tab.run(levels), ['0 0%'], 'the meter is still');

    await tab.clickOn('details > summary');
    await tab.click('test-speaker');
    const played = () => tab.run(() => /** @type {any} */ (window).probe.loudspeaker());
    await until('the way to the loudspeaker', async () => (await played()).tapped === 1, { explain: played });
    if (sounds) {
      const tone = async () => {
        const { hertz, level } = await played();
        return level > 0.1 && TONES.some((wanted) => Math.abs(hertz - wanted) < EXACTLY);
      };
      await until('a tone', tone, { explain: played });
    }

    await host.join();
    await host.inCall();
    await guest.join();
    await host.admit(guest.name);
    await guest.inCall();
    await host.seesMuted(guest.name, true);
    assert.equal(await tab.run(() => document.querySelector('[data-testid="mic"]')?.getAttribute('data-on')), 'false');
    const flow = async (/** @type {string} */ source) => (await host.flows()).find((one) => one.name === guest.name && one.source === source);
    await until('pictures', async () => ((await flow('camera'))?.frames ?? 0) > MEANWHILE, { explain: () => host.flows() });
    const energy = async () => (await flow('microphone'))?.energy ?? 0;
    assert.ok((await energy()) < SILENT, `${await energy()} of sound of somebody muted`);
    await tab.click('mic');
    await host.seesMuted(guest.name, false);
    await until('sound', async () => (await energy()) > 10 * SILENT, { explain: () => host.flows() });
  });
}

/** In the page: whether sound is computed here. Must stand alone. */
async function soundRuns() {
  const context = new AudioContext();
  await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 2000))]);
  const runs = context.state === 'running';
  await context.close();
  return runs;
}

/** In the page: all that the meter shows during a second, said and drawn. Must stand alone. */
async function levels() {
  const seen = new Set();
  const end = performance.now() + 1000;
  while (performance.now() < end) {
    const meter = document.querySelector('[role="meter"]');
    const drawn = /** @type {HTMLElement | null} */ (meter?.querySelector('.level') ?? null);
    seen.add(`${meter?.getAttribute('aria-valuenow')} ${drawn?.style.width}`);
    await new Promise((done) => requestAnimationFrame(done));
  }
  return [...seen];
}
