/** The wasm module's session in the page's words: bytes as base64url, results as plain data. */

import init, { Session } from './pkg/conclave_e2ee_wasm.js';
import { decode, encode } from '../bytes';
import type { Call, Commit, Knock, Operations, Tree } from './calls';
import type { FrameSession, OpenedFrame } from './transform';

/** Loads the module, once. */
export async function load(): Promise<void> {
  await init();
}

function bytes(text: string): Uint8Array {
  const decoded = decode(text);
  if (decoded === null) throw { code: 'malformed' };
  return decoded;
}

/** One participant's keys for one stay. */
export class KeySession implements FrameSession {
  readonly #session: Session;

  constructor({ suite, room, participant, name, secret }: Operations['begin']['args']) {
    this.#session = new Session(suite, bytes(room), bytes(participant), name, bytes(secret));
  }

  get epoch(): number | null {
    return this.#session.ready_epoch() ?? null;
  }

  get sendEpoch(): number | null {
    return this.#session.send_epoch() ?? null;
  }
}
