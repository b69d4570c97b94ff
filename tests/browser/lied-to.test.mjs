// What a page shows when the server lies to it: names somebody who is not there, gives the page other commits than
// the others, keeps commits and switches back, and asks for pictures in the format that shows more.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, nadia } from './harness/cast.mjs';
import { LEAN, everyoneReceives, inChromium } from './harness/gather.mjs';
import { Native } from './harness/native.mjs';
import { Server } from './harness/server.mjs';
import { Stage, resultFolder } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

const GHOST = { participant: 'EEEEEEEEEEEEEEEEEEEEEA', host: false, present: true, live: [] };
const PHONE = { width: 390, height: 780 };

test('a page warns of somebody whom only the server names, and of a call that is split', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const folder = resultFolder('lied-to');
  const liar = new Liar();
  const host = await inChromium(stage, { ...anna, ...LEAN, language: 'de-DE' });
  const guest = await inChromium(stage, { ...ben, ...LEAN, size: PHONE, lie: (to, frame) => liar.pass(to, frame) });
  await Promise.all([host.arrive(links.host), guest.arrive(links.host)]);
  await host.join();
  await host.inCall();
  await guest.join();
  await host.admit(guest.name);
  await guest.inCall();
  await everyoneReceives([host, guest]);

  liar.haunts = true;
  await host.tab.click('mic');
  await guest.tab.untilShown('roster-alarm');
  await guest.tab.shot(folder, 'roster-alarm');
  liar.haunts = false;
  await host.tab.click('mic');
  await guest.tab.untilHidden('roster-alarm');

  // Both let Nadia in. What the server took is Anna's commit; Ben is told that it was his.
  assert.equal(await guest.callCode(), await host.callCode());
  liar.forks = true;
  new Native(stage, server, links.guest, nadia);
  await guest.admit(nadia.name);
  await host.admit(nadia.name);
  for (const one of [guest, host]) {
    await one.tab.untilShown('split-alarm');
    await one.tab.shot(folder, `split-alarm-${one.name}`);
  }
  // The two parts agree on no digits: neither gets any, and each is told whose device does not answer.
  for (const [one, other, words] of /** @type {const} */ ([[guest, host, 'No answer'], [host, guest, 'Keine Antwort']])) {
    await one.tab.click('call-code');
    await one.tab.until(
      `${one.name} to be told that ${other.name} does not answer`,
      ([name, said]) => {
        const text = document.querySelector('[data-testid="comparison"]')?.textContent ?? '';
        return text.includes(name) && text.includes(said);
      },
      /** @type {[string, string]} */ ([other.name, words]),
    );
  }
  for (const { name, tab } of [host, guest]) assert.deepEqual(tab.problems, [], `${name}'s page has no errors`);
});

test('a page takes no answer without raw video, switches unbidden, and comes back over a hole in its log', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  /** What the page hears of it. @type {(frame: any) => any} */
  let told = (frame) => (frame.type === 'answer' ? { ...frame, sdp: frame.sdp.replace(/^a=packetization:.*\r\n/gm, '') } : frame);
  /** A knock of the page that nobody was told of yet. @type {any[]} */
  const kept = [];
  let keepsKnocks = false;
  const host = await inChromium(stage, {
    ...anna,
    raw: true,
    size: PHONE,
    lie: (to, frame) => {
      if (to === 'page') return [told(frame)].filter(Boolean).map((said) => ({ to, frame: said }));
      if (!keepsKnocks) return [...kept.splice(0), frame].map((said) => ({ to, frame: said }));
      if (frame.type !== 'knock') return [{ to, frame }];
      kept.push(frame);
      return [];
    },
  });
  await host.arrive(links.host);
  await host.join();
  await host.inCall();
  await host.tab.until('sound and picture to be interrupted', (text) => document.body.textContent?.includes(text) ?? false, 'are interrupted');
  // Nobody tells when to switch, either.
  told = (frame) => (frame.type === 'activate' ? null : frame);
  const natives = [];
  for (const who of [nadia, ben]) {
    const native = new Native(stage, server, links.guest, who);
    natives.push(native);
    await host.admit(who.name);
    await native.until('first-frame', ({ source }) => source === 'camera');
  }
  await host.untilReceives([nadia.name, ben.name]);

  // That Ben left is kept back; Nadia's commit that removes him is an entry further. The page says that it is behind
  // for as long as nobody brings it back, and sends nothing.
  const folder = resultFolder('fallen-behind');
  await host.tab.run(() => void Object.assign(window, { unloaded: false }));
  told = (frame) => (frame.type === 'entry' && frame.event.type === 'left' ? null : frame);
  keepsKnocks = true;
  await natives[1]?.leave();
  await host.tab.untilShown('behind');
  await host.tab.shot(folder, 'behind');
  keepsKnocks = false;
  await host.tab.click('mic');
  await host.tab.untilHidden('behind');
  await host.tab.shot(folder, 'caught-up');
  await host.untilReceives([nadia.name]);
  assert.equal(await host.tab.run(() => 'unloaded' in window), true, 'it is the same page');
  const sealing = () =>
    host.tab.run(async () => {
      const { epoch, sendEpoch, sent } = await /** @type {any} */ (window).conclaveDiagnostics();
      return { epoch, sendEpoch, sealed: sent.reduce((/** @type {number} */ sum, /** @type {any} */ of) => sum + (of.sealed ?? 0), 0) };
    });
  // Nadia is in the same epoch, and gets the page's pictures again, which nobody had to renegotiate.
  const { epoch } = await sealing();
  await natives[0]?.until('epoch', (told) => told.epoch === epoch);
  // She leaves once a second of frames of that epoch is on its way to her.
  await until('the page to seal with that epoch', async () => (await sealing()).sendEpoch === epoch);
  const { sealed } = await sealing();
  await until('the page to send frames of that epoch', async () => (await sealing()).sealed >= sealed + 60);
  const report = await natives[0]?.leave();
  const ours = report.remotes.find((/** @type {any} */ one) => one.name === anna.name);
  assert.ok(ours.epochs.includes(epoch), `frames of epoch ${epoch} open: ${ours.epochs}`);
  assert.deepEqual(host.tab.problems, [], 'the page has no errors');
});

/** @typedef {import('./harness/chromium.mjs').Hearer} Hearer */

/** Lies to one page; honest until told otherwise. */
class Liar {
  haunts = false;
  forks = false;
  /** The page's own participant, and the last entry it was given. */
  #self = '';
  #last = 0;
  /** Commits of the others that the page is not to see. */
  #withheld = 0;

  /** @param {Hearer} to @param {any} frame @returns {{to: Hearer, frame: any}[]} */
  pass(to, frame) {
    switch (frame.type) {
      case 'entered':
        this.#self = frame.participant;
        break;
      case 'roster':
        if (this.haunts) return [{ to, frame: { ...frame, members: [...frame.members, GHOST] } }];
        break;
      case 'commit':
        if (to === 'server' && this.forks) return this.#accept(frame);
        break;
      case 'entry':
        if (this.forks && frame.event.type === 'commit' && this.#withheld === 0) {
          this.#withheld += 1;
          return [];
        }
        this.#last = frame.seq;
    }
    return [{ to, frame }];
  }

  /** Says to the page that its commit was taken. @param {any} request @returns {{to: Hearer, frame: any}[]} */
  #accept({ id, epoch, message, adds, removes = [] }) {
    const event = { type: 'commit', epoch, by: this.#self, message, adds, removes };
    this.#last += 1;
    return [
      { to: 'page', frame: { type: 'ack', re: id } },
      { to: 'page', frame: { type: 'entry', seq: this.#last, event } },
    ];
  }
}
