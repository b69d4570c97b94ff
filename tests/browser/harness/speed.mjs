// How fast the machine is at the moment. A machine that is shared can do half as much in one hour as in
// the next, without a load of its own to show for it; a limit in seconds means little there.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/**
 * Milliseconds that the sum should take on two processors of a machine of ordinary speed. An estimate: it has not been
 * measured in a good hour of the machine on which the limits were set; in bad ones it took 360 to 640.
 */
const REFERENCE = 230;

/** A fixed sum, timed. It must stand alone: it is sent to the worker as text. */
const sum = `
  const { parentPort } = require('node:worker_threads');
  const add = (rounds) => {
    let state = 2463534242;
    for (let n = 0; n < rounds; n += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
    }
    return state;
  };
  add(1e6);
  const began = performance.now();
  parentPort.postMessage({ took: add(1.5e8), ms: performance.now() - began });
`;

/** How many times longer the sum takes now, on two processors at once, than on a machine of ordinary speed; at least 1. */
export async function slowness() {
  const one = () =>
    new Promise((done, failed) => {
      const worker = new Worker(sum, { eval: true });
      worker.once('message', ({ ms }) => done(ms));
      worker.once('error', failed);
    });
  const times = await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, one));
  return Math.max(1, ...times.map((ms) => ms / REFERENCE));
}
