/**
 * Frames on their way through the worker: each is sealed or opened whole, or dropped and counted. There is no
 * third way out, so nothing unencrypted is sent and nothing unverified is rendered.
 */

import { CONTEXTS, type FrameCounts, type SlotReport, type TransformOptions } from './calls';
import type { Source } from '../wire';

/** What names a frame's sender: a leaf may belong to someone else in another epoch. */
export interface SenderKey {
  readonly leaf: number;
  readonly epoch: number;
  readonly context: number;
}

/** A frame that verified. */
export interface OpenedFrame {
  readonly data: Uint8Array;
  readonly key: SenderKey;
  /** Who sealed it; `null` if the key is the known one. */
  readonly sender: { readonly participant: string; readonly name: string } | null;
}

/** The part of the session that frames need. */
export interface FrameSession {
  /** Throws when the frame cannot be sealed. */
  seal(context: number, payload: Uint8Array): Uint8Array;
  /** Throws, or rejects with, an error with a `code` when the frame does not verify. */
  open(frame: Uint8Array, known: SenderKey | null): OpenedFrame | Promise<OpenedFrame>;
}

/** An encoded frame, of audio or video. */
export interface EncodedFrame {
  data: ArrayBuffer;
}

/** After so many frames in a row that did not open, over at least {@link FAILING_AFTER_MS}, a slot is failing. */
const FAILING_AFTER = 10;
const FAILING_AFTER_MS = 2_000;

interface SlotCount {
  opened: number;
  readonly dropped: Map<string, number>;
  last: SlotReport['sender'];
  key: SenderKey | null;
  failingSince: number | null;
  failuresInARow: number;
  failing: boolean;
}

/** Seals and opens frames with whatever session there is at the moment. */
export class Frames {
  readonly #slots = new Map<number, SlotCount>();
  readonly #sent = new Map<Source, { sealed: number; dropped: number }>();

  constructor(
    private readonly session: () => FrameSession | null,
    private readonly report: (slot: SlotReport) => void,
    private readonly now: () => number,
  ) {}

  /** A new connection reuses the slots: their counts begin again. */
  begin(options: TransformOptions): void {
    if (options.direction === 'receive') this.#slots.delete(options.slot);
  }

  /** Whether the frame, with its content exchanged, goes on. A slot's next frame waits until that is known. */
  handle(options: TransformOptions, frame: EncodedFrame): boolean | Promise<boolean> {
    return options.direction === 'send' ? this.#seal(options.source, frame) : this.#open(options.slot, frame);
  }

  /** Forgets who a slot's frames came from. */
  watch(slot: number): void {
    const count = this.#slot(slot);
    count.last = null;
    count.key = null;
    count.failing = false;
    count.failingSince = null;
    count.failuresInARow = 0;
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots.clear();
    this.#sent.clear();
  }

  /** What was counted. */
  counts(): Pick<FrameCounts, 'sent' | 'slots'> {
    return {
      sent: [...this.#sent].map(([source, count]) => ({ source, ...count })),
      slots: [...this.#slots].map(([slot, { opened, dropped }]) => ({ slot, opened, dropped: Object.fromEntries(dropped) })),
    };
  }

  #seal(source: Source, frame: EncodedFrame): boolean {
    let count = this.#sent.get(source);
    if (count === undefined) this.#sent.set(source, (count = { sealed: 0, dropped: 0 }));
    try {
      const session = this.session();
      if (session === null) throw new Error('no session');
      frame.data = exact(session.seal(CONTEXTS.indexOf(source), new Uint8Array(frame.data)));
      count.sealed += 1;
      return true;
    } catch {
      // No group yet, or no epoch activated.
      count.dropped += 1;
      return false;
    }
  }

  #open(slot: number, frame: EncodedFrame): boolean | Promise<boolean> {
    const count = this.#slot(slot);
    const session = this.session();
    if (session === null) return false;
    const goesOn = (opened: OpenedFrame): boolean => {
      frame.data = exact(opened.data);
      this.#opened(slot, count, opened);
      return true;
    };
    const isDropped = (error: unknown): boolean => {
      this.#dropped(slot, count, codeOf(error));
      return false;
    };
    try {
      const opened = session.open(new Uint8Array(frame.data), count.key);
      return opened instanceof Promise ? opened.then(goesOn).catch(isDropped) : goesOn(opened);
    } catch (error) {
      return isDropped(error);
    }
  }

  #opened(slot: number, count: SlotCount, { key, sender }: OpenedFrame): void {
    count.opened += 1;
    count.failuresInARow = 0;
    count.failingSince = null;
    const { last } = count;
    if (sender !== null) {
      count.key = key;
      count.last = { ...sender, source: CONTEXTS[key.context % CONTEXTS.length] ?? 'camera' };
    }
    const same = last?.participant === count.last?.participant && last?.source === count.last?.source;
    if (same && !count.failing) return;
    count.failing = false;
    this.report({ slot, sender: count.last, failing: false });
  }

  #dropped(slot: number, count: SlotCount, code: string): void {
    count.dropped.set(code, (count.dropped.get(code) ?? 0) + 1);
    count.failuresInARow += 1;
    count.failingSince ??= this.now();
    if (count.failing || count.failuresInARow < FAILING_AFTER || this.now() - count.failingSince < FAILING_AFTER_MS) return;
    count.failing = true;
    this.report({ slot, sender: count.last, failing: true });
  }

  #slot(slot: number): SlotCount {
    let count = this.#slots.get(slot);
    if (count === undefined) {
      count = { opened: 0, dropped: new Map(), last: null, key: null, failingSince: null, failuresInARow: 0, failing: false };
      this.#slots.set(slot, count);
    }
    return count;
  }
}

/** The stable code of an error of the e2ee crate. */
export function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') return error.code;
  return 'internal';
}

/** The bytes as a buffer of exactly their length. */
function exact(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength) return buffer;
  return bytes.slice().buffer as ArrayBuffer;
}
