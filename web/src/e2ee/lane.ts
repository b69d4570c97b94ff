/**
 * The frames of one receive slot, in the order in which they came: each is opened when those before it have gone on
 * or were dropped. One that is ahead of its commit waits for it, sealed, and those behind it wait with it: media
 * takes the short way and the log the long one, most of all after a removal, which waits for nobody.
 */

import { codeOf } from './code';

/**
 * How long a frame waits for its commit, milliseconds: as long as the switch to a new epoch may take. Longer would
 * show what nobody waits for any more.
 */
export const WAIT_MS = 2_000;

/**
 * Most frames and bytes that wait in one slot: two seconds of pictures in three layers, of 4 Mbit/s. Who makes frames
 * up makes these wait in vain, no more of them, and none of another slot.
 */
export const MOST_FRAMES = 256;
export const MOST_BYTES = 1 << 20;

/** The code of a frame whose commit may be under way. */
export const EARLY = 'frame_early_epoch';

/** What a lane does with its frames. */
export interface Ends<Frame, Opened> {
  /** Throws, or rejects with, an error with a `code` when the frame does not verify. */
  open(sealed: Uint8Array): Opened | Promise<Opened>;
  goesOn(frame: Frame, opened: Opened): void;
  /** `came`: when it did, milliseconds. */
  isDropped(code: string, came: number): void;
  /** The newest epoch whose frames can be opened. */
  epoch(): number | null;
  now(): number;
}

interface Waiting<Frame> {
  readonly frame: Frame;
  readonly sealed: Uint8Array;
  readonly came: number;
  /** The epoch in which it was too early. */
  early: { readonly in: number | null } | null;
}

export class Lane<Frame, Opened> {
  readonly #waiting: Waiting<Frame>[] = [];
  #bytes = 0;
  /** The first one is being opened. */
  #opening = false;

  constructor(private readonly ends: Ends<Frame, Opened>) {}

  /** Takes the next frame. The first of those that wait make room. */
  push(frame: Frame, sealed: Uint8Array): void {
    this.#waiting.push({ frame, sealed, came: this.ends.now(), early: null });
    this.#bytes += sealed.length;
    this.advance();
    while (this.#waiting.length > MOST_FRAMES || this.#bytes > MOST_BYTES) {
      const at = this.#opening ? 1 : 0;
      if (!this.#drop(at, EARLY)) return;
      this.advance();
    }
  }

  /** Goes on as far as it can: what waited for a commit that has come is opened, what waited too long is given up. */
  advance(): void {
    for (let first = this.#waiting[0]; first !== undefined && !this.#opening; first = this.#waiting[0]) {
      if (first.early !== null) {
        if (this.ends.now() >= first.came + WAIT_MS) {
          this.#drop(0, EARLY);
          continue;
        }
        if (first.early.in === this.ends.epoch()) return;
      }
      this.#open(first);
    }
  }

  /** Opens the first one. */
  #open(first: Waiting<Frame>): void {
    try {
      const opened = this.ends.open(first.sealed);
      if (!(opened instanceof Promise)) return this.#opened(first, opened);
      this.#opening = true;
      void opened
        .then((whole) => this.#opened(first, whole))
        .catch((error: unknown) => this.#failed(first, error))
        .then(() => {
          this.#opening = false;
          this.advance();
        });
    } catch (error) {
      this.#failed(first, error);
    }
  }

  #opened(first: Waiting<Frame>, opened: Opened): void {
    this.ends.goesOn(first.frame, opened);
    this.#take(0);
  }

  #failed(first: Waiting<Frame>, error: unknown): void {
    const code = codeOf(error);
    if (code === EARLY) first.early = { in: this.ends.epoch() };
    else this.#drop(0, code);
  }

  /** Whether there was one. */
  #drop(at: number, code: string): boolean {
    const dropped = this.#take(at);
    if (dropped !== undefined) this.ends.isDropped(code, dropped.came);
    return dropped !== undefined;
  }

  #take(at: number): Waiting<Frame> | undefined {
    const [taken] = this.#waiting.splice(at, 1);
    this.#bytes -= taken?.sealed.length ?? 0;
    return taken;
  }
}
