// A bad network before the server: the test kit's emulator, which all media of the pages goes through.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Child } from './child.mjs';
import { conclave } from './server.mjs';

/** Cargo's tests have built it beside the server. */
const program = join(dirname(conclave), 'conclave-emulator');

/** Where the emulator stands; the server announces it in its own place. */
export const EMULATED = { media: '127.0.0.1', announce: '127.0.0.2' };

/**
 * What is wrong with one direction; the fields are those of `tests/kit/src/emulator/conditions.rs`.
 *
 * @typedef {object} Conditions
 * @property {{random: number} | {bursty: {share: number, run: number}}} [loss]
 * @property {number} [delay-ms]
 * @property {number} [jitter-ms]
 * @property {boolean} [reorder]
 * @property {{kbit: number, burst: number, queue: {ms: number} | {bytes: number}}} [rate]
 * @property {{'after-ms': number, 'lasting-ms': number}[]} [outages]
 */

/** A downlink as of an access line. @param {number} kbit @returns {Conditions} */
export function narrow(kbit) {
  return { rate: { kbit, burst: 2400, queue: { ms: 300 } } };
}

/** Nothing passes for so long. @param {number} ms @returns {Conditions} */
export function outage(ms) {
  return { outages: [{ 'after-ms': 0, 'lasting-ms': ms }] };
}

export class Network {
  /**
   * @param {import('./stage.mjs').Stage} stage
   * @param {import('./server.mjs').Server} server  one that was started with `EMULATED`
   * @param {number} [seed]  `CONCLAVE_SEED` names another
   */
  static async before(stage, server, seed = 1) {
    if (!existsSync(program)) throw new Error(`${program} is missing: cargo build --package conclave-kit`);
    const used = process.env['CONCLAVE_SEED'] ?? String(seed);
    stage.say(`the network's CONCLAVE_SEED=${used}`);
    const listen = `${EMULATED.announce}:${server.port}`;
    const network = new Network(stage.keep(new Child('emulator', program, [listen, server.media, used])));
    await network.answer(0);
    return network;
  }

  /** @param {Child} child */
  constructor(child) {
    this.child = child;
    this.asked = 0;
  }

  /**
   * The conditions of one person's path from now on.
   *
   * @param {import('./person.mjs').Person} person
   * @param {{up?: Conditions, down?: Conditions}} ways  a way that is not named is good
   */
  async set(person, { up = {}, down = {} }) {
    const who = { named: await person.fragment() };
    await this.order({ set: { who, toward: 'up', conditions: up } });
    await this.order({ set: { who, toward: 'down', conditions: down } });
  }

  /** Gives one person another address towards the server. @param {import('./person.mjs').Person} person */
  async rebind(person) {
    await this.order({ rebind: { who: { named: await person.fragment() } } });
  }

  /**
   * What became of one person's packets.
   *
   * @param {import('./person.mjs').Person} person
   * @returns {Promise<{up: Record<string, number>, down: Record<string, number>}>}
   */
  async counts(person) {
    const name = await person.fragment();
    const found = (await this.order('report')).find((client) => client.name === name);
    if (!found) throw new Error(`the emulator has met nobody of ${person.name}'s`);
    return found;
  }

  /** @param {unknown} order @returns {Promise<any[]>} the report on everybody */
  async order(order) {
    this.asked += 1;
    const mine = this.asked;
    this.child.process.stdin?.write(`${JSON.stringify(order)}\n`);
    const { clients, error } = await this.answer(mine);
    if (error) throw new Error(`the emulator refused ${JSON.stringify(order)}: ${error}`);
    return clients;
  }

  /** The answer with that number; orders are answered in turn. @param {number} number @returns {Promise<any>} */
  async answer(number) {
    return JSON.parse(await this.child.until(`answer ${number}`, () => this.child.out[number]));
  }
}
