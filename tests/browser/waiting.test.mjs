// The waiting room on both sides, on a telephone: who waits is told that they were seen and what the host answers,
// the host sees how long they wait and how their devices are, and two who wait never learn of each other. In German
// and in English, with the keyboard, at 390 and 320 pixels, and without a barrier for axe.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben, chris } from './harness/cast.mjs';
import { inChromium } from './harness/gather.mjs';
import { CONTROLS, overlaps } from './harness/layout.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

const PHONE = { width: 390, height: 844 };
const SIZES = [PHONE, { width: 320, height: 640 }];

const GERMAN = {
  language: 'de-DE',
  seen: 'Der Gastgeber hat gesehen, dass Sie warten.',
  ready: 'Kamera und Mikrofon bereit',
  cameraOff: 'Mikrofon bereit, Kamera aus',
  ten: 'Noch zehn Minuten, bitte.',
  own: 'Bitte Befund bereitlegen',
};

const ENGLISH = {
  language: 'en-GB',
  seen: 'The host has seen that you are waiting.',
  ready: 'Camera and microphone ready',
  cameraOff: 'Microphone ready, camera off',
  ten: 'Ten more minutes, please.',
  own: 'Please have your findings ready',
};

test('who waits is seen and answered, in German', (t) => journey(t, GERMAN));
test('who waits is seen and answered, in English', (t) => journey(t, ENGLISH));

/** @param {import('node:test').TestContext} t @param {typeof ENGLISH} words */
async function journey(t, { language, seen, ready, cameraOff, ten, own }) {
  const stage = new Stage(t);
  const folder = resultFolder(`waiting-${language}`);
  const server = await Server.start(stage);
  const links = await server.room();
  const [host, guest, other] = await Promise.all([
    inChromium(stage, { ...anna, language, size: PHONE, touch: true }),
    inChromium(stage, { ...ben, language, size: PHONE, touch: true }),
    inChromium(stage, { ...chris, language, size: PHONE, touch: true }),
  ]);
  let step = 0;
  /** Photographs a page in both sizes; nothing has to be scrolled sideways, and axe finds nothing. */
  const show = async (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ what) => {
    step += 1;
    assert.deepEqual(await barriers(tab), [], what);
    for (const { width, height } of SIZES) {
      await tab.resize(width, height);
      await tab.until('the layout', (wanted) => innerWidth === wanted, width);
      const needed = await tab.run(() => document.documentElement.scrollWidth);
      await tab.shot(folder, `${String(step).padStart(2, '0')}-${what}-${width}`);
      assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
      assert.deepEqual(await overlaps(tab, byId('alone'), `${byId('at-the-door')}, ${CONTROLS}`), [], what);
      assert.deepEqual(await overlaps(tab, byId('toast'), `${byId('at-the-door')}, ${CONTROLS}`), [], what);
    }
    await tab.resize(PHONE.width, PHONE.height);
  };
  const says = (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ selector, /** @type {string} */ text) =>
    tab.until(
      `“${text}”`,
      ([where, wanted]) => document.querySelector(where)?.textContent?.includes(wanted) ?? false,
      /** @type {[string, string]} */ ([selector, text]),
    );

  await host.arrive(links.host);
  await host.join();
  await host.inCall();
  await show(host, 'host-alone');
  await guest.arrive(links.guest);
  await guest.join();
  await guest.tab.untilPhase('waiting');
  await says(guest, byId('waiting'), seen);
  const knock = `${byId('knock')}[data-name="${guest.name}"]`;
  await says(host, knock, ready);
  assert.match(await host.tab.run(() => document.title), /^\(1\) /, 'a badge in the title');
  await show(guest, 'guest-seen');

  // By the keyboard: a prepared text, then words of the host's own.
  await host.tab.run((selector) => /** @type {HTMLElement} */ (document.querySelector(selector)).focus(), `${knock} ${byId('answer')}`);
  await host.tab.press('Enter');
  await host.tab.untilShown('say-ten-minutes');
  await show(host, 'host-answers');
  await host.tab.run((selector) => /** @type {HTMLElement} */ (document.querySelector(selector)).focus(), `${knock} ${byId('say-ten-minutes')}`);
  await host.tab.press('Enter');
  await says(guest, byId('told'), ten);
  assert.equal(await guest.tab.run((selector) => document.querySelector(selector)?.getAttribute('role'), byId('told')), 'status', 'it is read out');
  assert.equal(await host.tab.run(() => document.activeElement?.getAttribute('data-testid')), 'answer', 'the focus is back');
  await says(host, `${knock} ${byId('answered')}`, ten);
  await show(guest, 'guest-told');
  await show(host, 'host-answered');
  await host.tab.click('answer');
  await host.tab.fill('own-answer', `  ${own} `);
  await host.tab.press('Enter');
  await says(guest, byId('told'), own);

  // How the devices are is told at each change, and what was said outlasts a lost connection.
  await guest.tab.run((selector) => /** @type {HTMLElement} */ (document.querySelector(selector)).click(), byId('camera'));
  await says(host, knock, cameraOff);
  await show(host, 'host-camera-off');

  // Another who waits learns nothing of the first, nor the first of them.
  await other.arrive(links.guest);
  await other.join();
  await other.tab.untilPhase('waiting');
  await says(other, byId('waiting'), seen);
  assert.match(await host.tab.run(() => document.title), /^\(2\) /, 'the badge counts');
  await show(host, 'host-two');
  // What is said in passing lies over nothing that can be pressed, however little room there is.
  for (const { width, height } of [...SIZES, { width: 320, height: 480 }]) {
    await host.tab.resize(width, height);
    for (const panel of ['', 'people']) {
      if (panel !== '') await host.tab.click(panel);
      await host.tab.until('the toasts to be gone', (selector) => document.querySelector(selector) === null, byId('toast'));
      await host.tab.run((selector) => /** @type {HTMLElement} */ (document.querySelector(selector)).click(), byId('invite'));
      await host.tab.untilShown('toast');
      assert.deepEqual(await overlaps(host.tab, byId('toast'), `${byId('at-the-door')}, ${CONTROLS}`), [], `${width} × ${height} ${panel}`);
      await host.tab.shot(folder, `toast-${width}-${height}-${panel}`);
      if (panel !== '') await host.tab.click(panel);
    }
  }
  await host.tab.resize(PHONE.width, PHONE.height);
  for (const [one, another] of [[guest, other], [other, guest]]) {
    const page = await one?.tab.run(() => document.documentElement.outerHTML);
    assert.ok(one && another && page && !page.includes(another.name), 'those who wait never see each other');
  }
  assert.equal(await other.tab.run((selector) => document.querySelector(selector)?.textContent?.trim(), byId('told')), '', 'what was said to the first');

  await host.admit(guest.name);
  await guest.inCall();
  stage.say(`pictures of every step: ${folder}`);
}
