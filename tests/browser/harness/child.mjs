// A child process whose lines can be waited for, and that never outlives the tests.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PATIENCE, until } from './until.mjs';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** How many of a child's last lines an error shows. */
const TAIL = 15;

export class Child {
  /**
   * @param {string} name  for messages
   * @param {string} program
   * @param {string[]} args
   * @param {{env?: Record<string, string>, cwd?: string}} [options]
   */
  constructor(name, program, args, { env = {}, cwd } = {}) {
    this.name = name;
    /** @type {string[]} */
    this.out = [];
    /** @type {string[]} */
    this.err = [];
    /** @type {Error | undefined} */
    this.failure = undefined;
    this.process = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this.process);
    /** Hears every line of its output. @type {(line: string) => void} */
    this.onLine = () => {};
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      this.out.push(line);
      this.onLine(line);
    });
    createInterface({ input: this.process.stderr }).on('line', (line) => this.err.push(line));
    this.ended = new Promise((done) => {
      const end = (/** @type {unknown} */ how) => {
        running.delete(this.process);
        done(how);
      };
      this.process.once('error', (error) => {
        this.failure = error;
        end(error);
      });
      this.process.once('close', (code, signal) => end(signal ?? code));
    });
  }

  get alive() {
    return this.failure === undefined && this.process.exitCode === null && this.process.signalCode === null;
  }

  /** What it said last. */
  tail() {
    return [this.failure?.message ?? '', ...this.out.slice(-TAIL), ...this.err.slice(-TAIL)].join('\n').trim();
  }

  /**
   * Waits for `ask`; a child that ends meanwhile, fails at once.
   *
   * @template T
   * @param {string} what
   * @param {() => T | Promise<T>} ask
   * @param {number} [within]  milliseconds
   */
  until(what, ask, within = PATIENCE) {
    return until(
      `${what} (${this.name})`,
      async () => {
        const answer = await ask();
        if (!answer && !this.alive) throw new Error(`${this.name} ended while we waited for ${what}:\n${this.tail()}`);
        return answer;
      },
      { within, explain: () => this.tail() },
    );
  }

  /** Ends it and waits for its end. @param {NodeJS.Signals} [signal] */
  async kill(signal = 'SIGKILL') {
    if (this.alive) this.process.kill(signal);
    return this.ended;
  }

  close() {
    return this.kill();
  }
}
