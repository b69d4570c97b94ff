// The participant without a browser: `conclave join`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.mjs';
import { conclave } from './server.mjs';
import { root } from './stage.mjs';

/** @typedef {{event: string, at: number} & Record<string, any>} Told  `at` by the machine's clock */

export class Native {
  /**
   * Knocks and goes on by itself.
   *
   * @param {import('./stage.mjs').Stage} stage
   * @param {import('./server.mjs').Server} server
   * @param {string} link
   * @param {{name: string, tone?: number}} who  one without a tone sends nothing
   */
  constructor(stage, server, link, { name, tone }) {
    this.name = name;
    this.tone = tone;
    /** @type {Told[]} */
    this.events = [];
    this.reportFile = join(stage.folder, `${name}.json`);
    const film = join(root, 'tests', 'media', 'camera.ivf');
    const media = tone === undefined ? [] : ['--tone', String(tone), '--video', film];
    const told = ['--events', '--report', this.reportFile];
    this.child = stage.keep(
      new Child(name, conclave, ['join', link, '--name', name, '--ca', server.certificate, ...media, ...told]),
    );
    this.child.onLine = (line) => {
      this.events.push({ ...JSON.parse(line), at: Date.now() });
    };
  }

  /**
   * @param {string} event
   * @param {(told: Told) => boolean} [which]
   * @param {number} [within]
   * @returns {Promise<Told>}
   */
  until(event, which = () => true, within) {
    return this.child.until(`“${event}”`, () => this.events.find((told) => told.event === event && which(told)), within);
  }

  /** Leaves as by Ctrl-C, and says what it got. */
  async leave() {
    await this.child.kill('SIGINT');
    return this.report();
  }

  /** What it got, once its stay is over. @returns {Promise<any>} */
  async report() {
    await this.child.ended;
    return JSON.parse(readFileSync(this.reportFile, 'utf8'));
  }
}
