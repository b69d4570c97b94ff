// A doctor and a patient, in five steps: the appointment, consent, the link, the password by another way, and the
// consultation itself, to its end. In Chromium in German and in Firefox in English, both with the keyboard alone; every
// step of the patient is photographed at 390 pixels and looked over by axe.

import assert from 'node:assert/strict';
import test from 'node:test';
import { barriers } from './harness/axe.mjs';
import { anna, ben, chris } from './harness/cast.mjs';
import { framesOf } from './harness/frame-spy.mjs';
import { everyoneReceives, inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { resultFolder, Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';

const PHONE = { width: 390, height: 844 };
const HOUR = 3600;
const DOCTOR = 'Dr. Anna Beispiel';

const GERMAN = { language: 'de-DE', voluntary: 'freiwillig', with: `Sprechstunde mit ${DOCTOR}`, guest: 'Gast', ended: 'Beendet; es wurde nichts aufgezeichnet.' };
const ENGLISH = { language: 'en-GB', voluntary: 'voluntary', with: `Consultation with ${DOCTOR}`, guest: 'Guest', ended: 'Ended; nothing was recorded.' };

test('a patient on a telephone visits the doctor, in Chromium', (t) => journey(t, inChromium, GERMAN));
test('a patient visits the doctor, in Firefox', (t) => journey(t, inFirefox, ENGLISH));

/** @param {import('node:test').TestContext} t @param {typeof inChromium | typeof inFirefox} open @param {typeof ENGLISH} words */
async function journey(t, open, words) {
  const { language } = words;
  const stage = new Stage(t);
  const folder = resultFolder(`consultation-${language}`);
  const server = await Server.start(stage);
  const [doctor, patient, third] = await Promise.all([
    inChromium(stage, { ...anna, name: DOCTOR, language, spy: true }),
    open(stage, { ...ben, language, size: PHONE }),
    inChromium(stage, { ...chris, language, lean: true }),
  ]);
  let step = 0;
  const show = async (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ what) => {
    step += 1;
    await tab.untilFocused();
    await tab.shot(folder, `${String(step).padStart(2, '0')}-${what}`);
    assert.deepEqual(await barriers(tab), [], what);
    const [needed, width] = await tab.run(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(needed <= width, `${what} needs ${needed} pixels, the screen has ${width}`);
  };
  const use = async (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ id, key = 'Enter') => {
    await tab.reach(id);
    await tab.press(key);
  };
  const write = async (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ id, /** @type {string} */ text) => {
    await tab.reach(id);
    await tab.type(text);
  };
  /** Whoever is at the door is let in after a look at the list; the focus is not lost with what is done. */
  const letIn = async () => {
    await doctor.tab.untilShown('knock');
    await use(doctor, 'admit');
    await doctor.tab.untilShown('checklist');
    assert.equal(await doctor.tab.run((selector) => /** @type {HTMLButtonElement} */ (document.querySelector(selector)).disabled, byId('checked')), true);
    for (const at of [0, 1, 2, 3]) await use(doctor, `check-${at}`, ' ');
    await show(doctor, 'checklist');
    await use(doctor, 'checked');
    await doctor.tab.untilHidden('checklist');
    await doctor.tab.untilFocused();
  };
  const includes = async (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ text) =>
    assert.ok((await tab.text()).includes(text), `“${text}” is on the page`);
  const says = (/** @type {import('./harness/person.mjs').Person} */ { tab }, /** @type {string} */ selector, /** @type {string} */ text) =>
    tab.until(
      `“${text}”`,
      ([where, wanted]) => document.querySelector(where)?.textContent?.includes(wanted) ?? false,
      /** @type {[string, string]} */ ([selector, text]),
    );

  // 1 and 2: staff make the appointment; the patient consents on the page, which until then leads nowhere.
  await server.setConsentText('Praxis Dr. Beispiel, Beispielweg 1, Beispielstadt');
  const { host, password } = await server.consultation(DOCTOR);
  const terms = { from: 0, until: HOUR, uses: /** @type {'once'} */ ('once'), consent: true };
  const [link, other] = [await server.guestLink(host, terms), await server.guestLink(host, { until: HOUR, uses: 'once' })];
  await server.handOut(link);
  await patient.tab.open(link);
  await patient.tab.untilPhase('consent');
  await includes(patient, words.voluntary);
  await show(patient, 'consent');
  await use(patient, 'consent-box', ' ');
  await use(patient, 'consent-button');

  // 3 and 4: the link opens, with the password that came another way.
  await patient.tab.untilPhase('pre-join');
  await says(patient, byId('host-name'), words.with);
  await patient.tab.untilFocused();
  await write(patient, 'prejoin-name', patient.name);
  await write(patient, 'prejoin-password', password);
  await show(patient, 'pre-join');
  await patient.tab.reachOn('summary');
  await patient.tab.press('Enter');
  await use(patient, 'test-connection');
  await patient.tab.until('what came of the test', (selector) => document.querySelector(selector)?.textContent !== '', byId('connection-found'));
  await doctor.tab.open(host);
  await doctor.tab.untilShown('prejoin-name');
  await write(doctor, 'prejoin-name', doctor.name);
  await write(doctor, 'prejoin-password', password);
  await doctor.tab.press('Enter');
  await doctor.inCall();

  // 5: the waiting room; the doctor sees a badge, looks over the list, and admits.
  await patient.tab.reach('join-button', 'Shift+Tab');
  await patient.tab.press('Enter');
  await patient.tab.untilPhase('waiting');
  await says(patient, byId('host-name'), words.with);
  await doctor.tab.untilShown('knock');
  await use(doctor, 'answer');
  await use(doctor, 'say-soon');
  await patient.tab.until('the answer', (selector) => document.querySelector(selector)?.textContent?.trim() !== '', byId('told'));
  await show(patient, 'waiting');
  await letIn();
  await patient.inCall();
  await everyoneReceives([doctor, patient]);
  await says(doctor, `${byId('tile')}[data-name="${patient.name}"]`, words.guest);
  assert.equal(await patient.tab.run((selector) => document.querySelector(selector)?.getAttribute('data-guest'), `${byId('tile')}[data-name="${DOCTOR}"]`), 'false');
  assert.equal(await doctor.callCode(), await patient.callCode(), 'both read the same digits');
  // Of what either says, even the size says nothing: what the doctor's page seals is of one size from the start, and
  // what it opens, of a browser that encodes at a variable rate, at most grows in a step or two.
  await doctor.tab.until('sound of both for a second', enoughSound);
  const sound = (await framesOf(doctor)).filter(({ kind }) => kind === 'audio');
  const sealed = sound.filter(({ before, after }) => after.length > before.length).map(({ before }) => atob(before).length);
  const opened = sound.filter(({ before, after }) => after.length < before.length).map(({ after }) => atob(after).length);
  assert.equal(new Set(sealed).size, 1, `frames of sound of the doctor have the sizes ${[...new Set(sealed)]}`);
  assert.deepEqual(opened, opened.toSorted((one, other) => one - other), 'frames of sound of the patient never become smaller');
  assert.ok(new Set(opened).size <= 4, `frames of sound of the patient have the sizes ${[...new Set(opened)]}`);
  await show(patient, 'call');
  await show(doctor, 'call-of-the-doctor');

  // Two people, and no third.
  await third.tab.open(other);
  await third.tab.untilShown('prejoin-name');
  await third.tab.fill('prejoin-name', third.name);
  await third.tab.fill('prejoin-password', password);
  await third.join();
  await third.tab.untilPhase('waiting');
  await letIn();
  await doctor.tab.until('the refusal', (selector) => document.querySelector(selector) !== null, `${byId('knock')} ${byId('admit')}`);
  assert.equal(await third.tab.run(() => document.querySelector('.page')?.getAttribute('data-phase')), 'waiting');
  await third.leave();

  // Its end, which uses the link up; the consent can be withdrawn after it, too.
  await use(doctor, 'end');
  await doctor.tab.untilShown('end-confirm');
  await use(doctor, 'end-confirm');
  await patient.over();
  await includes(patient, words.ended);
  await show(patient, 'ended');
  await use(patient, 'withdraw');
  await patient.tab.untilShown('withdraw-confirm');
  await use(patient, 'withdraw-confirm');
  await patient.tab.untilPhase('consent-withdrawn');
  await show(patient, 'withdrawn');
  stage.say(`pictures of every step: ${folder}`);
}

/** In the page: whether it has sealed and opened more than fifty frames of sound each. Must stand alone. */
function enoughSound() {
  /** @type {import('./harness/frame-spy.mjs').Frame[]} */
  const frames = /** @type {any} */ (window).spied.frames;
  const sound = frames.filter(({ kind }) => kind === 'audio');
  const sealed = sound.filter(({ before, after }) => after.length > before.length).length;
  return sealed > 50 && sound.length - sealed > 50;
}
