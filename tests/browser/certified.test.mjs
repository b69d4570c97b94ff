// Who is logged in is certified in the calls of their organisation, and the others see it; a guest who takes such a
// name is pointed out; a device that is revoked is out of the call within ten seconds and does not come back. A marked
// call takes nobody else, and says whether its marking holds.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben, chris, fatma } from './harness/cast.mjs';
import { LEAN, inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

/** A revoked device is out of every call within this time, milliseconds: the product's promise. */
const OUT_WITHIN_MS = 10_000;

/** Logs in, with the device noted. @param {import('./harness/person.mjs').Person} person @param {Server} server @param {string} login @param {string} password */
async function logIn({ tab }, server, login, password) {
  await tab.open(`${server.url}/login`);
  await tab.untilShown('login-name');
  await tab.fill('login-name', login);
  await tab.fill('login-password', password);
  await tab.click('log-in');
  await tab.untilPhase('rooms');
  await tab.until('the device', () => localStorage.getItem('conclave.devices') !== null);
}

/** How a person's page shows another. @param {import('./harness/person.mjs').Person} viewer @param {string} name @param {string} trust */
const shows = ({ tab }, name, trust) =>
  tab.until(
    `${name} as ${trust}`,
    ([tile, mark, wanted]) => document.querySelector(`${tile} ${mark}`)?.getAttribute('data-trust') === wanted,
    [`${byId('tile')}[data-name="${name}"]`, byId('trust'), trust],
  );

/** @param {import('./harness/person.mjs').Person} person @param {string} where @param {string} text */
const says = ({ tab }, where, text) =>
  tab.until(`“${text}”`, ([selector, wanted]) => document.querySelector(selector ?? '')?.textContent?.includes(wanted ?? '') ?? false, [where, text]);

test('an organisation vouches for its people in a call, and no longer once their device is revoked', async (t) => {
  const stage = new Stage(t);
  const pictures = resultFolder('certified');
  const server = await Server.start(stage);
  const links = await server.room();
  const [annas, bens] = [await server.account('Anna', 'host'), await server.account('Ben', 'member')];
  const host = await inChromium(stage, { ...anna, ...LEAN, language: 'de-DE', size: { width: 390, height: 844 } });
  const member = await inFirefox(stage, { ...fatma, ...LEAN });
  await logIn(host, server, 'anna', annas);
  await logIn(member, server, 'ben', bens);

  await host.arrive(links.host);
  await host.join();
  await host.inCall();
  await member.arrive(links.guest);
  await member.join();
  // At the door already, and under the name of the account: what Fatma typed counts for nothing.
  await says(host, byId('knock'), 'bestätigt von default');
  await host.tab.shot(pictures, 'door-de-390');
  await host.admit('Ben');
  await member.inCall();
  await shows(host, 'Ben', 'certified');
  await shows(member, 'Anna', 'certified');
  await host.tab.click('people');
  await host.tab.untilShown('people-panel');
  await host.tab.shot(pictures, 'people-de-390');
  assert.deepEqual(await barriers(host.tab), []);
  await host.tab.click('people');

  // A guest under the name of one whom the organisation vouches for.
  const guest = await inChromium(stage, { ...chris, ...LEAN, name: 'Ben' });
  await guest.arrive(links.guest);
  await guest.join();
  const knock = `${byId('knock')}[data-name="Ben"]`;
  await host.tab.until('the knock', (selector) => document.querySelector(selector) !== null, knock);
  assert.equal(await host.tab.run((selector) => document.querySelector(selector), `${knock} ${byId('trust')}`), null, 'nobody vouches for the guest');
  await says(host, `${knock} ${byId('name-taken')}`, 'für diese Person nicht');
  await host.tab.shot(pictures, 'name-taken-de-390');
  await host.admit('Ben');
  await guest.inCall();
  await says(host, byId('not-certified'), 'Ben: Für diesen Namen hat eine Organisation gebürgt');
  await says(member, byId('not-certified'), 'Ben: an organisation vouched for this name');
  await shows(guest, 'Anna', 'certified');
  await host.tab.shot(pictures, 'impostor-de-390');
  await member.tab.shot(pictures, 'impostor-en');
  assert.deepEqual(await barriers(member.tab), []);

  // The device is revoked.
  const before = Date.now();
  await server.revokeDevices('Ben');
  await member.tab.untilPhase('over');
  await host.tab.until('one to have gone', (selector) => document.querySelectorAll(selector).length === 1, `${byId('tile')}[data-name="Ben"]`);
  const took = Date.now() - before;
  t.diagnostic(`out after ${took} ms`);
  assert.ok(took < OUT_WITHIN_MS, `out after ${took} ms`);
  await says(member, 'main', 'This device was revoked');
  await member.tab.shot(pictures, 'revoked-en');
  assert.deepEqual(await barriers(member.tab), []);

  // Who comes back with it is nobody's any more: the session is over, and no certificate is to be had.
  await member.tab.open('about:blank');
  await member.arrive(links.guest);
  await member.join();
  await host.tab.until('the knock', (selector) => document.querySelector(selector) !== null, `${byId('knock')}[data-name="Fatma"]`);
  assert.equal(await host.tab.run((selector) => document.querySelector(selector), `${byId('knock')}[data-name="Fatma"] ${byId('trust')}`), null);
});

test('a marked call takes nobody whom the organisation does not vouch for', async (t) => {
  const stage = new Stage(t);
  const pictures = resultFolder('marked');
  const server = await Server.start(stage);
  const passwords = [await server.account('Anna', 'host'), await server.account('Ben', 'member'), await server.account('Cem', 'member')];
  const links = await server.room('--marking', 'VS-NfD', '--listed', 'anna,ben');
  const host = await inChromium(stage, { ...anna, ...LEAN, language: 'de-DE', size: { width: 390, height: 844 } });
  const member = await inFirefox(stage, { ...ben, ...LEAN });
  await logIn(member, server, 'ben', passwords[1] ?? '');

  // Not even with the host's link.
  await host.arrive(links.host);
  await host.join();
  await host.tab.untilPhase('over');
  await says(host, 'main', 'certificate-needed');
  await host.tab.untilShown('log-in-first');
  await host.tab.shot(pictures, 'refused-de-390');
  assert.deepEqual(await barriers(host.tab), []);

  await logIn(host, server, 'anna', passwords[0] ?? '');
  await host.tab.open('about:blank');
  await host.arrive(links.host);
  await host.join();
  await host.inCall();
  await says(host, byId('marking'), 'VS-NfD');
  await member.arrive(links.guest);
  await member.join();
  await host.admit('Ben');
  await member.inCall();
  await shows(host, 'Ben', 'certified');
  await says(host, byId('marking'), 'keine Zulassung');
  await says(member, byId('marking'), 'Everyone in the call is confirmed');
  assert.equal(await member.tab.run((selector) => document.querySelector(selector)?.getAttribute('data-holds'), byId('marking')), 'true');
  await host.tab.shot(pictures, 'marked-de-390');
  await host.tab.resize(320, 640);
  await host.tab.shot(pictures, 'marked-de-320');
  await member.tab.shot(pictures, 'marked-en');
  assert.deepEqual(await barriers(host.tab), []);

  const stranger = await inChromium(stage, { ...chris, ...LEAN });
  await stranger.arrive(links.guest);
  await stranger.join();
  await stranger.tab.untilPhase('over');
  await says(stranger, 'main', 'certificate-needed');
  // A colleague, who is not on the room's list.
  await logIn(stranger, server, 'cem', passwords[2] ?? '');
  await stranger.tab.open('about:blank');
  await stranger.arrive(links.guest);
  await stranger.join();
  await stranger.tab.untilPhase('over');
  await says(stranger, 'main', 'not-listed');
  await stranger.tab.shot(pictures, 'not-listed-en');
  assert.deepEqual(await barriers(stranger.tab), []);
  assert.equal(await host.tab.run((selector) => document.querySelector(selector), byId('knock')), null, 'nobody is asked about them');
});

test('where hosts log in, the link that a revoked device has kept makes nobody a host', async (t) => {
  const stage = new Stage(t);
  const pictures = resultFolder('hosts-log-in');
  const server = await Server.start(stage);
  await server.setPolicy('hosts-log-in', 'yes');
  const links = await server.room();
  const password = await server.account('Anna', 'host');
  const host = await inChromium(stage, { ...anna, ...LEAN, language: 'de-DE', size: { width: 390, height: 844 } });
  const arrives = async () => {
    await host.tab.open('about:blank');
    await host.arrive(links.host);
    await host.join();
  };
  await arrives();
  await host.tab.untilPhase('over');
  await says(host, 'main', 'Melden Sie sich zuerst an');
  await host.tab.shot(pictures, 'log-in-first-de-390');
  assert.deepEqual(await barriers(host.tab), []);

  await logIn(host, server, 'anna', password);
  await arrives();
  await host.inCall();
  await server.revokeDevices('Anna');
  await host.tab.untilPhase('over');
  await arrives();
  await host.tab.untilPhase('over');
  await says(host, 'main', 'certificate-needed');
});
