// Somebody makes a passkey and logs in with it: by the button, and with what the browser offers where the name is typed.
// Both languages, 390 and 320 pixels, the keyboard, no barrier for axe. Chromium plays the authenticator.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Authenticator } from './harness/authenticator.mjs';
import { barriers } from './harness/axe.mjs';
import { anna } from './harness/cast.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

const WIDE = { width: 1280, height: 800 };
const SIZES = [{ width: 390, height: 844 }, { width: 320, height: 640 }];

/**
 * Without a barrier, and without scrolling sideways.
 *
 * @param {import('./harness/tab.mjs').Tab} tab
 * @param {string} folder
 * @param {string} what
 */
async function look(tab, folder, what) {
  const language = await tab.run(() => document.documentElement.lang);
  assert.deepEqual(await barriers(tab), [], what);
  for (const { width, height } of [WIDE, ...SIZES]) {
    await tab.resize(width, height);
    await tab.until('the layout', (wanted) => innerWidth === wanted, width);
    const needed = await tab.run(() => Math.max(document.documentElement.scrollWidth, document.querySelector('dialog')?.scrollWidth ?? 0));
    await tab.shot(folder, `${what}-${language}-${width}`);
    assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
  }
  await tab.resize(WIDE.width, WIDE.height);
}

/** @param {import('./harness/tab.mjs').Tab} tab */
function words(tab) {
  return {
    says: (/** @type {string} */ id, /** @type {string} */ text) =>
      tab.until(`“${text}”`, ([selector, wanted]) => document.querySelector(selector ?? '')?.textContent?.includes(wanted ?? '') ?? false, [byId(id), text]),
    /** With the keyboard alone. */
    use: async (/** @type {string} */ id) => {
      await tab.reach(id);
      await tab.press('Enter');
    },
    enter: async (/** @type {string} */ id, /** @type {string} */ text) => {
      await tab.reach(id);
      await tab.type(text);
    },
  };
}

/**
 * From now on what the page offers by itself waits for `go`. A person is there while the browser asks; an authenticator
 * made of software answers what was asked while nobody was there never.
 *
 * @param {import('./harness/tab.mjs').Tab} tab
 */
async function holdOffers(tab) {
  await tab.run(() => {
    const page = /** @type {any} */ (window);
    const get = navigator.credentials.get.bind(navigator.credentials);
    page.offered = null;
    navigator.credentials.get = async (options) => {
      await new Promise((go) => (page.offered = go));
      return get(options);
    };
  });
  return {
    go: async () => {
      await tab.until('the offer', () => /** @type {any} */ (window).offered !== null);
      await tab.run(() => {
        const page = /** @type {any} */ (window);
        const { offered } = page;
        page.offered = null;
        offered();
      });
    },
  };
}

test('a passkey is made, logs in by the button and by itself, and is removed, in Chromium', async (t) => {
  const stage = new Stage(t);
  const folder = resultFolder('passkey-chromium');
  const server = await Server.start(stage);
  const password = await server.account('Anna', 'host');
  const authenticator = new Authenticator();
  const { tab } = await inChromium(stage, { ...anna, language: 'de-DE', size: WIDE, authenticator });
  const { says, use, enter } = words(tab);
  const url = server.url.replace('127.0.0.1', 'localhost');

  // Whoever has none logs in with the password.
  await tab.open(`${url}/login`);
  await tab.untilPhase('login');
  await tab.untilShown('log-in-passkey');
  assert.equal(await tab.run((selector) => document.querySelector(selector)?.getAttribute('autocomplete'), byId('login-name')), 'username webauthn');
  await look(tab, folder, '1-login');
  await tab.click('switch-language');
  await look(tab, folder, '1-login');
  await tab.click('switch-language');
  await tab.fill('login-name', 'anna');
  await tab.fill('login-password', password);
  await tab.click('log-in');
  await tab.untilPhase('rooms');

  // A passkey is made, with the keyboard alone.
  await use('account');
  await tab.untilShown('passkeys-none');
  await look(tab, folder, '2-none');
  await use('passkey-make');
  await says('passkey-problem', 'Bitte geben Sie ihm einen Namen');
  await authenticator.present(true);
  await enter('passkey-name', 'Annas Rechner');
  await tab.press('Enter');
  await says('passkey-said', 'Der Passkey ist angelegt.');
  await tab.until('one passkey', (selector) => document.querySelectorAll(selector).length === 1, byId('passkey'));
  assert.equal((await authenticator.passkeys()).length, 1);
  // The same authenticator makes no second one.
  await enter('passkey-name', 'noch einer');
  await tab.press('Enter');
  await says('passkey-problem', 'Auf diesem Gerät gibt es schon einen Passkey');
  await authenticator.present(false);
  await use('passkey-rename');
  await tab.untilShown('passkey-new-name');
  await look(tab, folder, '3-rename');
  await tab.fill('passkey-new-name', 'Der Rechner in der Praxis');
  await tab.press('Enter');
  await says('passkey', 'Der Rechner in der Praxis');
  await tab.press('Escape');
  await tab.click('switch-language');
  await use('account');
  await tab.untilShown('passkey-rename');
  await look(tab, folder, '4-one');
  await tab.press('Escape');
  await tab.click('switch-language');

  // Out, and in by the button, without a name and with the keyboard alone.
  await use('log-out');
  await tab.untilPhase('login');
  await authenticator.verifies(false);
  await tab.reach('log-in-passkey');
  await authenticator.present(true);
  await tab.press('Enter');
  await says('login-problem', 'Es wurde kein Passkey bestätigt.');
  await look(tab, folder, '5-declined');
  await authenticator.verifies(true);
  await use('log-in-passkey');
  await tab.untilPhase('rooms');

  // Out, and in with what the browser offers by itself: here its user takes it at once.
  const offers = await holdOffers(tab);
  await tab.click('log-out');
  await tab.untilPhase('login');
  await offers.go();
  await tab.untilPhase('rooms');

  // Removed, it logs nobody in any more, though the authenticator still has it.
  await tab.click('account');
  await tab.untilShown('passkey-remove');
  await use('passkey-remove');
  await tab.untilShown('passkey-remove-confirm');
  await look(tab, folder, '6-remove');
  await tab.press('Enter');
  await says('passkey-said', 'Der Passkey ist entfernt.');
  await tab.untilShown('passkeys-none');
  await tab.press('Escape');
  await tab.click('log-out');
  await tab.untilPhase('login');
  await offers.go();
  await says('login-problem', 'Dieser Passkey ist hier nicht bekannt');
  const problems = tab.problems.filter((problem) => !/status of 401/.test(problem));
  assert.deepEqual(problems, [], 'nothing but what was refused');
  stage.say(`pictures of every step: ${folder}`);
});

test('by an address no passkey is offered, and the account says why, in Chromium', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const password = await server.account('Anna', 'host');
  const { tab } = await inChromium(stage, { ...anna, size: WIDE });
  const url = server.url.replace('localhost', '127.0.0.1');
  stage.hosts.add(new URL(url).host);
  await tab.open(`${url}/login`);
  await tab.untilPhase('login');
  await tab.fill('login-name', 'anna');
  await tab.fill('login-password', password);
  assert.equal(await tab.run((selector) => document.querySelector(selector), byId('log-in-passkey')), null);
  await tab.click('log-in');
  await tab.untilPhase('rooms');
  await tab.click('account');
  await tab.untilShown('passkeys-obstacle');
  await words(tab).says('passkeys-obstacle', 'at https://localhost only');
  await look(tab, resultFolder('passkey-address'), 'obstacle');
});

// No WebDriver BiDi command gives Firefox an authenticator: here it has none, and everything else is looked at.
test('passkeys are offered and their absence leads back to the password, in Firefox', async (t) => {
  const stage = new Stage(t);
  const folder = resultFolder('passkey-firefox');
  const server = await Server.start(stage);
  const password = await server.account('Anna', 'host');
  const { tab } = await inFirefox(stage, { ...anna, size: WIDE });
  const url = server.url.replace('127.0.0.1', 'localhost');
  await tab.open(`${url}/login`);
  await tab.untilPhase('login');
  await tab.untilShown('log-in-passkey');
  await look(tab, folder, '1-login');
  await tab.fill('login-name', 'anna');
  await tab.fill('login-password', password);
  await tab.click('log-in');
  await tab.untilPhase('rooms');
  await tab.reach('account', 'Shift+Tab');
  await tab.press('Enter');
  await tab.untilShown('passkey-make');
  await look(tab, folder, '2-none');
  assert.deepEqual(tab.problems.filter((problem) => !/status of 401|Failed to load resource/.test(problem)), []);
});
