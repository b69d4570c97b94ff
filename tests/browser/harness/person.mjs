// Somebody before a page of the product: what they can do, and what they see and hear.

import { PATIENCE, until } from './until.mjs';
import { byId } from './tab.mjs';

/** The sound of a sender counts as heard from this energy on; a muted one has none. */
const HEARD = 0.0005;
/** How often a page is asked for statistics, milliseconds: to gather them holds up its media. */
const STATISTICS_EVERY = 200;
/** One picture might be an accident. */
const SEEN = 3;

/**
 * What a page receives from one source of one participant, by the sender its own keys name.
 *
 * @typedef {object} Flow
 * @property {string} name  the sender's, from the tile
 * @property {string} participant
 * @property {string} source
 * @property {number} slot
 * @property {number} packets
 * @property {number} opened  frames that verified
 * @property {number} frames  decoded
 * @property {number} energy  of the decoded sound, in total
 * @property {number} width  of the last picture
 * @property {number} height
 * @property {number} freezes
 * @property {number} frozen  seconds, in all freezes together
 * @property {number} samples  played, in total
 * @property {number} concealed  of these, made up for what did not come
 * @property {number | null} played  when the slot first played something, by the machine's clock
 */

/** @param {Flow[]} flows @param {string[]} names */
function heardAndSeen(flows, names) {
  return names.every((name) => {
    const of = (/** @type {string} */ source) => flows.find((flow) => flow.name === name && flow.source === source);
    return (of('camera')?.frames ?? 0) >= SEEN && (of('microphone')?.energy ?? 0) >= HEARD;
  });
}

export class Person {
  /** @param {import('./tab.mjs').Tab} tab */
  constructor(tab) {
    this.tab = tab;
    this.name = tab.name;
    this.tone = tab.tone;
  }

  /** Opens a link and gives the name; the page is ready to join. @param {string} link */
  async arrive(link) {
    await this.tab.open(link);
    await this.tab.untilShown('prejoin-name');
    await this.tab.fill('prejoin-name', this.name);
  }

  /** A host enters, everybody else knocks. */
  join() {
    return this.tab.click('join-button');
  }

  /** The call is there. @param {number} [within] */
  inCall(within) {
    return this.tab.untilPhase('call', within);
  }

  /** A host sees the knock and lets the visitor in. @param {string} name @returns {Promise<number>} when, by the machine's clock */
  async admit(name) {
    const button = `${byId('knock')}[data-name="${name}"] ${byId('admit')}`;
    await this.tab.until(`the knock of ${name}`, (selector) => document.querySelector(selector) !== null, button);
    const now = Date.now();
    await this.tab.clickOn(button);
    return now;
  }

  /** The names of everyone in the call, this person's own included. @returns {Promise<string[]>} */
  names() {
    return this.tab.run(
      (selector) => [...new Set([...document.querySelectorAll(selector)].map((tile) => tile.getAttribute('data-name') ?? ''))].sort(),
      byId('tile'),
    );
  }

  /** The names of those whose tiles say that they speak. @returns {Promise<string[]>} */
  speaking() {
    return this.tab.run(
      (selector) => [...document.querySelectorAll(selector)].map((tile) => tile.getAttribute('data-name') ?? ''),
      `${byId('tile')}.speaking`,
    );
  }

  /** By what the emulator of a bad network knows this person. @returns {Promise<string>} */
  fragment() {
    return this.tab.run(() => /** @type {any} */ (window).probe.fragment());
  }

  /** @returns {Promise<Flow[]>} */
  flows() {
    return this.tab.run(async (selector) => {
      const { conclaveDiagnostics, probe } = /** @type {any} */ (window);
      const told = await conclaveDiagnostics();
      const played = probe.playedAt();
      const { slots } = typeof told === 'string' ? JSON.parse(told) : told;
      const names = new Map(
        [...document.querySelectorAll(selector)].map((tile) => [tile.getAttribute('data-participant'), tile.getAttribute('data-name')]),
      );
      return slots
        .filter((/** @type {any} */ slot) => slot.verified !== null)
        .map((/** @type {any} */ row) => ({
          slot: row.slot,
          participant: row.verified,
          source: row.source,
          opened: row.opened,
          name: names.get(row.verified) ?? '',
          frames: row.framesDecoded ?? 0,
          energy: row.totalAudioEnergy ?? 0,
          packets: row.packetsReceived ?? 0,
          width: row.frameWidth ?? 0,
          height: row.frameHeight ?? 0,
          freezes: row.freezeCount ?? 0,
          frozen: row.totalFreezesDuration ?? 0,
          samples: row.totalSamplesReceived ?? 0,
          concealed: row.concealedSamples ?? 0,
          played: played[row.slot] ?? null,
        }));
    }, byId('tile'));
  }

  /**
   * Whether pictures and sound of everyone named arrive, decoded.
   *
   * @param {string[]} names
   */
  async receives(names) {
    return heardAndSeen(await this.flows(), names);
  }

  /**
   * Waits until pictures and sound of everyone named arrive.
   *
   * @param {string[]} names
   * @param {number} [within]
   * @param {number} [every]  how often to ask; the answer is as exact however seldom
   * @returns {Promise<Record<string, number>>} when each source of theirs was first played, by the machine's clock
   */
  async untilReceives(names, within = PATIENCE, every = STATISTICS_EVERY) {
    /** @type {Flow[]} */
    let flows = [];
    const ask = async () => heardAndSeen((flows = await this.flows()), names);
    await until(`${this.name} to see and hear ${names.join(', ')}`, ask, {
      within,
      every,
      explain: async () => ({ flows: await this.flows(), problems: this.tab.problems }),
    });
    const theirs = flows.filter(({ name }) => names.includes(name));
    return Object.fromEntries(theirs.map(({ name, source, played }) => [`${name}'s ${source}`, played ?? Date.now()]));
  }

  /**
   * How loud each of the tones is in what comes from one participant.
   *
   * @param {string} name
   * @param {number[]} tones
   * @returns {Promise<number[]>}
   */
  async hears(name, tones) {
    const flow = (await this.flows()).find((one) => one.name === name && one.source === 'microphone');
    if (!flow) throw new Error(`${this.name} receives no sound of ${name}`);
    return this.tab.run(({ slot, hertz }) => /** @type {any} */ (window).probe.hear(slot, hertz), { slot: flow.slot, hertz: tones });
  }

  /** The formats of the pictures this page sends now. @returns {Promise<string[]>} */
  formats() {
    return this.tab.run(() => /** @type {any} */ (window).probe.formats());
  }

  /** The colour of what a tile shows. @param {string} name @param {string} [source] */
  sees(name, source = 'camera') {
    return this.tab.run(
      (selector) => {
        const video = document.querySelector(selector);
        return video instanceof HTMLVideoElement ? /** @type {any} */ (window).probe.colour(video) : null;
      },
      `${byId('tile')}[data-name="${name}"][data-source="${source}"] video`,
    );
  }

  /** Whether a tile shows this source. @param {string} name @param {string} source @returns {Promise<boolean>} */
  hasTile(name, source) {
    return this.tab.run((selector) => document.querySelector(selector) !== null, `${byId('tile')}[data-name="${name}"][data-source="${source}"]`);
  }

  /** Shares what the browser's picker gives, and confirms that it is a whole screen. */
  async startSharing() {
    await this.tab.click('screen');
    await this.tab.click('screen-confirm');
  }

  stopSharing() {
    return this.tab.click('stop-sharing');
  }

  /** Waits until somebody's tile says that they are muted, or that they are not. @param {string} name @param {boolean} muted */
  seesMuted(name, muted) {
    return this.tab.until(
      `${name} to be shown ${muted ? 'muted' : 'unmuted'}`,
      ([selector, wanted]) => {
        const tile = document.querySelector(selector);
        return tile !== null && /, (muted|stumm)/.test(tile.textContent ?? '') === wanted;
      },
      /** @type {[string, boolean]} */ ([`${byId('tile')}[data-name="${name}"][data-source="camera"]`, muted]),
    );
  }

  /** Opens the dialog with the digits to compare, and closes it. @returns {Promise<string>} eight digits */
  async callCode() {
    await this.tab.click('call-code');
    await this.tab.untilShown('code');
    const code = await this.tab.run((selector) => (document.querySelector(selector)?.textContent ?? '').replaceAll(/\D/g, ''), byId('code'));
    await this.tab.press('Escape');
    await this.tab.untilHidden('code');
    return code;
  }

  /** A host sends somebody out. @param {string} name @returns {Promise<number>} when, by `performance.now()` */
  async remove(name) {
    await this.tab.click('people');
    await this.tab.clickOn(`${byId('person')}[data-name="${name}"] ${byId('remove')}`);
    await this.tab.untilShown('remove-confirm');
    const now = performance.now();
    await this.tab.click('remove-confirm');
    await this.tab.click('people');
    return now;
  }

  /** A host ends the call for everyone. */
  async end() {
    await this.tab.click('end');
    await this.tab.click('end-confirm');
  }

  /** Frames opened so far, by sender and source. @returns {Promise<Record<string, number>>} */
  async opened() {
    return Object.fromEntries((await this.flows()).map(({ name, source, opened }) => [`${name}/${source}`, opened]));
  }

  /** @param {string} name @param {number} [within] */
  untilGone(name, within) {
    return this.tab.until(`${name} to be gone`, (selector) => document.querySelector(selector) === null, `${byId('tile')}[data-name="${name}"]`, within);
  }

  over() {
    return this.tab.untilPhase('over');
  }

  leave() {
    return this.tab.click('leave');
  }
}
