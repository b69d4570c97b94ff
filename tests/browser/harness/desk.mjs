// The pages for people with an account: how an administrator comes in, and how a page is looked at.

import assert from 'node:assert/strict';
import { barriers } from './axe.mjs';
import { byId } from './tab.mjs';
import { totp } from './totp.mjs';

export const WIDE = { width: 1280, height: 800 };
const SIZES = [{ width: 390, height: 844 }, { width: 320, height: 640 }];

/**
 * Logs in an administrator for the first time: with the second factor, which is set up on the way. The address is
 * that of the administration, which is behind the login and leads back to it.
 *
 * @param {import('./tab.mjs').Tab} tab
 * @param {import('./server.mjs').Server} server
 * @param {{login: string, password: string, path?: string}} of
 * @returns {Promise<string>} the key of the second factor
 */
export async function enterAdministration(tab, server, { login, password, path = '/admin' }) {
  await tab.open(`${server.url}${path}`);
  await tab.untilPhase('login');
  await tab.fill('login-name', login);
  await tab.fill('login-password', password);
  await tab.click('log-in');
  await tab.untilPhase('factor');
  await tab.untilShown('factor-key');
  const key = await tab.run((selector) => document.querySelector(selector)?.textContent ?? '', byId('factor-key'));
  await tab.fill('factor-code', totp(key));
  await tab.click('factor-confirm');
  await tab.untilPhase('codes');
  assert.deepEqual(await tab.devices(), { asked: [], open: 0 }, 'the login asks for no device');
  await tab.click('codes-done');
  return key;
}

/**
 * Photographs what a page shows, in German and English, wide and on telephones: without a barrier for axe, without
 * scrolling sideways. None of these pages asks for a device.
 *
 * @param {import('./tab.mjs').Tab} tab
 * @param {string} folder
 */
export function looker(tab, folder) {
  let step = 0;
  return async (/** @type {string} */ what) => {
    step += 1;
    assert.deepEqual(await tab.devices(), { asked: [], open: 0 }, `${what} asks for no device`);
    for (const language of ['de', 'en']) {
      const found = await barriers(tab);
      for (const { width, height } of [WIDE, ...SIZES]) {
        await tab.resize(width, height);
        await tab.until('the layout', (wanted) => innerWidth === wanted, width);
        const needed = await tab.run(() => document.documentElement.scrollWidth);
        await tab.shot(folder, `${String(step).padStart(2, '0')}-${what}-${language}-${width}`);
        assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
      }
      assert.deepEqual(found, [], what);
      await tab.resize(WIDE.width, WIDE.height);
      // Behind a dialog the button is not to be had; its words are those of the page that opened it.
      if (await tab.run(() => document.querySelector('dialog[open]') !== null)) return;
      await tab.click('switch-language');
    }
  };
}

/**
 * What can be done with the keyboard alone, from the heading on: Firefox without a window does not come round to it by
 * itself.
 *
 * @param {import('./tab.mjs').Tab} tab
 */
export function typist(tab) {
  const reach = async (/** @type {string} */ id) => {
    await tab.run(() => {
      if (document.querySelector('dialog[open]') === null) document.querySelector('h1')?.focus();
    });
    await tab.reach(id);
  };
  const use = async (/** @type {string} */ id) => {
    await reach(id);
    await tab.press('Enter');
  };
  const enter = async (/** @type {string} */ id, /** @type {string} */ text) => {
    await reach(id);
    await tab.type(text);
  };
  return { reach, use, enter };
}
