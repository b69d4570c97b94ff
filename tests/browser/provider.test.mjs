// Somebody logs in by their organisation's provider, a real one: name and role are what it says, at each login anew.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna } from './harness/cast.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { CLIENT, RealProvider, SECRET } from './harness/provider.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';
import { totp } from './harness/totp.mjs';

const WIDE = { width: 1280, height: 800 };
const SIZES = [WIDE, { width: 390, height: 844 }, { width: 320, height: 640 }];

for (const [family, open] of /** @type {const} */ ([['Chromium', inChromium], ['Firefox', inFirefox]])) {
  test(`somebody logs in by their organisation's provider, in ${family}`, async (t) => {
    const stage = new Stage(t);
    const folder = resultFolder(`provider-${family.toLowerCase()}`);
    const server = await Server.start(stage);
    const provider = await RealProvider.start(stage, `${server.url}/oidc/callback`);
    const secret = join(stage.folder, 'secret');
    writeFileSync(secret, `${SECRET}\n`);
    await server.setProvider('default', {
      label: 'Praxis-Berg', issuer: provider.issuer, 'client-id': CLIENT, 'client-secret-file': secret, 'host-group': 'doctors', 'admin-group': 'it',
    });
    provider.people.set('7f3a', { name: 'Dr. Anna Berg', login: 'anna.berg', groups: ['doctors'] });
    const { tab } = await open(stage, { ...anna, language: 'de-DE', size: WIDE });
    let step = 0;
    const look = async (/** @type {string} */ what) => {
      step += 1;
      const found = await barriers(tab);
      for (const { width, height } of SIZES) {
        await tab.resize(width, height);
        await tab.until('the layout', (wanted) => innerWidth === wanted, width);
        const needed = await tab.run(() => document.documentElement.scrollWidth);
        await tab.shot(folder, `${step}-${what}-${width}`);
        assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
      }
      assert.deepEqual(found, [], what);
      await tab.resize(WIDE.width, WIDE.height);
    };
    const session = () => tab.run(async () => (await fetch('/api/v1/session')).json());
    const says = (/** @type {string} */ id, /** @type {string} */ text) =>
      tab.until(`“${text}”`, ([selector, wanted]) => document.querySelector(selector ?? '')?.textContent?.includes(wanted ?? '') ?? false, [byId(id), text]);
    /** At the provider's own pages: who they are, and that this service may know. */
    const atProvider = async (/** @type {string} */ subject) => {
      await tab.until('the provider', (issuer) => location.origin === issuer && document.querySelector('input[name="login"]') !== null, provider.issuer);
      await tab.run((login) => {
        for (const [name, value] of Object.entries({ login, password: 'any' })) {
          const input = document.querySelector(`input[name="${name}"]`);
          if (input instanceof HTMLInputElement) input.value = value;
        }
        setTimeout(() => document.querySelector('form')?.requestSubmit());
      }, subject);
      await tab.until('the consent', () => document.querySelector('input[name="login"]') === null && document.querySelector('form') !== null);
      await tab.run(() => void setTimeout(() => document.querySelector('form')?.requestSubmit()));
    };
    const forget = () => provider.sessionsEnd(tab);

    // With the keyboard alone, from the service's page on.
    await tab.open(`${server.url}/rooms`);
    await tab.untilPhase('login');
    await tab.untilShown('log-in-with');
    await says('log-in-with', 'Anmelden mit Praxis-Berg');
    await look('login');
    await tab.reach('log-in-with');
    await tab.press('Enter');
    await atProvider('7f3a');
    await tab.untilPhase('rooms');
    const first = await session();
    assert.deepEqual([first.name, first.login, first.role, first.external], ['Dr. Anna Berg', 'anna.berg', 'host', true]);
    assert.equal(await tab.run(() => location.href), `${server.url}/rooms`, 'no code stays in the address');
    await tab.click('account');
    await tab.untilShown('external');
    await look('account');
    await tab.press('Escape');
    await tab.untilHidden('external');

    // Taken out of the group: at the next login the role has fallen.
    provider.people.set('7f3a', { name: 'Dr. Anna Tal', login: 'anna.tal', groups: [] });
    await tab.reach('log-out');
    await tab.press('Enter');
    await tab.untilPhase('login');
    await forget();
    await tab.open(`${server.url}/login`);
    await tab.untilShown('log-in-with');
    await tab.click('log-in-with');
    await atProvider('7f3a');
    await tab.untilPhase('rooms');
    const fallen = await session();
    assert.deepEqual([fallen.account, fallen.name, fallen.role], [first.account, 'Dr. Anna Tal', 'member']);

    // An administrator: the provider vouches for no second factor, so ours is set up, and asked for.
    provider.people.set('7f3a', { name: 'Dr. Anna Tal', login: 'anna.tal', groups: ['it'] });
    await tab.click('log-out');
    await tab.untilPhase('login');
    await forget();
    await tab.open(`${server.url}/login`);
    await tab.untilShown('log-in-with');
    await tab.click('log-in-with');
    await atProvider('7f3a');
    await tab.untilPhase('factor');
    await tab.untilShown('factor-key');
    const key = await tab.run((selector) => document.querySelector(selector)?.textContent ?? '', byId('factor-key'));
    await tab.fill('factor-code', totp(key));
    await tab.click('factor-confirm');
    await tab.untilPhase('codes');
    const backup = await tab.run((selector) => document.querySelector(selector)?.textContent ?? '', `${byId('backup-codes')} li`);
    await tab.click('codes-done');
    await tab.untilPhase('rooms');
    await tab.click('log-out');
    await tab.untilPhase('login');
    await forget();
    await tab.open(`${server.url}/login`);
    await tab.untilShown('log-in-with');
    await tab.click('log-in-with');
    await atProvider('7f3a');
    await tab.untilShown('login-code');
    assert.equal((await tab.run(async () => (await fetch('/api/v1/session')).status)), 401, 'not yet');
    await look('code');
    await tab.reach('login-code');
    await tab.type(backup);
    await tab.press('Enter');
    await tab.untilPhase('rooms');
    assert.equal((await session()).role, 'admin');

    // Back from nowhere, and a provider that is gone.
    await tab.click('log-out');
    await tab.untilPhase('login');
    await tab.open(`${server.url}/oidc/callback?code=any&state=any`);
    await tab.untilShown('arrival');
    await says('arrival', 'Diese Anmeldung hat zu lange gedauert oder in einem anderen Browser begonnen.');
    await look('expired');
    await tab.click('switch-language');
    await says('arrival', 'This login took too long or began in another browser.');
    assert.equal(await tab.run(() => location.search), '');
    stage.say(`pictures of every step: ${folder}`);
  });
}
