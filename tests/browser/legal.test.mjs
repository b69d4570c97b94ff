// Terms of use, privacy notice and imprint: an administrator publishes them, and everybody reads them without logging
// in, from the home page, the login page and a link before the call. Both languages, 390 and 320 pixels, the keyboard,
// no barrier for axe, no device asked for.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben } from './harness/cast.mjs';
import { enterAdministration, looker, typist, WIDE } from './harness/desk.mjs';
import { inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

test('terms, privacy notice and imprint are read before a login and before a call, in Chromium', (t) => journey(t, 'chromium', inChromium));
test('terms, privacy notice and imprint are read before a login and before a call, in Firefox', (t) => journey(t, 'firefox', inFirefox));

/** @param {import('node:test').TestContext} t @param {string} family @param {typeof inChromium} open */
async function journey(t, family, open) {
  const stage = new Stage(t);
  const folder = resultFolder(`legal-${family}`);
  const server = await Server.start(stage);
  const { tab } = await open(stage, { ...anna, language: 'de-DE', size: WIDE });
  const says = (/** @type {string} */ id, /** @type {string} */ text) =>
    tab.until(`“${text}”`, ([selector, wanted]) => document.querySelector(selector ?? '')?.textContent?.includes(wanted ?? '') ?? false, [byId(id), text]);
  const addressOf = (/** @type {string} */ text) => tab.run((selector) => document.querySelector(selector)?.getAttribute('href') ?? null, byId(`legal-${text}`));
  const look = looker(tab, folder);
  const { reach, use, enter } = typist(tab);

  // Nothing is published: no page leads anywhere, and an address that is typed says so.
  await tab.open(`${server.url}/legal/terms`);
  await tab.until('that there are none', () => document.body.innerText.includes('hat dies hier nicht veröffentlicht'));
  await tab.open(`${server.url}/login`);
  await tab.untilPhase('login');
  await tab.untilShown('log-in');

  // The terms that come with the program, and an imprint of the administrator's own.
  await server.setTerms('Praxis Dr. Beispiel, Beispielweg 1, Beispielstadt');
  await enterAdministration(tab, server, { login: 'anna', password: await server.account('Anna', 'admin'), path: '/admin/texts' });
  await says('terms-standing', 'Von Ihrer Organisation, Stand: ');
  await says('imprint-standing', 'Nicht veröffentlicht');
  await use('edit-imprint');
  await use('set-imprint');
  await says('imprint-problem', 'Bitte füllen Sie beide Texte aus.');
  await enter('imprint-de', 'Praxis Dr. Beispiel <b>');
  await enter('imprint-en', 'Dr Example’s practice');
  await use('set-imprint');
  await says('polite', 'Impressum: veröffentlicht.');
  await says('imprint-standing', 'Von Ihrer Organisation, Stand: ');
  await look('administration');
  await tab.click('log-out');

  // Before the login.
  await tab.untilPhase('login');
  await tab.untilShown('legal-terms');
  await reach('legal-imprint');
  await look('login');
  assert.equal(await addressOf('privacy'), null, 'what there is not is not listed');
  assert.equal(await addressOf('terms'), '/legal/terms?organisation=default');
  await tab.open(`${server.url}${await addressOf('terms')}`);
  await tab.untilPhase('legal');
  await says('legal-text', 'Nutzungsbedingungen');
  await says('legal-text', 'Praxis Dr. Beispiel, Beispielweg 1, Beispielstadt');
  assert.equal(await tab.run(() => document.activeElement?.tagName), 'H1', 'that it is another page is read out');
  await look('terms');
  await tab.click('switch-language');
  await says('legal-text', 'Recording the spoken word');
  await tab.open(`${server.url}${await addressOf('imprint')}`);
  await tab.untilPhase('legal');
  await says('legal-text', 'Dr Example’s practice');
  await tab.click('switch-language');
  await says('legal-text', 'Praxis Dr. Beispiel <b>');

  // Who comes by no link, and who comes by one.
  await tab.open(server.url);
  await tab.untilPhase('home');
  await tab.untilShown('legal-terms');
  await look('home');
  const { guest: link } = await server.room();
  const { tab: guest } = await open(stage, { ...ben, language: 'de-DE', size: WIDE });
  await guest.open(link);
  await guest.untilPhase('pre-join');
  await guest.untilShown('legal-imprint');
  const address = await guest.run((selector) => document.querySelector(selector)?.getAttribute('href') ?? '', byId('legal-imprint'));
  assert.match(address, /^\/legal\/imprint\?room=[\w-]{22}$/, 'the room alone, and nothing that opens it');
  await tab.open(`${server.url}${address}`);
  await tab.untilPhase('legal');
  await says('legal-text', 'Praxis Dr. Beispiel <b>');
  for (const width of [390, 320]) {
    await guest.resize(width, 844);
    await guest.until('the layout', (wanted) => innerWidth === wanted, width);
    assert.ok((await guest.run(() => document.documentElement.scrollWidth)) <= width);
    await guest.shot(folder, `before-the-call-${width}`);
  }
}
