// What one test puts up and takes down again: a folder, processes, browsers.

import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(dirname(fileURLToPath(import.meta.url)));

/** The checkout. */
export const root = dirname(dirname(here));

/** Where screenshots and reports of the journeys go; not part of the repository. */
export const results = join(root, 'test-results', 'browser');

/** @typedef {{close: () => unknown}} Closable */

/** Everything a test started, closed last first when the test is over, whatever its outcome. */
export class Stage {
  /** @param {import('node:test').TestContext} test */
  constructor(test) {
    this.test = test;
    this.folder = mkdtempSync(join(tmpdir(), 'conclave-journey-'));
    this.started = performance.now();
    /** @type {Closable[]} */
    this.open = [];
    /** What pages may talk to: the servers of this test. @type {Set<string>} */
    this.hosts = new Set();
    /** What each page asked for, by who sits before it. @type {Map<string, string[]>} */
    this.requests = new Map();
    test.after(() => this.close());
  }

  /**
   * @template {Closable} T
   * @param {T} thing
   * @returns {T}
   */
  keep(thing) {
    this.open.push(thing);
    return thing;
  }

  /** A line of the report, with the seconds since the test began. @param {string} text */
  say(text) {
    const seconds = ((performance.now() - this.started) / 1000).toFixed(1);
    this.test.diagnostic(`${seconds.padStart(5)} s  ${text}`);
  }

  async close() {
    for (const thing of this.open.reverse()) await thing.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    for (const [name, requests] of this.requests) {
      assert.deepEqual([...new Set(requests.filter((url) => this.#isElsewhere(url)))], [], `${name}'s pages talked to others than their own server`);
    }
  }

  /** @param {string} url */
  #isElsewhere(url) {
    const { protocol, host } = new URL(url);
    return ['http:', 'https:', 'ws:', 'wss:', 'ftp:'].includes(protocol) && !this.hosts.has(host);
  }
}

/** A folder below `results`, empty. @param {string} name */
export function resultFolder(name) {
  const folder = join(results, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}
