/**
 * Opens frames with the browser's AES-GCM, which takes a part of the processor's time that our module takes
 * (docs/adr/0012-opening-by-webcrypto.md). The module decides before and after: which key and nonce, whether the
 * frame was seen before, whose it is. Frames are sealed by the module alone, so no counter is taken here.
 */

import type { Opened, Opening } from './pkg/conclave_e2ee_wasm.js';

/** The part of the module's session that this needs. */
export interface OpeningSession {
  opening(header: Uint8Array, now: number): Opening;
  openingKey(opening: Opening): Uint8Array;
  conclude(opening: Opening, authentic: boolean, now: number): Opened;
  holds(epoch: number): boolean;
}

/** Frames of at least so many bytes are worth the way to WebCrypto and back; sound is not. */
export const OUTSIDE_FROM = 2_048;

/** The longest SFrame header (RFC 9605 section 4.3). */
const LONGEST_HEADER = 17;

/** A session's keys for opening, where only WebCrypto can use them. */
export class Outside {
  /** By epoch and key id, of those who have sealed an authentic frame. */
  readonly #keys = new Map<number, Map<number, CryptoKey>>();
  #wiped = false;

  constructor(
    private readonly session: OpeningSession,
    private readonly now: () => number,
  ) {}

  /**
   * Decrypts a frame and says whose it is. Throws an error with a `code` when there is no key for it, rejects with
   * one when it does not verify.
   */
  open(frame: Uint8Array): Promise<{ data: Uint8Array; opened: Opened }> {
    return this.#open(frame, this.session.opening(frame.subarray(0, LONGEST_HEADER), this.now()));
  }

  /** Forgets the keys of epochs that the session holds no more. */
  tick(): void {
    for (const epoch of this.#keys.keys()) if (!this.session.holds(epoch)) this.#keys.delete(epoch);
  }

  /** Forgets all. */
  wipe(): void {
    this.#wiped = true;
    this.#keys.clear();
  }

  async #open(frame: Uint8Array, opening: Opening): Promise<{ data: Uint8Array; opened: Opened }> {
    try {
      const { epoch, kid, headerLength, nonce } = opening;
      const known = this.#keys.get(epoch)?.get(kid);
      const key = known ?? (await this.#imported(opening));
      const data = await decrypt(key, nonce, frame.subarray(0, headerLength), frame.subarray(headerLength));
      // What was asked for may be over: then nobody is told what came of it.
      if (this.#wiped) throw { code: 'ended' };
      const opened = this.session.conclude(opening, data !== null, this.now());
      if (data === null) throw { code: 'frame_not_authentic' };
      if (known === undefined) this.#keep(epoch, kid, key);
      return { data, opened };
    } finally {
      opening.free();
    }
  }

  async #imported(opening: Opening): Promise<CryptoKey> {
    const key = this.session.openingKey(opening);
    try {
      return await crypto.subtle.importKey('raw', exactly(key), 'AES-GCM', false, ['decrypt']);
    } finally {
      key.fill(0);
    }
  }

  #keep(epoch: number, kid: number, key: CryptoKey): void {
    let keys = this.#keys.get(epoch);
    if (keys === undefined) this.#keys.set(epoch, (keys = new Map()));
    keys.set(kid, key);
  }
}

/** The plaintext, or nothing if the tag does not verify. */
async function decrypt(key: CryptoKey, iv: Uint8Array, additionalData: Uint8Array, sealed: Uint8Array): Promise<Uint8Array | null> {
  try {
    const algorithm = { name: 'AES-GCM', iv: exactly(iv), additionalData: exactly(additionalData), tagLength: 128 };
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, exactly(sealed)));
  } catch {
    return null;
  }
}

/** WebCrypto's types ask for memory that is not shared; ours never is. */
function exactly(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
