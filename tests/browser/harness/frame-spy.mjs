// Looks at every encoded frame before and after the client's worker has handled it, and can put
// frames of another time in place of those that arrive.

/** One frame as the worker got it and as it left it, base64. @typedef {{kind: string, before: string, after: string, at: number}} Frame */

const CHANNEL = 'frame-spy';

/**
 * Goes in front of the worker's own script. Must stand alone.
 *
 * @param {string} name  of the channel to the page
 */
function spy(name) {
  const channel = new BroadcastChannel(name);
  /** @type {ArrayBuffer[]} */
  const replayed = [];
  channel.onmessage = ({ data }) => {
    if (Array.isArray(data.replay)) replayed.push(...data.replay);
  };
  const scope = /** @type {any} */ (globalThis);
  for (const type of ['RTCEncodedVideoFrame', 'RTCEncodedAudioFrame']) {
    const prototype = scope[type].prototype;
    const data = /** @type {Required<PropertyDescriptor>} */ (Object.getOwnPropertyDescriptor(prototype, 'data'));
    const kind = type === 'RTCEncodedVideoFrame' ? 'video' : 'audio';
    const before = new WeakMap();
    Object.defineProperty(prototype, 'data', {
      ...data,
      get() {
        if (!before.has(this)) {
          // Only sound that arrives has a sequence number.
          const old = kind === 'audio' && this.getMetadata().sequenceNumber !== undefined ? replayed.shift() : undefined;
          if (old !== undefined) {
            data.set.call(this, old);
            channel.postMessage({ replaying: true });
          }
          before.set(this, { bytes: data.get.call(this).slice(0), old: old !== undefined });
        }
        return data.get.call(this);
      },
      set(after) {
        const { bytes, old } = before.get(this);
        channel.postMessage({ kind, old, before: bytes, after: after.slice(0), at: Date.now() });
        data.set.call(this, after);
      },
    });
  }
}

/** The text to put in front of the worker's script. */
export const spyScript = `(${spy.toString()})(${JSON.stringify(CHANNEL)});\n`;

/** In the page: collects what the spy tells. Must stand alone. @param {string} name */
export function collectFrames(name) {
  const channel = new BroadcastChannel(name);
  const base64 = (/** @type {ArrayBuffer} */ buffer) => {
    let text = '';
    for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
    return btoa(text);
  };
  const seen = {
    /** @type {unknown[]} */
    frames: [],
    /** Frames of another time that were handed to the worker, and those of them that it opened. */
    replayed: 0,
    opened: 0,
    /** @param {string[]} frames  base64 */
    replay(frames) {
      channel.postMessage({ replay: frames.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer) });
    },
  };
  channel.onmessage = ({ data }) => {
    if (data.replaying) seen.replayed += 1;
    else if (data.old) seen.opened += 1;
    else if (data.kind) seen.frames.push({ kind: data.kind, before: base64(data.before), after: base64(data.after), at: data.at });
  };
  Object.assign(window, { spied: seen });
}

export const channel = CHANNEL;

/** Every frame the page's worker has sealed or opened so far. @param {import('./person.mjs').Person} person @returns {Promise<Frame[]>} */
export const framesOf = (person) => person.tab.run(() => /** @type {any} */ (window).spied.frames);
