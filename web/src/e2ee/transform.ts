/**
 * Frames on their way through the worker: each is sealed or opened whole, or dropped and counted. There is no
 * third way out, so nothing unencrypted is sent and nothing unverified is rendered.
 */

import { CONTEXTS, type FrameCounts, type SlotReport, type TransformOptions } from './calls';
import { Lane } from './lane';
import { SIZE, padded } from './opus';
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
  /** The newest epoch whose frames can be opened. */
  readonly epoch: number | null;
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

/** A frame, and what is to be done once it was opened. */
interface Arrived {
  readonly frame: EncodedFrame;
  readonly goesOn: () => void;
}

interface Slot {
  readonly lane: Lane<Arrived, OpenedFrame>;
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
  readonly #slots = new Map<number, Slot>();
  readonly #sent = new Map<Source, { sealed: number; dropped: number }>();
  /** Of packets whose sizes are to tell nothing, the size of the last one: no later one is smaller. */
  readonly #sizes = new Map<Source, number>();

  constructor(
    private readonly session: () => FrameSession | null,
    private readonly report: (slot: SlotReport) => void,
    private readonly now: () => number,
  ) {}

  /** A new connection reuses the slots: their counts begin again. */
  begin(options: TransformOptions): void {
    if (options.direction === 'receive') this.#slots.delete(options.slot);
  }

  /** `goesOn` is called when the frame, its content exchanged, goes on: at once, later, or never. */
  handle(options: TransformOptions, frame: EncodedFrame, goesOn: () => void): void {
    if (options.direction === 'send') {
      if (this.#seal(options, frame)) goesOn();
    } else if (this.session() !== null) {
      this.#slot(options.slot).lane.push({ frame, goesOn }, new Uint8Array(frame.data));
    }
  }

  /** Opens what waited for an epoch that was entered, and gives up what has waited too long: to be called after both. */
  advance(): void {
    for (const { lane } of this.#slots.values()) lane.advance();
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
    this.#sizes.clear();
  }

  /** What was counted. */
  counts(): Pick<FrameCounts, 'sent' | 'slots'> {
    return {
      sent: [...this.#sent].map(([source, count]) => ({ source, ...count })),
      slots: [...this.#slots].map(([slot, { opened, dropped }]) => ({ slot, opened, dropped: Object.fromEntries(dropped) })),
    };
  }

  #seal({ source, constant }: TransformOptions & { direction: 'send' }, frame: EncodedFrame): boolean {
    let count = this.#sent.get(source);
    if (count === undefined) this.#sent.set(source, (count = { sealed: 0, dropped: 0 }));
    try {
      const session = this.session();
      if (session === null) throw new Error('no session');
      const encoded = new Uint8Array(frame.data);
      frame.data = exact(session.seal(CONTEXTS.indexOf(source), constant ? this.#constant(source, encoded) : encoded));
      count.sealed += 1;
      return true;
    } catch {
      // No group yet, or no epoch activated.
      count.dropped += 1;
      return false;
    }
  }

  #constant(source: Source, encoded: Uint8Array): Uint8Array {
    const packet = padded(encoded, this.#sizes.get(source) ?? SIZE);
    this.#sizes.set(source, packet.length);
    return packet;
  }

  #opened(slot: number, count: Slot, { key, sender }: OpenedFrame): void {
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

  #dropped(slot: number, count: Slot, code: string, came: number): void {
    count.dropped.set(code, (count.dropped.get(code) ?? 0) + 1);
    count.failuresInARow += 1;
    count.failingSince ??= came;
    if (count.failing || count.failuresInARow < FAILING_AFTER || this.now() - count.failingSince < FAILING_AFTER_MS) return;
    count.failing = true;
    this.report({ slot, sender: count.last, failing: true });
  }

  #slot(slot: number): Slot {
    const known = this.#slots.get(slot);
    if (known !== undefined) return known;
    const count: Slot = {
      lane: new Lane({
        open: (sealed) => {
          const session = this.session();
          if (session === null) throw { code: 'ended' };
          return session.open(sealed, count.key);
        },
        goesOn: ({ frame, goesOn }, opened) => {
          frame.data = exact(opened.data);
          this.#opened(slot, count, opened);
          goesOn();
        },
        isDropped: (code, came) => this.#dropped(slot, count, code, came),
        epoch: () => this.session()?.epoch ?? null,
        now: this.now,
      }),
      opened: 0,
      dropped: new Map(),
      last: null,
      key: null,
      failingSince: null,
      failuresInARow: 0,
      failing: false,
    };
    this.#slots.set(slot, count);
    return count;
  }
}

/** The bytes as a buffer of exactly their length. */
function exact(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength) return buffer;
  return bytes.slice().buffer as ArrayBuffer;
}
