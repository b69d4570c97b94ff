// Somebody with an account: logs in with a second factor, makes a room and links for its guests, and takes them back.
// An assistant makes guests' links by the staff's link, which makes nobody a host.
// Both languages, 390 and 320 pixels, the keyboard, no barrier for axe; and the server never learns what opens a room.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben } from './harness/cast.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';
import { totp } from './harness/totp.mjs';

const WIDE = { width: 1280, height: 800 };
const SIZES = [{ width: 390, height: 844 }, { width: 320, height: 640 }];

for (const [family, open] of /** @type {const} */ ([['Chromium', inChromium], ['Firefox', inFirefox]])) {
  test(`an administrator logs in with a second factor and makes a room with links, in ${family}`, async (t) => {
    const stage = new Stage(t);
    const folder = resultFolder(`account-${family.toLowerCase()}`);
    const server = await Server.start(stage);
    const password = await server.account('Anna', 'admin');
    const { tab } = await open(stage, { ...anna, language: 'de-DE', size: WIDE });
    let step = 0;
    const value = (/** @type {string} */ id) => tab.run((selector) => /** @type {HTMLInputElement | null} */ (document.querySelector(selector))?.value ?? '', byId(id));
    const says = (/** @type {string} */ id, /** @type {string} */ text) =>
      tab.until(`“${text}”`, ([selector, wanted]) => document.querySelector(selector ?? '')?.textContent?.includes(wanted ?? '') ?? false, [byId(id), text]);
    /** Without a barrier, and without scrolling sideways, in both languages. */
    const look = async (/** @type {string} */ what) => {
      step += 1;
      for (const language of ['de', 'en']) {
        const found = await barriers(tab);
        for (const { width, height } of [WIDE, ...SIZES]) {
          await tab.resize(width, height);
          await tab.until('the layout', (wanted) => innerWidth === wanted, width);
          const needed = await tab.run(() => document.documentElement.scrollWidth);
          await tab.shot(folder, `${step}-${what}-${language}-${width}`);
          assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
        }
        assert.deepEqual(found, [], what);
        await tab.resize(WIDE.width, WIDE.height);
        // Behind a dialog the button is not to be had; its words are those of the page that opened it.
        if (await tab.run(() => document.querySelector('dialog[open]') !== null)) return;
        await tab.click('switch-language');
      }
    };
    /** With the keyboard alone. */
    const use = async (/** @type {string} */ id) => {
      await tab.reach(id);
      await tab.press('Enter');
    };
    const enter = async (/** @type {string} */ id, /** @type {string} */ text) => {
      await tab.reach(id);
      await tab.type(text);
    };

    // Nobody is logged in: the rooms are behind the login.
    await tab.open(`${server.url}/rooms`);
    await tab.untilPhase('login');
    assert.equal(await tab.run(() => location.pathname), '/login');
    assert.equal(await tab.run(() => document.activeElement?.tagName), 'H1', 'the heading is read out');
    await look('login');
    await enter('login-name', 'anna');
    await enter('login-password', 'wrong');
    await tab.press('Enter');
    await says('login-problem', 'Konto oder Passwort stimmt nicht.');
    await look('wrong-password');
    await tab.fill('login-password', password);
    await use('log-in');

    // An administrator comes no further without a second factor.
    await tab.untilPhase('factor');
    await tab.untilShown('factor-key');
    await look('factor');
    const key = await tab.run((selector) => document.querySelector(selector)?.textContent ?? '', byId('factor-key'));
    await enter('factor-code', totp(key) === '000000' ? '000001' : '000000');
    await tab.press('Enter');
    await says('factor-problem', 'Dieser Code stimmt nicht');
    await tab.fill('factor-code', totp(key));
    await use('factor-confirm');
    await tab.untilPhase('codes');
    await look('backup-codes');
    const codes = await tab.run((selector) => [...document.querySelectorAll(selector)].map((item) => item.textContent ?? ''), `${byId('backup-codes')} li`);
    assert.equal(codes.length, 10);
    await use('codes-done');

    // A room: its links are shown once.
    await tab.untilPhase('rooms');
    assert.equal(await tab.run(() => location.pathname), '/rooms');
    await look('no-rooms');
    await use('new-room');
    await enter('room-title', 'Sprechstunde');
    await look('new-room');
    await use('make-room');
    await tab.untilShown('host-link');
    await look('made');
    const host = await value('host-link');
    assert.match(host, /\/r\/[\w-]{22}#[\w-]{43}\.[\w-]{43}$/);
    const staff = await value('staff-link');
    assert.equal(staff, host.replace(/\.[\w-]{43}$/, ''), 'the same without the host key');
    await use('made-done');
    await tab.untilHidden('host-link');

    // A link for a guest, from what the page still knows; and taken back.
    await use('show-links');
    await tab.untilShown('make-link');
    await use('make-link');
    await tab.untilShown('new-link');
    const guest = await value('new-link');
    const [, secret] = host.match(/#([\w-]{43})\./) ?? [];
    assert.match(guest, new RegExp(`#l\\.[\\w-]{22}\\.${secret}$`));
    await look('link');
    await use('revoke-link');
    await tab.until('the revoked link', () => document.querySelector('[data-testid="link"][data-state="revoked"]') !== null);
    await look('revoked');

    // Out, and in again with a backup code.
    await tab.reach('log-out', 'Shift+Tab');
    await tab.press('Enter');
    await tab.untilPhase('login');
    await tab.fill('login-name', 'ANNA');
    await tab.fill('login-password', password);
    await tab.click('log-in');
    await tab.untilShown('login-code');
    await tab.until('the focus', (selector) => document.activeElement?.matches(selector) ?? false, byId('login-code'));
    await look('code');
    await tab.fill('login-code', codes[0] ?? '');
    await tab.click('log-in');
    await tab.untilPhase('rooms');

    // A page that was loaded anew knows no secret: it takes it from a link that is pasted.
    await tab.open('about:blank');
    await tab.open(`${server.url}/login`);
    await tab.untilPhase('rooms');
    await tab.click('show-links');
    await tab.untilShown('link-secret');
    await look('paste');
    await tab.fill('link-secret', `${server.url}/r/AAAAAAAAAAAAAAAAAAAAAA#${secret}`);
    await tab.click('make-link');
    await says('link-problem', 'Das ist kein Link dieses Raums.');
    await tab.fill('link-secret', host);
    await tab.click('make-link');
    await tab.untilShown('new-link');
    const second = await value('new-link');
    assert.notEqual(second, guest);

    // An assistant makes a guest's link by the staff's alone.
    const { tab: desk } = await open(stage, { ...ben, language: 'de-DE', size: WIDE });
    await desk.open(`${server.url}/rooms`);
    await desk.untilPhase('login');
    await desk.fill('login-name', 'ben');
    await desk.fill('login-password', await server.account('Ben', 'assistant'));
    await desk.click('log-in');
    await desk.untilPhase('rooms');
    await desk.click('show-links');
    await desk.untilShown('link-secret');
    await desk.fill('link-secret', staff);
    await desk.click('make-link');
    await desk.untilShown('new-link');
    const third = await desk.run((selector) => /** @type {HTMLInputElement} */ (document.querySelector(selector)).value, byId('new-link'));
    assert.match(third, new RegExp(`#l\\.[\\w-]{22}\\.${secret}$`));
    assert.ok(![guest, second].includes(third));
    // As a call it opens nothing, and says so.
    await desk.open('about:blank');
    await desk.open(staff);
    await desk.untilPhase('link-needed');
    assert.match(await desk.text(), /Hier braucht jeder Gast einen eigenen Link/);
    await desk.shot(folder, 'staff-link-as-a-call');

    // What opens the room is nowhere on the server, and both links lead where they should.
    const bytes = Buffer.from(secret ?? '', 'base64url');
    for (const file of readdirSync(server.data)) {
      const kept = readFileSync(join(server.data, file));
      assert.ok(!kept.includes(bytes) && !kept.includes(secret ?? ''), `${file} holds the secret of the room`);
    }
    for (const [link, phase] of [[guest, 'link-revoked'], [second, 'pre-join'], [third, 'pre-join'], [host, 'pre-join']]) {
      await tab.open('about:blank');
      await tab.open(link ?? '');
      await tab.untilPhase(phase ?? '');
    }

    // Another password ends the session; the room goes.
    await tab.open(`${server.url}/rooms`);
    await tab.untilPhase('rooms');
    await tab.click('account');
    await tab.untilShown('current-password');
    await look('account');
    await tab.press('Escape');
    await tab.untilHidden('current-password');
    await tab.click('delete-room');
    await tab.untilShown('delete-confirm');
    await look('delete');
    await tab.click('delete-confirm');
    await tab.until('no room', (selector) => document.querySelector(selector) === null, byId('room'));
    await tab.click('account');
    await tab.fill('current-password', password);
    await tab.fill('new-password', 'ein neues Passwort');
    await tab.click('change-password');
    await tab.untilPhase('login');
    await says('notice', 'Das Passwort ist geändert.');
    // What the browser itself says of what was refused, and of the link that was taken back, is no problem of the page.
    const problems = tab.problems.filter((problem) => !/status of (401|403|410)/.test(problem));
    assert.deepEqual(problems, []);
    stage.say(`pictures of every step: ${folder}`);
  });
}
