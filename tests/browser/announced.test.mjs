// What a screen reader says of a call by itself: who comes and goes, and what became of the microphone and the camera,
// whose buttons are named after what they do next. In German and English, in Chromium and Firefox.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, chris, fatma } from './harness/cast.mjs';
import { LEAN, gather, inChromium, inFirefox } from './harness/gather.mjs';
import { heard, hears, listen } from './harness/heard.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';
import { until } from './harness/until.mjs';

const GERMAN = {
  language: 'de-DE',
  joined: `${chris.name} ist beigetreten`,
  left: `${chris.name} ist gegangen`,
  mic: { off: 'Ihr Mikrofon ist aus', on: 'Ihr Mikrofon ist an', mute: 'Mikrofon stummschalten', unmute: 'Mikrofon einschalten' },
  camera: { off: 'Ihre Kamera ist aus', on: 'Ihre Kamera ist an', mute: 'Kamera ausschalten', unmute: 'Kamera einschalten' },
  /** Copied, or refused by the browser. */
  copied: /^(Einladung kopiert|Der Browser hat das Kopieren abgelehnt)/,
};

const ENGLISH = {
  language: 'en-GB',
  joined: `${chris.name} joined`,
  left: `${chris.name} left`,
  mic: { off: 'Your microphone is off', on: 'Your microphone is on', mute: 'Mute microphone', unmute: 'Unmute microphone' },
  camera: { off: 'Your camera is off', on: 'Your camera is on', mute: 'Turn camera off', unmute: 'Turn camera on' },
  copied: /^(Invitation copied|Copying was refused)/,
};

test('comings, goings and switches are read out: Chromium in German, Firefox in English', (t) => journey(t, GERMAN, ENGLISH));
test('comings, goings and switches are read out: Chromium in English, Firefox in German', (t) => journey(t, ENGLISH, GERMAN));

/** @param {import('node:test').TestContext} t @param {typeof ENGLISH} inHost @param {typeof ENGLISH} inGuest */
async function journey(t, inHost, inGuest) {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const [host, guest, other] = await Promise.all([
    inChromium(stage, { ...anna, ...LEAN, language: inHost.language }),
    inFirefox(stage, { ...fatma, language: inGuest.language }),
    inChromium(stage, { ...chris, ...LEAN }),
  ]);
  const listeners = /** @type {const} */ ([[host, inHost], [guest, inGuest]]);
  await gather(links, [host, guest]);
  for (const [{ tab }] of listeners) await listen(tab);

  // Twice: the same sentences once more are said once more.
  await other.arrive(links.guest);
  for (const times of [1, 2]) {
    await other.join();
    await host.admit(other.name);
    await other.inCall();
    for (const [{ tab }, words] of listeners) await hears(tab, words.joined, times);
    await other.leave();
    for (const [{ tab }, words] of listeners) await hears(tab, words.left, times);
    await other.tab.click('rejoin');
    await other.tab.untilPhase('pre-join');
  }

  for (const [{ tab }, words] of listeners) {
    for (const device of /** @type {const} */ (['mic', 'camera'])) {
      const { off, on, mute, unmute } = words[device];
      const name = () => tab.run((selector) => document.querySelector(selector)?.getAttribute('aria-label'), `#toolbar ${byId(device)}`);
      assert.equal(await name(), mute);
      await tab.click(device);
      await hears(tab, off);
      assert.equal(await name(), unmute, 'the button is named after what it does now');
      await tab.click(device);
      await hears(tab, on);
      assert.equal(await name(), mute);
    }
    // The same sentence twice in a row, with nothing in between.
    for (const times of [1, 2]) {
      await tab.click('invite');
      const copies = async () => (await heard(tab)).filter((text) => words.copied.test(text)).length === times;
      await until(`the outcome of copying to be read out, ${times} times in all`, copies, { explain: () => heard(tab) });
    }
  }
}
