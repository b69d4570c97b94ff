/**
 * What the service is told of a room's password: the digest of what proves it. The proof is made by the worker that
 * also makes a call's keys, a new one each time, which ends with its answer.
 */

import { decode, encode } from '../bytes';
import { Keys } from '../e2ee/bridge';
import { startWorker } from '../e2ee/start';

/** Longer than Argon2id takes a slow telephone. */
const LIMIT_MS = 30_000;
/** The proof is the same whatever the room. */
const ANY_ROOM = 'A'.repeat(22);

/** SHA-256 of the proof, or `null` where there is no encryption. */
export async function passwordDigest(secret: string, password: string): Promise<string | null> {
  const worker = startWorker();
  try {
    const proof = await new Promise<string | null>((resolve) => {
      const none = (): void => resolve(null);
      setTimeout(none, LIMIT_MS);
      const keys = new Keys(worker, () => undefined, () => undefined, () => undefined, none);
      keys.call({ op: 'derive', room: ANY_ROOM, secret, password }).then((derived) => resolve(derived.proof), none);
    });
    const bytes = proof === null ? null : decode(proof);
    return bytes === null ? null : encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
  } finally {
    worker.terminate();
  }
}
