// Waiting for a condition, never for a time.

/**
 * How long is waited for what has no limit of its own, milliseconds: far longer than it takes on a machine that others
 * keep busy. What the product promises in seconds, a test measures.
 */
export const PATIENCE = 30_000;

const pause = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Asks until the answer is truthy and returns it; fails at the deadline, with the last answer or
 * whatever `explain` knows.
 *
 * @template T
 * @param {string} what  completes the sentence "waited N s for …"
 * @param {() => T | Promise<T>} ask
 * @param {{within?: number, every?: number, explain?: () => unknown}} [options]  milliseconds
 * @returns {Promise<NonNullable<Awaited<T>>>}
 */
export async function until(what, ask, { within = PATIENCE, every = 50, explain } = {}) {
  const deadline = performance.now() + within;
  let last;
  for (;;) {
    last = await ask();
    if (last) return last;
    if (performance.now() > deadline) break;
    await pause(every);
  }
  const why = explain ? JSON.stringify(await explain(), null, 1) : JSON.stringify(last);
  throw new Error(`waited ${within / 1000} s for ${what}; ${why}`);
}
