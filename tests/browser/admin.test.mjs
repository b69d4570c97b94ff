// An administrator manages the organisation: makes an account, disables and enables it, gives it another password,
// deletes it, and sets the texts that guests consent to. Both languages, 390 and 320 pixels, the keyboard, no barrier
// for axe; and whoever is no administrator has no way in.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben } from './harness/cast.mjs';
import { enterAdministration, looker, typist, WIDE } from './harness/desk.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { Gateway } from './harness/gateway.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

/** What opens the room of a host's link of a consultation with a password. @param {string} host */
const secretOf = (host) => host.match(/#c\.p\.([\w-]{43})\./)?.[1] ?? assert.fail(host);

for (const [family, open] of /** @type {const} */ ([['Chromium', inChromium], ['Firefox', inFirefox]])) {
  test(`an administrator manages accounts and consent texts, in ${family}`, async (t) => {
    const stage = new Stage(t);
    const folder = resultFolder(`admin-${family.toLowerCase()}`);
    const server = await Server.start(stage);
    const password = await server.account('Anna', 'admin');
    const { tab } = await open(stage, { ...anna, language: 'de-DE', size: WIDE });
    const value = (/** @type {string} */ id) => tab.run((selector) => /** @type {HTMLInputElement | null} */ (document.querySelector(selector))?.value ?? '', byId(id));
    const says = (/** @type {string} */ id, /** @type {string} */ text) =>
      tab.until(`“${text}”`, ([selector, wanted]) => document.querySelector(selector ?? '')?.textContent?.includes(wanted ?? '') ?? false, [byId(id), text]);
    const choose = (/** @type {string} */ id, /** @type {string} */ choice) =>
      tab.run(([selector, wanted]) => {
        const field = /** @type {HTMLSelectElement} */ (document.querySelector(selector ?? ''));
        field.value = wanted ?? '';
        field.dispatchEvent(new Event('change', { bubbles: true }));
      }, [byId(id), choice]);
    const look = looker(tab, folder);
    const { reach, use, enter } = typist(tab);
    const entry = (/** @type {string} */ state) => `[data-testid="account-entry"][data-login="ben"]${state}`;

    // The administration is behind the login, and leads back to it by its address.
    await enterAdministration(tab, server, { login: 'anna', password });
    await tab.untilPhase('admin');
    await tab.click('to-rooms');
    await tab.untilPhase('rooms');
    await tab.click('to-admin');
    await tab.untilPhase('admin');
    assert.equal(await tab.run(() => location.pathname), '/admin');
    await tab.until('the focus', () => document.activeElement?.tagName === 'H1');
    await tab.untilShown('quotas');
    await says('quotas', '1 von');
    await look('administration');
    await tab.click('to-accounts');
    await tab.untilShown('new-account');

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
    const own = await tab.run(() => [...document.querySelectorAll('[data-login="anna"] button')].map((button) => button.getAttribute('data-testid')));
    assert.deepEqual(own, ['manage', 'account-policies'], 'nobody locks themselves out');
    const manage = `${entry('')} ${byId('manage')}`;
    await tab.clickOn(manage);
    await tab.untilShown('set-disabled');

    // Another name and role, which Ben has at once.
    await use('change-account');
    await tab.untilShown('changed-role');
    await look('change');
    await tab.fill('changed-name', 'Ben Tal');
    await choose('changed-role', 'assistant');
    await use('change-account-save');
    await tab.until('the role', (selector) => document.querySelector(selector) !== null, entry('[data-role="assistant"]'));
    await says('polite', 'Ben Tal ist geändert.');

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
    await says('polite', 'Niemand kann sich mehr als Ben Tal anmelden.');
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
    await tab.click('to-consent-texts');
    await says('texts-version', 'Es gibt noch keine Texte');
    await use('edit-texts');
    await use('set-texts');
    await says('texts-problem', 'Bitte füllen Sie alle vier Texte aus.');
    for (const part of ['notice', 'consent']) for (const language of ['de', 'en']) await tab.fill(`text-${part}-${language}`, `${part} ${language}`);
    await use('set-texts');
    await says('texts-version', 'Fassung 1 gilt.');
    await look('texts');
    await tab.fill('text-consent-en', 'consent en, anew');
    await use('set-texts');
    await says('texts-version', 'Fassung 2 gilt.');

    // Deleted after a question that Escape answers with no.
    await tab.click('to-accounts');
    await tab.untilShown('manage');
    await tab.clickOn(manage);
    await use('delete-account');
    await tab.untilShown('delete-account-confirm');
    await look('delete');
    await tab.press('Escape');
    await tab.untilHidden('delete-account-confirm');
    await use('delete-account');
    await use('delete-account-confirm');
    await tab.until('no account', (selector) => document.querySelector(selector) === null, entry(''));

    // By its address it is there again, and back to the rooms.
    await tab.open('about:blank');
    await tab.open(`${server.url}/admin`);
    await tab.untilPhase('admin');
    await says('quotas', '1 von');
    await tab.click('to-rooms');
    await tab.untilPhase('rooms');
    assert.equal(await tab.run(() => location.pathname), '/rooms');

    // From now on the organisation has passwords sent to telephones, if they are.
    const gateway = await Gateway.start(stage);
    const hook = { url: gateway.url, events: ['password.send'] };
    const status = await tab.run(async (body) => (await fetch('/api/v1/webhooks', { method: 'POST', body })).status, JSON.stringify(hook));
    assert.equal(status, 201);

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
    const roomPassword = await value('room-password-made');
    assert.match(roomPassword, /^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){2}$/);
    const info = await tab.run(async (path) => (await fetch(path)).json(), `/api/v1/rooms/${host.match(/\/r\/([\w-]{22})/)?.[1]}`);
    assert.deepEqual(info.consultation, { people: 2, hostName: 'Dr. Anna Beispiel' });
    assert.equal(info.password, true);
    await look('made');

    // The password by SMS: a number without its country is none, the service that fails is said to, and then it has it.
    await enter('sms-number', '0151 2345678');
    await use('send-sms');
    await says('sms-problem', 'Landesvorwahl');
    await tab.fill('sms-number', '0049 (0)151-2345 678');
    gateway.says = 500;
    await use('send-sms');
    await says('sms-problem', 'nicht angenommen');
    await look('sms-failed');
    gateway.says = 202;
    // The button still has the focus.
    await tab.press('Enter');
    await says('sms-sent', 'hat das Passwort angenommen');
    assert.equal(await value('sms-number'), '', 'the number is gone');
    await look('sms-sent');
    const data = { to: '+491512345678', password: roomPassword, language: 'de' };
    for (const told of gateway.told) {
      assert.deepEqual(Object.keys(JSON.parse(told)), ['type', 'timestamp', 'data']);
      assert.deepEqual(JSON.parse(told).data, data);
    }
    assert.equal(gateway.told.length, 2);
    await tab.fill('sms-number', '+49 151 2345678');

    // The password on a sheet of its own: no link is on it, nor what opens the room.
    await tab.reach('show-password-sheet', 'Shift+Tab');
    await tab.press('Enter');
    await tab.untilShown('password-sheet');
    const paper = await tab.run((selector) => document.querySelector(selector)?.textContent ?? '', byId('password-sheet'));
    assert.ok(paper.includes(roomPassword) && paper.includes('Sprechstunde'), paper);
    for (const part of [server.url, '/r/', '#', secretOf(host)]) assert.ok(!paper.includes(part), `${part} is on the sheet`);
    await look('password-sheet');
    await tab.press('Escape');
    await tab.untilHidden('password-sheet');
    await tab.untilShown('made-done');

    // Its schedule: a link for the same hour of two weeks, each closed until its guest has consented.
    await use('made-done');
    assert.equal(await tab.run(() => [...document.querySelectorAll('input')].some((field) => field.value.includes('2345678'))), false, 'the number is nowhere');
    await use('show-links');
    await tab.untilShown('link-weeks');
    await choose('link-weeks', '2');
    await reach('link-needs-consent');
    await tab.press(' ');
    await use('make-link');
    await tab.until('two drafts', () => document.querySelectorAll('[data-testid="link"][data-state="draft"]').length === 2);
    await look('drafts');
    await use('hand-out');
    await tab.until('one handed out', () => document.querySelectorAll('[data-testid="link"][data-state="consent"]').length === 1);

    // The text goes by mail; what comes back is noted as what it was to: an earlier version, in English.
    await use('note-consent');
    await says('consent-shown', 'consent de');
    await look('note-consent');
    await choose('consent-language', 'en');
    await says('consent-shown', 'consent en, anew');
    await choose('consent-version', '1');
    await tab.until('the first version', (selector) => /consent en$/.test(document.querySelector(selector)?.textContent?.trim() ?? ''), byId('consent-shown'));
    // What is copied, read where the page hands it to the browser: a browser without a window lets nobody read it there.
    await tab.run(() => {
      const board = navigator.clipboard;
      board.writeText = (text) => Promise.resolve(void (document.documentElement.dataset.copied = text));
    });
    await use('copy-consent');
    await tab.until('the copy', () => document.documentElement.dataset.copied !== undefined);
    const mail = await tab.run(() => document.documentElement.dataset.copied);
    assert.equal(mail, 'Privacy notice\n\nnotice en\n\nConsent (version 1)\n\nconsent en\n');
    await use('note-consent-confirm');
    await says('link-consent', 'Einwilligung in Fassung 1 auf Englisch');
    await tab.untilHidden('note-consent-confirm');
    await use('show-sheet');
    await tab.untilShown('qr');
    const sheet = await tab.run((selector) => document.querySelector(selector)?.textContent ?? '', byId('sheet'));
    assert.match(sheet, new RegExp(`#l\\.[\\w-]{22}\\.c\\.p\\.${secretOf(host)}`));
    assert.ok(!sheet.includes(roomPassword), 'the password is on no sheet of a link');
    assert.match(sheet, /Passwort, das Sie auf anderem Weg erhalten/);
    await look('sheet');
    await tab.press('Escape');
    await tab.untilHidden('qr');
    await look('schedule');

    // A withdrawal that came by telephone closes the link.
    await use('withdraw-consent');
    await tab.untilShown('withdraw-consent-confirm');
    await look('withdraw');
    await use('withdraw-consent-confirm');
    await tab.until('the withdrawn link', () => document.querySelectorAll('[data-testid="link"][data-state="withdrawn"]').length === 1);
    assert.equal(await tab.run((selector) => document.querySelector(selector), byId('withdraw-consent')), null);
    // Last: where Firefox tells of the download, it takes the keyboard.
    await use('invite');
    await says('polite', 'Die Einladung ist gespeichert.');
    const [file = ''] = await tab.run(() => /** @type {any} */ (window).probe.saved());
    const plain = file.replaceAll('\r\n ', '');
    assert.match(plain, new RegExp(`\r\nURL:https://\\S+#l\\.[\\w-]{22}\\.c\\.p\\.${secretOf(host)}\r\n`));
    assert.ok(!plain.includes(roomPassword) && !plain.includes(roomPassword.replaceAll('-', '')), 'the password is in no invitation');
  });
}
