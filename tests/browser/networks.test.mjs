// Two Chromium pages over bad networks: what Ben gets of Anna while his network is what a row says, how
// often it freezes, and how soon everything is whole again. Prints the table of docs/networks.md.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben } from './harness/cast.mjs';
import { livelyFilm } from './harness/fake-media.mjs';
import { gather, inChromium } from './harness/gather.mjs';
import { EMULATED, Network, narrow, outage } from './harness/network.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

/** The played samples are the clock of the rows: a page that stands still does not count. */
const SAMPLES_A_SECOND = 48_000;
/** For a condition to take effect: seconds. */
const SETTLE = 2;
/** Each row is measured on so much: seconds. */
const MEASURE = 5;

/**
 * Pictures that are lost are sent again before they are due, so all that were filmed arrive. Who encodes shares the
 * machine with who decodes, so what a good network gives is the measure: half of it, and on the good one a fifth of
 * the 15 a second that are filmed.
 */
const FLOWING = 0.5;
const FILMED = 3;
/** What the host's camera sees. */
const FILM = { width: 480, height: 270 };
/** Until a call that began has come to that size, milliseconds. */
const WHOLE = 60_000;
/** Small, as the film is, for two browsers share a small machine, and to paint is much of their work. */
const WINDOW = { width: 800, height: 600 };
/** At most so much of a row may be frozen: seconds. */
const FROZEN = 2;
/** Made up on a network that loses nothing, for a page may come late to what it has. */
const LATE = 0.05;
/** How long nothing passes: milliseconds. */
const OUTAGE = 3000;
/** After a break, so much is a call again: pictures, and samples that are not made up. */
const FEW = 2;
const SOME = SAMPLES_A_SECOND / 5;
/** After an outage pages ask at once for what they missed: milliseconds. */
const AFTER_OUTAGE = 2000;
/** A page that gets no answer looks for a path anew: milliseconds. */
const AFTER_MOVE = 2000;

/** Until pictures that fit a narrowed path come: milliseconds. The path has to show for 1.5 s that it is full. */
const NARROWED = 12_000;
/** Until pictures come again once it is wide: milliseconds. A path that proved full is probed each 8 s at least. */
const WIDENED = 20_000;
/** Pictures in one second of sound that are a moving picture. */
const MOVING = 7;

/**
 * @typedef {import('./harness/person.mjs').Person} Person
 * @typedef {import('./harness/person.mjs').Flow} Flow
 * @typedef {import('./harness/network.mjs').Conditions} Conditions
 * @typedef {{name: string, rate: number, height: number, freezes: number, frozen: number, concealed: number}} Row
 */

test('a call of two pages holds on over bad networks', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage, EMULATED);
  const network = await Network.before(stage, server);
  const video = livelyFilm(stage.folder, FILM.width, FILM.height);
  const people = await Promise.all([
    inChromium(stage, { ...anna, size: WINDOW, video, preferences: { quality: 'standard' } }),
    inChromium(stage, { ...ben, size: WINDOW }),
  ]);
  const [host, guest] = /** @type {[Person, Person]} */ (people);
  await gather(await server.room(), people);
  stage.say('both see and hear each other');
  // A page that begins on a busy machine sends its small pictures first.
  const whole = async () => (await got(guest, host.name)).picture.height === FILM.height;
  await until('pictures of full size', whole, { within: WHOLE, explain: () => guest.flows() });
  stage.say('pictures have their full size');

  /** @type {string[]} */
  const lines = ['| network | frames/s | height | freezes | frozen | sound made up |', '|---|---|---|---|---|---|'];
  const measure = async (/** @type {string} */ name, /** @type {{up?: Conditions, down?: Conditions}} */ ways) => {
    await network.set(guest, ways);
    const row = await measured(name, guest, host.name);
    const { up, down } = await network.counts(guest);
    stage.say(`${name}: ${JSON.stringify(row)} up ${JSON.stringify(up)} down ${JSON.stringify(down)}`);
    lines.push(
      `| ${name} | ${row.rate.toFixed(1)} | ${row.height} | ${row.freezes} | ${row.frozen.toFixed(1)} s | ${(100 * row.concealed).toFixed(1)} % |`,
    );
    return row;
  };

  const good = await measure('good', {});
  flows(good, FILMED, LATE);
  const least = FLOWING * good.rate;
  for (const percent of [5, 10, 20]) {
    const loss = { random: percent / 100 };
    flows(await measure(`${percent} % loss`, { up: { loss }, down: { loss } }), least, byChance(percent / 100));
  }
  const far = { 'delay-ms': 200, 'jitter-ms': 50, reorder: true };
  // The jitter buffer grows by what it sees, and makes sound up until then.
  flows(await measure('200 ± 50 ms', { up: far, down: far }), least, 2 * LATE);

  await network.set(guest, { up: outage(OUTAGE), down: outage(OUTAGE) });
  const dark = performance.now();
  await until('the end of the outage', () => performance.now() - dark >= OUTAGE, { every: 10 });
  const afterOutage = await wholeAgain(host, guest);
  const happened = (/** @type {string} */ what, /** @type {number} */ ms) => `| ${what} | ${(ms / 1000).toFixed(1)} s |`;
  const events = ['', '| what happened | whole again after |', '|---|---|', happened('3 s outage', afterOutage)];
  await played(guest, host.name, SETTLE);
  await network.rebind(guest);
  const afterMove = await wholeAgain(host, guest);
  events.push(happened('another address', afterMove));

  await network.set(guest, { down: narrow(300) });
  events.push(happened('300 kbit/s down', await movesAgain(guest, host.name, NARROWED, good.height)));
  flows(await measure('300 kbit/s down', { down: narrow(300) }), least, LATE);
  // Pictures give way, sound does not.
  sounds(await measure('100 kbit/s down', { down: narrow(100) }), LATE);
  await network.set(guest, {});
  events.push(happened('no longer narrow', await movesAgain(guest, host.name, WIDENED)));
  for (const line of [...lines, ...events]) t.diagnostic(line);
  assert.ok(afterOutage <= AFTER_OUTAGE, `whole again ${afterOutage} ms after an outage`);
  assert.ok(afterMove <= AFTER_MOVE, `whole again ${afterMove} ms after an address change`);
});

/**
 * Pictures move, and no more sound is made up than that share.
 *
 * @param {Row} row
 * @param {number} least  pictures a second
 * @param {number} concealed
 */
function flows(row, least, concealed) {
  assert.ok(row.rate >= least, `${row.name}: ${row.rate} pictures a second`);
  assert.ok(row.frozen <= FROZEN, `${row.name}: frozen for ${row.frozen} s`);
  sounds(row, concealed);
}

/** No more sound is made up than that share. @param {Row} row @param {number} concealed */
function sounds(row, concealed) {
  assert.ok(row.concealed <= concealed, `${row.name}: ${row.concealed} of the sound is made up, more than ${concealed}`);
}

/**
 * The most that is made up where this share of the packets is lost and none comes again: five standard
 * deviations of chance, and a quarter more because what is made up lasts a little longer than what is lost.
 *
 * @param {number} share
 */
function byChance(share) {
  const packets = MEASURE * 50;
  return 1.25 * (share + 5 * Math.sqrt((share * (1 - share)) / packets));
}

/**
 * Waits until each sees and hears the other again, and says how long that took: milliseconds.
 *
 * @param {Person} one
 * @param {Person} other
 */
async function wholeAgain(one, other) {
  const began = performance.now();
  const both = /** @type {const} */ ([
    [one, other],
    [other, one],
  ]);
  await Promise.all(
    both.map(async ([person, { name }]) => {
      const before = await got(person, name);
      const real = (/** @type {Flow} */ { samples, concealed }) => samples - concealed;
      await until(`${person.name} to see and hear ${name} again`, async () => {
        const now = await got(person, name);
        return now.picture.frames >= before.picture.frames + FEW && real(now.sound) >= real(before.sound) + SOME;
      });
    }),
  );
  return performance.now() - began;
}

/**
 * Waits until pictures move that are less high than a bound, from now on, and says how long that took: milliseconds.
 *
 * @param {Person} person
 * @param {string} other
 * @param {number} within
 * @param {number} [below]
 */
async function movesAgain(person, other, within, below = Infinity) {
  const began = performance.now();
  let since = await got(person, other);
  await until(
    `${person.name} to see ${other} move`,
    async () => {
      const now = await got(person, other);
      if (now.sound.samples < since.sound.samples + SAMPLES_A_SECOND) return false;
      const pictures = now.picture.frames - since.picture.frames;
      since = now;
      return pictures >= MOVING && now.picture.height < below;
    },
    { within, explain: () => person.flows() },
  );
  return performance.now() - began;
}

/**
 * What one gets of another's camera and microphone from now on.
 *
 * @param {string} name
 * @param {Person} person
 * @param {string} other
 * @returns {Promise<Row>}
 */
async function measured(name, person, other) {
  await played(person, other, SETTLE);
  const before = await got(person, other);
  await played(person, other, MEASURE);
  const after = await got(person, other);
  const samples = after.sound.samples - before.sound.samples;
  return {
    name,
    rate: (after.picture.frames - before.picture.frames) / (samples / SAMPLES_A_SECOND),
    height: after.picture.height,
    freezes: after.picture.freezes - before.picture.freezes,
    frozen: after.picture.frozen - before.picture.frozen,
    concealed: (after.sound.concealed - before.sound.concealed) / samples,
  };
}

/** @param {Person} person @param {string} other @returns {Promise<{picture: Flow, sound: Flow}>} */
async function got(person, other) {
  const flows = (await person.flows()).filter((flow) => flow.name === other);
  const picture = flows.find(({ source }) => source === 'camera');
  const sound = flows.find(({ source }) => source === 'microphone');
  if (!picture || !sound) throw new Error(`${person.name} gets nothing of ${other}`);
  return { picture, sound };
}

/** Waits until so many seconds of sound were played, made up or not. @param {Person} person @param {string} other @param {number} seconds */
async function played(person, other, seconds) {
  const { sound } = await got(person, other);
  const due = sound.samples + seconds * SAMPLES_A_SECOND;
  await until(`${seconds} s of sound for ${person.name}`, async () => (await got(person, other)).sound.samples >= due, {
    within: 10_000 + 1000 * seconds,
  });
}
