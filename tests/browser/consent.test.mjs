// A link that needs its guest's consent, on a telephone: the texts shown whole, a box that is not ticked, no device
// asked for before; then into the call, and out of it when the consent is withdrawn there. In German and in English,
// with the keyboard, at 390 and 320 pixels, and without a barrier for axe.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben } from './harness/cast.mjs';
import { everyoneReceives, inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

const PHONE = { width: 390, height: 844 };
const SIZES = [PHONE, { width: 320, height: 640 }];
const HOUR = 3600;
/** Of the devices. */
const NOTHING = { asked: [], open: 0 };

const GERMAN = {
  language: 'de-DE',
  code: 'de',
  draft: 'Dieser Link ist noch nicht bereit',
  missing: 'Setzen Sie das Häkchen',
  voluntary: 'Die Einwilligung ist freiwillig.',
  given: 'Sie haben eingewilligt',
  withdrawn: 'Einwilligung widerrufen',
};

const ENGLISH = {
  language: 'en-GB',
  code: 'en',
  draft: 'This link is not ready yet',
  missing: 'Tick the box',
  voluntary: 'Consent is voluntary.',
  given: 'You consented',
  withdrawn: 'Consent withdrawn',
};

test('a guest consents, and withdraws it in the call, in German', (t) => journey(t, GERMAN));
test('a guest consents, and withdraws it in the call, in English', (t) => journey(t, ENGLISH));

/** @param {import('node:test').TestContext} t @param {typeof ENGLISH} words */
async function journey(t, { language, code, draft, missing, voluntary, given, withdrawn }) {
  const stage = new Stage(t);
  const folder = resultFolder(`consent-${language}`);
  const server = await Server.start(stage);
  const room = await server.scheduledRoom();
  await server.setConsentText('Praxis Dr. Beispiel, Beispielweg 1, Beispielstadt');
  const link = await server.guestLink(room, { until: HOUR, uses: 'series', consent: true });
  const [host, guest] = await Promise.all([
    inChromium(stage, { ...anna, language }),
    inChromium(stage, { ...ben, language, size: PHONE, touch: true }),
  ]);
  let step = 0;
  const show = async (/** @type {string} */ what) => {
    step += 1;
    assert.deepEqual(await barriers(guest.tab), [], what);
    for (const { width, height } of SIZES) {
      await guest.tab.resize(width, height);
      await guest.tab.until('the layout', (wanted) => innerWidth === wanted, width);
      const needed = await guest.tab.run(() => document.documentElement.scrollWidth);
      await guest.tab.shot(folder, `${String(step).padStart(2, '0')}-${what}-${width}`);
      assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
    }
    await guest.tab.resize(PHONE.width, PHONE.height);
  };
  const includes = (/** @type {string} */ text) => guest.tab.until(`“${text}”`, (wanted) => document.body.innerText.includes(wanted), text);

  // A draft opens to nobody, not even to be read.
  await guest.tab.open(link);
  await guest.tab.untilPhase('link-draft');
  assert.deepEqual(await guest.tab.devices(), NOTHING, 'a draft');
  await includes(draft);
  await show('draft');
  await server.handOut(link);
  await guest.tab.open('about:blank');
  await guest.tab.open(link);
  await guest.tab.untilPhase('consent');
  await includes('Praxis Dr. Beispiel');
  await includes(voluntary);
  const ticked = () => guest.tab.run((selector) => /** @type {HTMLInputElement} */ (document.querySelector(selector)).checked, byId('consent-box'));
  assert.equal(await ticked(), false, 'the box is not ticked');
  await show('texts');
  await guest.tab.reach('consent-button');
  await guest.tab.press('Enter');
  await includes(missing);
  assert.equal(await guest.tab.run(() => document.activeElement?.getAttribute('data-testid')), 'consent-box', 'the focus is on the box');
  await show('missing');
  // Another language is another text: what was ticked before does not count.
  await guest.tab.press('Space');
  assert.equal(await ticked(), true);
  await guest.tab.click('switch-language');
  assert.equal(await ticked(), false, 'not ticked in the other language');
  await guest.tab.click('switch-language');
  await guest.tab.click('consent-box');
  assert.deepEqual(await guest.tab.devices(), NOTHING, 'before the consent');
  await guest.tab.click('consent-button');
  await guest.tab.untilPhase('pre-join');
  await includes(given);
  await show('pre-join');
  const [kept] = await server.links(room);
  assert.ok(kept?.includes('active, consent ') && kept.endsWith('by page to version 1'), kept);

  await host.arrive(room);
  await host.join();
  await host.inCall();
  await guest.tab.fill('prejoin-name', guest.name);
  await guest.join();
  await guest.tab.untilPhase('waiting');
  await includes(given);
  await show('waiting');
  await host.admit(guest.name);
  await guest.inCall();
  await everyoneReceives([host, guest]);
  assert.equal(await guest.tab.run(() => document.documentElement.lang), code);

  // In the call, in the settings.
  await guest.tab.click('settings');
  await guest.tab.untilShown('withdraw');
  await show('settings');
  await guest.tab.click('withdraw');
  await guest.tab.untilShown('withdraw-confirm');
  await show('withdraw');
  await guest.tab.click('withdraw-confirm');
  await guest.over();
  await includes(withdrawn);
  await show('withdrawn');
  assert.equal((await guest.tab.devices()).open, 0, 'the devices are closed');
  await host.untilGone(guest.name);
  assert.equal(await guest.tab.run((selector) => document.querySelector(selector), byId('rejoin')), null);
  await guest.tab.open('about:blank');
  await guest.tab.open(link);
  await guest.tab.untilPhase('consent-withdrawn');
  assert.deepEqual(await guest.tab.devices(), NOTHING, 'after the consent was withdrawn');
  await show('closed');
  assert.ok((await server.links(room))[0]?.includes('withdrawn'));
  stage.say(`pictures of every step: ${folder}`);
}
