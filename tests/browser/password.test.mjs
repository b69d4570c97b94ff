// A link with a password: asked for on the page before anything else, wrong ones told with the tries that
// are left, five of them lock the link, the host unlocks it, and nothing of the password stays in the
// browser. On a telephone's width, in both languages, with the keyboard, and without a barrier for axe.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben } from './harness/cast.mjs';
import { everyoneReceives, inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

const PHONE = { width: 390, height: 844 };

const GERMAN = {
  language: 'de-DE',
  missing: 'Geben Sie das Passwort ein.',
  malformed: 'Das kann nicht das Passwort sein',
  wrong: ['Noch 4 falsche Versuche', 'Noch 3 falsche Versuche', 'Noch 2 falsche Versuche', 'Noch ein falscher Versuch'],
  locked: 'haben diesen Link gesperrt',
};

const ENGLISH = {
  language: 'en-GB',
  missing: 'Enter the password.',
  malformed: 'This cannot be the password',
  wrong: ['4 more wrong tries', '3 more wrong tries', '2 more wrong tries', 'One more wrong try'],
  locked: 'have locked this link',
};

test('a link opens with its password only, in German', (t) => journey(t, GERMAN));
test('a link opens with its password only, in English', (t) => journey(t, ENGLISH));

/** @param {import('node:test').TestContext} t @param {typeof ENGLISH} words */
async function journey(t, { language, missing, malformed, wrong, locked }) {
  const stage = new Stage(t);
  const folder = resultFolder(`password-${language}`);
  const server = await Server.start(stage);
  const { password, ...links } = await server.roomWithPassword();
  const [host, guest] = await Promise.all([
    inChromium(stage, { ...anna, language }),
    inChromium(stage, { ...ben, language, size: PHONE, touch: true }),
  ]);
  let step = 0;
  const show = async (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ what) => {
    step += 1;
    const found = await barriers(tab);
    await tab.shot(folder, `${String(step).padStart(2, '0')}-${what}`);
    assert.deepEqual(found, [], what);
    const [needed, width] = await tab.run(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
  };
  const says = (/** @type {string} */ text) =>
    guest.tab.until(
      `“${text}”`,
      ([selector, wanted]) => document.querySelector(selector)?.textContent?.includes(wanted) ?? false,
      /** @type {[string, string]} */ ([byId('password-hint'), text]),
    );

  await host.arrive(links.host);
  await host.tab.fill('prejoin-password', password);
  await show(host, 'host-before');
  await host.join();
  await host.inCall();

  // The guest types, and never leaves the keyboard.
  await guest.arrive(links.guest);
  await show(guest, 'asked');
  await guest.tab.reach('prejoin-name');
  await guest.tab.press('Enter');
  await says(missing);
  await guest.tab.type('too-short');
  await guest.tab.press('Enter');
  await says(malformed);
  await show(guest, 'malformed');
  await guest.tab.fill('prejoin-password', '0000 0000 0000');
  for (const [at, text] of wrong.entries()) {
    await guest.tab.press('Enter');
    await says(text);
    if (at === 0) await show(guest, 'wrong');
  }
  await guest.tab.press('Enter');
  await says(locked);
  await show(guest, 'locked');
  assert.equal(await guest.tab.run(() => document.querySelectorAll('[data-testid="knock"]').length), 0);

  // The right one does not help either, until the host unlocks the link.
  await guest.tab.fill('prejoin-password', password.toUpperCase().replaceAll('-', ' '));
  await guest.tab.reach('show-password');
  await guest.tab.press('Enter');
  await show(guest, 'shown');
  await guest.join();
  await guest.tab.untilPhase('pre-join');
  await says(locked);
  await host.tab.untilShown('link-locked');
  await show(host, 'host-told');
  await host.tab.reach('unlock-link');
  await host.tab.press('Enter');
  await host.tab.untilHidden('link-locked');
  await guest.join();
  await guest.tab.untilPhase('waiting');
  await host.admit(guest.name);
  await Promise.all([host.inCall(), guest.inCall()]);
  await everyoneReceives([host, guest]);

  const canonical = password.replaceAll('-', '');
  for (const { tab } of [host, guest]) {
    const kept = await tab.run(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]));
    for (const form of [password, canonical]) {
      assert.ok(!kept.toLowerCase().replaceAll(' ', '').includes(form), `the password is kept: ${kept}`);
      assert.ok(!tab.requests.some((request) => request.includes(form)), 'the password is in an address');
    }
  }
  stage.say(`pictures of every step: ${folder}`);
}
