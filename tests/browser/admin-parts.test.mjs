// The parts of the administration, each at its own address: devices are revoked one by one, by account, and all at
// once; policies are seen, set, and go out and in as a table; the audit log is read, checked and saved; the provider
// is shown. Both languages, 390 and 320 pixels, the keyboard, no barrier for axe, in both browsers.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { anna, ben } from './harness/cast.mjs';
import { enterAdministration, looker, typist, WIDE } from './harness/desk.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

/** @typedef {import('./harness/tab.mjs').Tab} Tab */

/** Who is logged in, or not. @param {Tab} tab @returns {Promise<number>} */
const standing = (tab) => tab.run(async () => (await fetch('/api/v1/session')).status);

/** @param {Tab} tab @param {string} id @param {string} value */
const choose = (tab, id, value) =>
  tab.run(([selector, wanted]) => {
    const field = /** @type {HTMLSelectElement | HTMLInputElement} */ (document.querySelector(selector ?? ''));
    field.value = wanted ?? '';
    for (const event of ['input', 'change']) field.dispatchEvent(new Event(event, { bubbles: true }));
  }, [byId(id), value]);

for (const [family, open] of /** @type {const} */ ([['Chromium', inChromium], ['Firefox', inFirefox]])) {
  test(`an administrator finds devices, policies, the provider and the audit log, in ${family}`, async (t) => {
    const stage = new Stage(t);
    const server = await Server.start(stage);
    const password = await server.account('Anna', 'admin');
    const bens = await server.account('Ben', 'host');
    const { tab } = await open(stage, { ...anna, language: 'de-DE', size: WIDE });
    const look = looker(tab, resultFolder(`admin-parts-${family.toLowerCase()}`));
    const { use } = typist(tab);
    const says = (/** @type {string} */ id, /** @type {string} */ text) =>
      tab.until(`“${text}”`, ([selector, wanted]) => document.querySelector(selector ?? '')?.textContent?.includes(wanted ?? '') ?? false, [byId(id), text]);
    const counts = (/** @type {string} */ id, /** @type {number} */ wanted) =>
      tab.until(`${wanted} of “${id}”`, ([selector, count]) => document.querySelectorAll(String(selector)).length === count, /** @type {[string, number]} */ ([byId(id), wanted]));
    const at = (/** @type {string} */ path) => tab.until(path, (wanted) => location.pathname === wanted, path);

    // An address leads to its part, through the login.
    await enterAdministration(tab, server, { login: 'anna', password, path: '/admin/policies' });
    await tab.untilPhase('admin');
    await at('/admin/policies');
    await tab.untilShown('policy-guest-links');
    await tab.until('the focus', () => document.activeElement?.tagName === 'H1');
    assert.match(await tab.run(() => document.title), /^Richtlinien – Verwaltung/);
    // The parts are links: with the keyboard, and back and forth as everywhere.
    await tab.run((selector) => /** @type {HTMLElement} */ (document.querySelector(selector)).focus(), byId('to-devices'));
    await tab.press('Enter');
    await at('/admin/devices');
    await tab.until('the focus', () => document.activeElement?.tagName === 'H1');
    await tab.run(() => history.back());
    await at('/admin/policies');
    await tab.untilShown('policy-guest-links');
    assert.equal(await tab.run((selector) => document.querySelector(selector)?.getAttribute('aria-current'), byId('to-policies')), 'page');

    // What holds, and from where; what is set here.
    const policy = (/** @type {string} */ name, /** @type {string} */ state) =>
      tab.until(`${name} ${state}`, (selector) => document.querySelector(selector) !== null, `[data-policy="${name}"]${state}`);
    await policy('guest-links', '[data-source="default"][data-value="yes"]');
    await choose(tab, 'policy-guest-links', 'no');
    await choose(tab, 'policy-session-hours', '13');
    await use('set-policies');
    await says('policy-problem', 'Diesen Wert kann');
    await look('policies-refused');
    await choose(tab, 'policy-session-hours', '3');
    await use('set-policies');
    await says('policies-done', 'Die Richtlinien sind gesetzt.');
    await policy('guest-links', '[data-source="organisation"][data-value="no"]');
    await policy('session-hours', '[data-source="organisation"][data-value="3"]');
    await look('policies');

    // For an account; what its organisation says goes before it.
    await tab.click('to-accounts');
    await tab.untilShown('manage');
    await tab.clickOn(`[data-login="ben"] ${byId('manage')}`);
    await tab.clickOn(`[data-login="ben"] ${byId('account-policies')}`);
    await policy('session-hours', '[data-source="organisation"][data-value="3"]');
    await choose(tab, 'policy-session-hours', '1');
    await choose(tab, 'policy-second-factor', 'no');
    await use('set-policies');
    await says('policies-done', 'Die Richtlinien sind gesetzt.');
    await policy('session-hours', '[data-source="organisation"][data-value="3"]');
    await policy('second-factor', '[data-source="account"]');
    await says('policy-form', 'Was hier gesetzt ist, zählt nicht.');
    await look('policies-of-an-account');
    await tab.press('Escape');
    await tab.untilHidden('policy-form');

    // As a table: out, and in again, all of it or nothing.
    await tab.click('to-policies');
    await tab.untilShown('save-table');
    await tab.run(() => {
      const page = /** @type {any} */ (window);
      page.saved = [];
      const make = URL.createObjectURL;
      URL.createObjectURL = (/** @type {any} */ blob) => (page.saved.push(blob), make(blob));
      // Where Firefox tells of a download, it takes the keyboard.
      HTMLAnchorElement.prototype.click = () => undefined;
    });
    const saved = () => tab.run(async () => /** @type {any} */ (window).saved.at(-1)?.text());
    await use('save-table');
    await says('table-done', 'Die Tabelle ist gespeichert.');
    const whole = 'account,policy,value\r\n,guest-links,no\r\n,session-hours,3\r\nben,second-factor,no\r\nben,session-hours,1\r\n';
    assert.equal(await saved(), whole);
    const pick = (/** @type {string} */ text) =>
      tab.run(([selector, table]) => {
        const field = /** @type {HTMLInputElement} */ (document.querySelector(selector ?? ''));
        const files = new DataTransfer();
        files.items.add(new File([table ?? ''], 'policies.csv', { type: 'text/csv' }));
        field.files = files.files;
        field.dispatchEvent(new Event('change', { bubbles: true }));
      }, [byId('table-file'), text]);
    await use('take-table');
    await says('table-problem', 'Bitte wählen Sie zuerst eine Datei.');
    await pick(whole.replace('ben,session-hours,1', 'ben,session-hours,99').replace(',guest-links,no', ',guest-links,yes'));
    await use('take-table');
    await says('table-problem', 'Zeile 5, Spalte 3:');
    await policy('guest-links', '[data-value="no"]');
    await look('table-refused');
    await pick('account,policy,value\r\n,guest-links,yes\r\n');
    await use('take-table');
    await says('table-done', 'Alles, was die Tabelle sagt, ist gesetzt.');
    await policy('guest-links', '[data-source="organisation"][data-value="yes"]');
    await policy('session-hours', '[data-source="default"]');
    assert.equal(await tab.run((selector) => document.querySelector(selector)?.textContent, byId('table-problem')), '');

    // Ben is on two devices. One is revoked, and he is out there at once; then all of his.
    const [{ tab: one }, { tab: two }] = await Promise.all([open(stage, { ...ben, language: 'de-DE' }), open(stage, { ...ben, language: 'de-DE' })]);
    for (const other of [one, two]) {
      await other.open(`${server.url}/login`);
      await other.untilPhase('login');
      await other.fill('login-name', 'ben');
      await other.fill('login-password', bens);
      await other.click('log-in');
      await other.untilPhase('rooms');
      await other.until('a device', () => localStorage.getItem('conclave.devices') !== null);
    }
    await tab.click('to-devices');
    await tab.untilShown('show-devices');
    await tab.clickOn(`[data-login="ben"] ${byId('show-devices')}`);
    await counts('device', 2);
    await look('devices');
    // The oldest comes first.
    const newer = `${byId('device')}:nth-child(2) ${byId('revoke-device')}`;
    await tab.clickOn(newer);
    await tab.untilShown('revoke-device-confirm');
    await look('revoke-a-device');
    await tab.press('Escape');
    await tab.untilHidden('revoke-device-confirm');
    assert.equal(await standing(two), 200, 'who says no changes nothing');
    await tab.clickOn(newer);
    await use('revoke-device-confirm');
    await counts('device', 1);
    await says('polite', 'Linux“ ist zurückgenommen.');
    assert.deepEqual([await standing(one), await standing(two)], [200, 401]);
    await use('revoke-devices');
    await tab.untilShown('revoke-devices-confirm');
    await look('revoke-all-of-an-account');
    await use('revoke-devices-confirm');
    await counts('device', 0);
    assert.equal(await standing(one), 401);

    // The provider, without its secret, and who sets it.
    await tab.click('to-provider');
    await says('provider', 'Es gibt keinen Anmeldedienst.');
    await look('no-provider');
    const secret = join(server.data, 'secret');
    writeFileSync(secret, 'a secret of the client');
    await server.setProvider('default', {
      label: 'Praxis Berg', issuer: 'https://login.example/realms/praxis', 'client-id': 'conclave', 'client-secret-file': secret, 'host-group': 'doctors', 'admin-group': 'it',
    });
    await tab.click('to-organisation');
    await tab.untilShown('quotas');
    await tab.click('to-provider');
    await says('provider', 'Angemeldet wird über Praxis Berg.');
    const shown = await tab.text();
    for (const part of ['https://login.example/realms/praxis', 'doctors: Gastgeber', `${server.url}/oidc/callback`]) assert.ok(shown.includes(part), part);
    assert.ok(!shown.includes('a secret'), 'its secret stays on the server');
    await look('provider');

    // Webhooks: made with a secret that is shown once, stopped and started, deleted after a question.
    await tab.click('to-webhooks');
    await tab.untilShown('new-webhook');
    await use('new-webhook');
    await tab.fill('webhook-url', 'http://hooks.example/conclave');
    await use('make-webhook');
    await tab.until('the refusal', (selector) => (document.querySelector(selector)?.textContent ?? '') !== '', byId('webhook-problem'));
    await tab.fill('webhook-url', 'https://hooks.example/conclave');
    await tab.clickOn(byId('event-link.made'));
    await look('new-webhook');
    await use('make-webhook');
    await tab.untilShown('webhook-secret');
    assert.match(await tab.run((selector) => /** @type {HTMLInputElement} */ (document.querySelector(selector)).value, byId('webhook-secret')), /^whsec_/);
    await look('webhook-secret');
    await use('webhook-done');
    await counts('webhook', 1);
    await says('webhook', 'Gästelink angelegt');
    await use('switch-webhook');
    await tab.until('a stopped one', () => document.querySelector('[data-testid="webhook"][data-enabled="false"]') !== null);
    await look('webhooks');
    await use('delete-webhook');
    await use('delete-webhook-confirm');
    await counts('webhook', 0);

    // The audit log: the newest first, whole, and saved as a table.
    await tab.click('to-audit');
    await says('audit-state', 'keine fehlt, keine wurde geändert.');
    const acts = await tab.run((selector) => [...document.querySelectorAll(selector)].map((line) => line.getAttribute('data-act')), byId('audit-line'));
    assert.deepEqual(acts.slice(0, 4), ['webhook.deleted', 'webhook.changed', 'webhook.made', 'tenant.provider-set']);
    await look('audit');
    await use('audit-check');
    await says('audit-state', `Das ganze Protokoll, Zeilen 1 bis ${acts.length}:`);
    const end = await tab.run((selector) => document.querySelector(selector)?.textContent, byId('audit-end'));
    assert.match(end ?? '', new RegExp(`^${acts.length}:[0-9a-f]{64}$`));
    await tab.run(() => void (/** @type {any} */ (window).saved = []));
    await tab.click('audit-save');
    await says('polite', 'Das Protokoll ist gespeichert.');
    const table = (await saved()).split('\r\n');
    assert.equal(table[0], 'number,time,actor,act,object,detail');
    assert.equal(table.length, acts.length + 2);

    // A line that comes changed from the server is found.
    await tab.run(() => {
      const ask = window.fetch;
      window.fetch = async (/** @type {any} */ path, /** @type {any} */ init) => {
        const answer = await ask(path, init);
        if (!String(path).includes('/audit?')) return answer;
        const list = await answer.json();
        for (const line of list.lines) if (line.seq === 2) line.at += 1;
        return new Response(JSON.stringify(list), { status: 200 });
      };
    });
    await tab.click('audit-check');
    await says('audit-broken', 'Zeile 2 fehlt oder wurde geändert.');
    await look('audit-broken');

    // All devices of the organisation: everybody is out, who does it too.
    await tab.click('to-devices');
    await tab.untilShown('revoke-organisation');
    await use('revoke-organisation');
    await tab.untilShown('revoke-organisation-confirm');
    await look('revoke-all');
    await use('revoke-organisation-confirm');
    await tab.untilPhase('login');
    assert.equal(await standing(tab), 401);
  });
}
