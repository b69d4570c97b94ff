// An administrator manages the organisation: makes an account, disables and enables it, gives it another password,
// deletes it, and sets the texts that guests consent to. Both languages, 390 and 320 pixels, the keyboard, no barrier
// for axe; and whoever is no administrator has no way in.

import assert from 'node:assert/strict';
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
  test(`an administrator manages accounts and consent texts, in ${family}`, async (t) => {
    const stage = new Stage(t);
    const folder = resultFolder(`admin-${family.toLowerCase()}`);
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
    /** With the keyboard alone, from the heading on: Firefox without a window does not come round to it by itself. */
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
    const entry = (/** @type {string} */ state) => `[data-testid="account-entry"][data-login="ben"]${state}`;

    // The administration is behind the login, and leads back to it by its address.
    await tab.open(`${server.url}/admin`);
    await tab.untilPhase('login');
    await tab.fill('login-name', 'anna');
    await tab.fill('login-password', password);
    await tab.click('log-in');
    await tab.untilPhase('factor');
    await tab.untilShown('factor-key');
    const key = await tab.run((selector) => document.querySelector(selector)?.textContent ?? '', byId('factor-key'));
    await tab.fill('factor-code', totp(key));
    await tab.click('factor-confirm');
    await tab.untilPhase('codes');
    await tab.click('codes-done');
    await tab.untilPhase('rooms');
    await tab.click('to-admin');
    await tab.untilPhase('admin');
    assert.equal(await tab.run(() => location.pathname), '/admin');
    await tab.until('the focus', () => document.activeElement?.tagName === 'H1');
    await tab.untilShown('quotas');
    await says('quotas', '1 von');
    await look('administration');

    // Another account; its password is shown once.
    await use('new-account');
    await use('make-account');
    await says('new-account-problem', 'Bitte geben Sie beide Namen ein.');
    await enter('account-login', 'Ben Berg');
    await enter('account-name', 'Ben Berg');
    await use('make-account');
    await says('new-account-problem', 'Der Server nimmt einen dieser Namen nicht an.');
    await look('new-account');
    await tab.fill('account-login', 'ben');
    await use('make-account');
    await tab.untilShown('account-password');
    const first = await value('account-password');
    assert.ok(first.length >= 12, first);
    await look('password');
    await use('account-done');
    await tab.until('the account', (selector) => document.querySelector(selector) !== null, entry('[data-disabled="false"]'));
    await says('quotas', '2 von');
    assert.equal(
      await tab.run(() => document.querySelectorAll('[data-login="anna"] button').length),
      0,
      'nobody locks themselves out',
    );

    // Ben logs in, and finds no administration.
    const { tab: other } = await open(stage, { ...ben, language: 'de-DE', size: WIDE });
    await other.open(`${server.url}/admin`);
    await other.untilPhase('login');
    await other.fill('login-name', 'ben');
    await other.fill('login-password', first);
    await other.click('log-in');
    await other.untilPhase('rooms');
    assert.equal(await other.run((selector) => document.querySelector(selector), byId('to-admin')), null);

    // Disabled, he is out, and enabled with another password in again by that alone.
    await use('set-disabled');
    await tab.until('the disabled account', (selector) => document.querySelector(selector) !== null, entry('[data-disabled="true"]'));
    await says('polite', 'Niemand kann sich mehr als Ben Berg anmelden.');
    await look('disabled');
    await other.open('about:blank');
    await other.open(`${server.url}/rooms`);
    await other.untilPhase('login');
    await use('set-disabled');
    await tab.until('the enabled account', (selector) => document.querySelector(selector) !== null, entry('[data-disabled="false"]'));
    await use('reset-password');
    await tab.untilShown('account-password');
    const second = await value('account-password');
    assert.notEqual(second, first);
    await use('account-done');
    await other.fill('login-name', 'ben');
    await other.fill('login-password', first);
    await other.click('log-in');
    await other.until('the refusal', (selector) => (document.querySelector(selector)?.textContent ?? '') !== '', byId('login-problem'));
    await other.fill('login-password', second);
    await other.click('log-in');
    await other.untilPhase('rooms');

    // The texts that guests consent to.
    await says('texts-version', 'Es gibt noch keine Texte');
    await use('edit-texts');
    await use('set-texts');
    await says('texts-problem', 'Bitte füllen Sie alle vier Texte aus.');
    for (const part of ['notice', 'consent']) for (const language of ['de', 'en']) await tab.fill(`text-${part}-${language}`, `${part} ${language}`);
    await use('set-texts');
    await says('texts-version', 'Fassung 1 gilt.');
    await look('texts');
    await use('set-texts');
    await says('texts-version', 'Fassung 2 gilt.');

    // Deleted after a question that Escape answers with no.
    await use('delete-account');
    await tab.untilShown('delete-account-confirm');
    await look('delete');
    await tab.press('Escape');
    await tab.untilHidden('delete-account-confirm');
    await use('delete-account');
    await use('delete-account-confirm');
    await tab.until('no account', (selector) => document.querySelector(selector) === null, entry(''));
    await says('quotas', '1 von');

    // By its address it is there again, and back to the rooms.
    await tab.open('about:blank');
    await tab.open(`${server.url}/admin`);
    await tab.untilPhase('admin');
    await tab.click('to-rooms');
    await tab.untilPhase('rooms');
    assert.equal(await tab.run(() => location.pathname), '/rooms');

    // A room by the whole form: its password is shown once, beside no link, and the server has its digest alone.
    await use('new-room');
    await enter('room-title', 'Sprechstunde');
    for (const box of ['room-password', 'room-consultation', 'room-presenters']) {
      await reach(box);
      await tab.press(' ');
    }
    await enter('room-host', 'Dr. Anna Beispiel');
    await look('new-room');
    await use('make-room');
    await tab.untilShown('host-link');
    const host = await value('host-link');
    assert.match(host, /\/r\/[\w-]{22}#c\.p\.[\w-]{43}\.[\w-]{43}$/);
    assert.match(await value('room-password-made'), /^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){2}$/);
    const info = await tab.run(async (path) => (await fetch(path)).json(), `/api/v1/rooms/${host.match(/\/r\/([\w-]{22})/)?.[1]}`);
    assert.deepEqual(info.consultation, { people: 2, hostName: 'Dr. Anna Beispiel' });
    assert.equal(info.password, true);
    await look('made');

    // Its schedule: a link for the same hour of two weeks, each closed until its guest has consented.
    await use('made-done');
    await use('show-links');
    await tab.untilShown('link-weeks');
    await tab.run((selector) => {
      const field = /** @type {HTMLSelectElement} */ (document.querySelector(selector));
      field.value = '2';
      field.dispatchEvent(new Event('change', { bubbles: true }));
    }, byId('link-weeks'));
    await reach('link-needs-consent');
    await tab.press(' ');
    await use('make-link');
    await tab.until('two drafts', () => document.querySelectorAll('[data-testid="link"][data-state="draft"]').length === 2);
    await look('drafts');
    await use('hand-out');
    await tab.until('one handed out', () => document.querySelectorAll('[data-testid="link"][data-state="consent"]').length === 1);
    await use('note-consent');
    await tab.until('a consent', (selector) => document.querySelector(selector)?.textContent?.includes('Einwilligung in Fassung 2') ?? false, byId('link-consent'));
    await use('show-sheet');
    await tab.untilShown('qr');
    const sheet = await tab.run((selector) => document.querySelector(selector)?.textContent ?? '', byId('sheet'));
    const [, secret] = host.match(/#c\.p\.([\w-]{43})\./) ?? [];
    assert.match(sheet, new RegExp(`#l\\.[\\w-]{22}\\.c\\.p\\.${secret}`));
    assert.match(sheet, /Passwort, das Sie auf anderem Weg erhalten/);
    await look('sheet');
    await tab.press('Escape');
    await tab.untilHidden('qr');
    await look('schedule');
    // Last: where Firefox tells of the download, it takes the keyboard.
    await use('invite');
    await says('polite', 'Die Einladung ist gespeichert.');
  });
}
