// People come, leave and are removed, and the keys change each time: a page opens every frame that was sealed for it,
// also those that overtake the change, and none leaves its worker as it came. Frames are counted where they are sealed
// and where they are opened.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, fatma, nadia } from './harness/cast.mjs';
import { countsOf } from './harness/frame-count.mjs';
import { LEAN, inChromium, inFirefox } from './harness/gather.mjs';
import { Native } from './harness/native.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { byId } from './harness/tab.mjs';
import { until } from './harness/until.mjs';

/** How much later than the others the page hears that it removed somebody, milliseconds. */
const LATE = 400;
/** From here on, milliseconds, frames may be given up: a machine that holds everything up for so long counts nothing. */
const TOO_LATE = 1500;
/** Frames of the new keys that arrive meanwhile wait for at least so long, milliseconds, the first of them for longer. */
const WAITED = 100;
const ROUNDS = 4;
const JOINERS = 10;
/** A second of sound. */
const SECOND = 50;

/** Nadia comes first; whoever else comes takes the next leaf, which is free again when they have gone. */
const NADIAS_LEAF = 1;
const NEXT_LEAF = 2;
/** docs/protocol.md section 5. */
const CONTEXTS = /** @type {const} */ (['microphone', 'camera']);

test('a page in Chromium opens every frame while people come, leave and are removed', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const late = new Late();
  const host = await inChromium(stage, { ...anna, ...LEAN, count: true, lie: (to, frame) => late.pass(to, frame) });
  const { stays, visitors } = await comeAndGo(stage, server, links, host, () => late.next());

  const { lost, sounds, dropped } = await received(host);
  const counts = await countsOf(host);
  assert.equal(counts.untouched, 0, 'frames went on as they came');
  assert.equal(counts.passed, counts.exchanged);
  stage.say(`the page heard of a removal ${Math.round(late.latest)} ms late, a frame waited ${Math.round(counts.longest)} ms; dropped: ${JSON.stringify(dropped)}`);
  if (lost > 0 || late.latest > TOO_LATE) return stage.say(`${lost} packets were lost: this machine is too slow to count`);

  for (const sound of sounds) assert.equal(sound.handled, sound.came, `frames vanished in slot ${sound.slot}`);
  assert.deepEqual(Object.keys(dropped).filter(unforeseen), [], 'frames did not open');
  assert.ok(counts.longest >= WAITED, 'no frame has overtaken its keys: nothing was tried');
  let frames = 0;
  for (const { report, leaf } of [{ report: stays, leaf: NADIAS_LEAF }, ...visitors.map((report) => ({ report, leaf: NEXT_LEAF }))]) {
    for (const [context, source] of CONTEXTS.entries()) {
      // Where the path is narrow, pictures are left out.
      if (source === 'camera' && late.paused) continue;
      const sealed = bySealer(report.own.frames_sealed[source]);
      const spans = sealed.map(([epoch]) => counts.opened[kid(context, leaf, epoch)]);
      assert.deepEqual(holes(sealed, spans), [], `${source} of ${report.name}`);
      frames += spans.reduce((sum, span) => sum + (span?.frames ?? 0), 0);
    }
  }
  stage.say(`${frames} frames of ${visitors.length + 1} people under ${Object.keys(counts.opened).length} keys opened, none missing`);

  // And what the page sealed, Nadia has opened.
  assert.deepEqual(Object.keys(stays.drops).filter(unforeseen), []);
  const clean = stays.own.packets_lost === 0 && stays.own.media_connections === 1;
  if (!clean) return stage.say(`${stays.own.packets_lost} packets to Nadia were lost: they are not counted`);
  const [heard] = stays.remotes.filter((/** @type {any} */ remote) => remote.name === host.name);
  const opened = Object.entries(/** @type {Record<string, any>} */ (heard.audio.epochs));
  const sealed = opened.map(([epoch]) => /** @type {const} */ ([Number(epoch), sealedIn(counts.sealed[kid(0, 0, Number(epoch))])]));
  const spans = opened.map(([, span]) => ({ first: span.first, last: span.last, frames: span.opened }));
  assert.deepEqual(holes(sealed, spans), [], `sound of ${host.name}`);
});

test('a page in Firefox opens every frame that reaches it while people come, leave and are removed', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const host = await inFirefox(stage, { ...fatma, ...LEAN });
  await comeAndGo(stage, server, links, host, () => {});
  const { lost, sounds, dropped } = await received(host);
  stage.say(`${handled(sounds)} frames of sound, ${lost} packets lost; dropped: ${JSON.stringify(dropped)}`);
  assert.deepEqual(Object.keys(dropped).filter(unforeseen), [], 'frames did not open');
  if (lost > 0) return;
  for (const sound of sounds) assert.equal(sound.handled, sound.came, `frames vanished in slot ${sound.slot}`);
});

/**
 * Nadia stays, others come and go; what they and she have to report.
 *
 * @param {Stage} stage
 * @param {Server} server
 * @param {import('./harness/gather.mjs').Links} links
 * @param {import('./harness/person.mjs').Person} host
 * @param {() => void} beforeRemoval
 */
async function comeAndGo(stage, server, links, host, beforeRemoval) {
  await host.arrive(links.host);
  await host.join();
  await host.inCall();
  const stays = new Native(stage, server, links.guest, nadia);
  await host.admit(nadia.name);
  await host.untilReceives([nadia.name]);
  await stays.until('first-frame', ({ source }) => source === 'microphone');

  const visitors = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const visitor = new Native(stage, server, links.guest, { ...ben, name: `${ben.name} ${round}` });
    await host.admit(visitor.name);
    await host.untilReceives([visitor.name]);
    if (round % 2 === 0) await visitor.leave();
    else {
      beforeRemoval();
      await host.remove(visitor.name);
    }
    visitors.push(await visitor.report());
    await settled(host, 2);
  }
  stage.say(`${ROUNDS} have come and gone`);

  const joiners = Array.from({ length: JOINERS }, (_, n) => new Native(stage, server, links.guest, { name: `Joiner ${n}` }));
  const doors = `${byId('knock')} ${byId('admit')}`;
  await until('all to knock', () => host.tab.run(([selector, all]) => document.querySelectorAll(selector).length === all, /** @type {[string, number]} */ ([doors, JOINERS])));
  const click = performance.now();
  await host.tab.run((selector) => {
    for (const button of document.querySelectorAll(selector)) if (button instanceof HTMLElement) button.click();
  }, doors);
  await settled(host, 2 + JOINERS);
  stage.say(`${JOINERS} were in ${Math.round(performance.now() - click)} ms after they were let in`);
  await Promise.all(joiners.map((joiner) => joiner.leave()));
  await settled(host, 2);
  return { stays: await stays.leave(), visitors };
}

/**
 * Waits until so many are members, the page seals with the newest keys, and a second of sound has come since.
 *
 * @param {import('./harness/person.mjs').Person} host
 * @param {number} members
 */
async function settled(host, members) {
  await until(`${members} members`, async () => {
    const { members: there, epoch, sendEpoch } = await told(host);
    return there === members && epoch === sendEpoch;
  });
  const heard = async () => handled(soundsOf(await told(host)));
  const before = await heard();
  await until('a second of sound', async () => (await heard()) >= before + SECOND, { explain: () => told(host) });
}

/** @param {import('./harness/person.mjs').Person} host */
const told = (host) => host.tab.run(() => /** @type {any} */ (window).conclaveDiagnostics());

/**
 * Frames of one slot for sound: a packet each.
 *
 * @typedef {{slot: number, came: number, handled: number}} Sound
 */

/** @param {any} diagnosis @returns {Sound[]} */
const soundsOf = ({ slots }) =>
  slots
    .filter((/** @type {any} */ slot) => slot.framesReceived === undefined && slot.packetsReceived > 0)
    .map((/** @type {any} */ { slot, packetsReceived, opened, dropped }) => ({
      slot,
      came: packetsReceived,
      handled: opened + Object.values(dropped).reduce((sum, times) => sum + Number(times), 0),
    }));

/** @param {Sound[]} sounds */
const handled = (sounds) => sounds.reduce((sum, sound) => sum + sound.handled, 0);

/**
 * What came in the page's slots, and what became of it, once nothing comes any more.
 *
 * @param {import('./harness/person.mjs').Person} host
 * @returns {Promise<{lost: number, sounds: Sound[], dropped: Record<string, number>}>}
 */
async function received(host) {
  let before = '';
  const diagnosis = await until(
    'silence',
    async () => {
      const now = await told(host);
      const same = JSON.stringify(now.slots.map((/** @type {any} */ slot) => [slot.packetsReceived, slot.opened, slot.dropped]));
      const quiet = same === before;
      before = same;
      return quiet && now;
    },
    { every: 500 },
  );
  /** @type {Record<string, number>} */
  const dropped = {};
  for (const slot of diagnosis.slots) {
    for (const [code, times] of Object.entries(slot.dropped)) dropped[code] = (dropped[code] ?? 0) + Number(times);
  }
  const lost = diagnosis.slots.reduce((/** @type {number} */ sum, /** @type {any} */ slot) => sum + Math.abs(slot.packetsLost ?? 0), 0);
  return { lost, sounds: soundsOf(diagnosis), dropped };
}

/** Whatever a removed member sent last does not count. @param {string} code */
const unforeseen = (code) => code !== 'frame_unknown_leaf';

/** @param {number} context @param {number} leaf @param {number} epoch  docs/protocol.md section 5 */
const kid = (context, leaf, epoch) => context * 65_536 + leaf * 64 + (epoch % 64);

/** @typedef {import('./harness/frame-count.mjs').Span} Span */

/** How many frames were sealed in each epoch, ascending. @param {Record<string, number>} epochs @returns {[number, number][]} */
const bySealer = (epochs) => Object.entries(epochs).map(([epoch, frames]) => [Number(epoch), frames]);

/** @param {Span | undefined} span */
const sealedIn = (span) => (span === undefined ? 0 : span.last + 1);

/**
 * Epochs between the first and the last frame that was opened, of which some were not.
 *
 * @param {readonly (readonly [number, number])[]} sealed  epochs, and how many frames were sealed in each
 * @param {(Span | undefined)[]} opened  of the same epochs
 */
function holes(sealed, opened) {
  const begin = opened.findIndex((span) => span !== undefined);
  const newest = opened.findLastIndex((span) => span !== undefined);
  if (begin < 0) return ['nothing was opened'];
  return sealed.slice(begin, newest + 1).flatMap(([epoch, frames], at) => {
    const span = opened[begin + at];
    const from = at === 0 ? span?.first : 0;
    const end = begin + at === newest ? (span?.last ?? 0) + 1 : frames;
    const whole = span?.first === from && span?.last === end - 1 && span.frames === end - (from ?? 0);
    return whole ? [] : [`epoch ${epoch}: ${JSON.stringify(span)} of ${frames}`];
  });
}

/** What the server says reaches the page late, where that is asked for. */
class Late {
  /** The longest that the page had to wait for it, milliseconds. */
  latest = 0;
  /** Whether any pictures were paused. */
  paused = false;
  #next = false;
  /** @type {Promise<unknown> | null} */
  #waiting = null;

  /** The answer to the page's next commit is late, and what comes behind it. */
  next() {
    this.#next = true;
  }

  /** @param {import('./harness/chromium.mjs').Hearer} to @param {any} frame */
  async pass(to, frame) {
    if (to === 'server' && this.#next && frame.type === 'commit') {
      this.#next = false;
      this.#waiting = new Promise((done) => setTimeout(done, LATE));
    }
    if (to === 'page' && this.#waiting) {
      const since = performance.now();
      await this.#waiting;
      this.#waiting = null;
      this.latest = Math.max(this.latest, performance.now() - since);
    }
    this.paused ||= frame.type === 'paused' && frame.slots.length > 0;
    return [{ to, frame }];
  }
}
