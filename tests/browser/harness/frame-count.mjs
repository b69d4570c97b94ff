// Counts which frames the client's worker seals and opens, by key id, in the worker itself: with little to do, so that
// it can count for as long as a call lasts.

/**
 * Frames under one key id.
 *
 * @typedef {{first: number, last: number, frames: number}} Span  the lowest and the highest counter, and how many
 */

/**
 * @typedef {object} Counts
 * @property {Record<string, Span>} sealed  by key id
 * @property {Record<string, Span>} opened
 * @property {number} exchanged  frames whose content was exchanged
 * @property {number} untouched  frames that went on as they came
 * @property {number} passed  frames that went on
 * @property {number} longest  milliseconds that a frame which was opened had waited for it
 */

const CHANNEL = 'frame-count';

/**
 * Goes in front of the worker's own script. Must stand alone.
 *
 * @param {string} name  of the channel to the page
 */
function count(name) {
  const channel = new BroadcastChannel(name);
  /** @type {Counts} */
  const counts = { sealed: {}, opened: {}, exchanged: 0, untouched: 0, passed: 0, longest: 0 };
  channel.onmessage = ({ data }) => {
    if (data === 'how many?') channel.postMessage(counts);
  };

  /** The SFrame header's numbers (RFC 9605 section 4.3). @param {Uint8Array} frame */
  const header = (frame) => {
    const [config = 0] = frame;
    const number = (/** @type {number} */ at, /** @type {number} */ length) =>
      frame.subarray(at, at + length).reduce((sum, byte) => sum * 256 + byte, 0);
    const kidLength = config & 0x80 ? ((config >> 4) & 7) + 1 : 0;
    const kid = kidLength ? number(1, kidLength) : (config >> 4) & 7;
    return { kid, counter: config & 8 ? number(1 + kidLength, (config & 7) + 1) : config & 7 };
  };

  /** @param {Record<string, Span>} spans @param {Uint8Array} frame */
  const note = (spans, frame) => {
    const { kid, counter } = header(frame);
    const span = (spans[kid] ??= { first: counter, last: counter, frames: 0 });
    span.first = Math.min(span.first, counter);
    span.last = Math.max(span.last, counter);
    span.frames += 1;
  };

  const scope = /** @type {any} */ (globalThis);
  const exchanged = new WeakSet();
  for (const type of ['RTCEncodedVideoFrame', 'RTCEncodedAudioFrame']) {
    const prototype = scope[type].prototype;
    const data = /** @type {Required<PropertyDescriptor>} */ (Object.getOwnPropertyDescriptor(prototype, 'data'));
    /** @type {WeakMap<object, {length: number, head: Uint8Array, at: number}>} */
    const came = new WeakMap();
    Object.defineProperty(prototype, 'data', {
      ...data,
      get() {
        const bytes = data.get.call(this);
        if (!came.has(this)) came.set(this, { length: bytes.byteLength, head: new Uint8Array(bytes.slice(0, 17)), at: performance.now() });
        return bytes;
      },
      set(after) {
        const before = came.get(this);
        if (before && !exchanged.has(this)) {
          exchanged.add(this);
          counts.exchanged += 1;
          if (after.byteLength > before.length) note(counts.sealed, new Uint8Array(after, 0, Math.min(17, after.byteLength)));
          else {
            note(counts.opened, before.head);
            counts.longest = Math.max(counts.longest, performance.now() - before.at);
          }
        }
        data.set.call(this, after);
      },
    });
  }
  const { write } = WritableStreamDefaultWriter.prototype;
  WritableStreamDefaultWriter.prototype.write = function (frame) {
    counts.passed += 1;
    if (!exchanged.has(frame)) counts.untouched += 1;
    return write.call(this, frame);
  };
}

/** The text to put in front of the worker's script. */
export const countScript = `(${count.toString()})(${JSON.stringify(CHANNEL)});\n`;

/** In the page: asks the worker. Must stand alone. @param {string} name */
export function collectCounts(name) {
  const channel = new BroadcastChannel(name);
  const counted = () =>
    new Promise((done) => {
      channel.addEventListener('message', ({ data }) => done(data), { once: true });
      channel.postMessage('how many?');
    });
  Object.assign(window, { counted });
}

export const channel = CHANNEL;

/** What a page's worker has counted so far. @param {import('./person.mjs').Person} person @returns {Promise<Counts>} */
export const countsOf = (person) => person.tab.run(() => /** @type {any} */ (window).counted());
