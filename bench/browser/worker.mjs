// Opens and seals the frames of some cameras (720 lines, 30 pictures a second, 1.5 Mbit/s, a keyframe in ten seconds)
// or microphones. Frames of one time come at once, as they do from a server that forwards at their pace.

import init, { generateLinkSecret, LinkKeys, Session } from '/conclave_e2ee_wasm.js';

const SUITE = 0x4e;
const CAMERA = 1;
const SECONDS = 10;
const KINDS = {
  camera: { context: CAMERA, rate: 30, length: (at) => (at === 0 ? 60_000 : 6_100) },
  microphone: { context: 0, rate: 50, length: () => 160 },
};

const loaded = init({ module_or_path: fetch('/conclave_e2ee_wasm_bg.wasm') });
let load = () => {};
let ways = {};

/** A receiver and as many senders in one group. */
function call(streams) {
  const room = new Uint8Array(16).fill(1);
  const keys = new LinkKeys(room, generateLinkSecret(), undefined);
  const person = (number) => new Session(SUITE, new Uint8Array(16).fill(number), `Person ${number}`, keys, true);
  const receiver = person(0xff);
  receiver.createGroup(0);
  const senders = Array.from({ length: streams }, (_, at) => person(at + 1));
  const knocks = senders.map((sender, at) => {
    const { keyPackage, tag } = sender.knock();
    return receiver.verifyKnock(new Uint8Array(16).fill(at + 1), keyPackage, tag);
  });
  const { welcome } = receiver.admit(knocks);
  receiver.confirmPending(0);
  for (const sender of senders) sender.join(welcome);
  for (const member of [receiver, ...senders]) member.activate(1, 0);
  return { receiver, senders };
}

async function prepare({ streams, kind }) {
  await loaded;
  const { receiver, senders } = call(streams);
  const { context, rate, length } = KINDS[kind];
  const count = rate * SECONDS;
  const payload = crypto.getRandomValues(new Uint8Array(60_000));
  /** By time, each stream's frame. A frame opens once, so they are sealed anew for each run. */
  let frames = [];
  load = () => {
    frames = Array.from({ length: count }, (_, at) => senders.map((sender) => sender.seal(context, payload.subarray(0, length(at)))));
  };
  const inTurn = async (work) => {
    const start = performance.now();
    for (let at = 0; at < count; at += 1) await work(at);
    return performance.now() - start;
  };
  const whole = (got, at) => {
    if (got !== length(at)) throw new Error('a frame lost bytes');
  };
  const keys = new Map();
  const sealing = await Promise.all(
    senders.map(() => crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt'])),
  );
  let counter = 0;
  ways = {
    'open wasm': () =>
      inTurn((at) => {
        for (const frame of frames[at]) {
          const opened = receiver.open(frame, 0);
          whole(opened.payload.length, at);
          opened.free();
        }
      }),
    // As web/src/e2ee/outside.ts does it.
    'open WebCrypto': () =>
      inTurn((at) =>
        Promise.all(
          frames[at].map(async (frame) => {
            const opening = receiver.opening(frame.subarray(0, 17), 0);
            const { kid, headerLength, nonce } = opening;
            let key = keys.get(kid);
            if (key === undefined) {
              key = await crypto.subtle.importKey('raw', receiver.openingKey(opening), 'AES-GCM', false, ['decrypt']);
              keys.set(kid, key);
            }
            const algorithm = { name: 'AES-GCM', iv: nonce, additionalData: frame.subarray(0, headerLength) };
            const opened = await crypto.subtle.decrypt(algorithm, key, frame.subarray(headerLength));
            receiver.conclude(opening, true, 0).free();
            opening.free();
            whole(opened.byteLength, at);
          }),
        ),
      ),
    'seal wasm': () =>
      inTurn((at) => {
        for (const sender of senders) sender.seal(context, payload.subarray(0, length(at)));
      }),
    'seal WebCrypto': () =>
      inTurn((at) =>
        Promise.all(
          sealing.map((key) => {
            const iv = new Uint8Array(12);
            new DataView(iv.buffer).setUint32(8, counter++);
            return crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: iv.subarray(4) }, key, payload.subarray(0, length(at)));
          }),
        ),
      ),
  };
  return { seconds: SECONDS, frames: count * streams, ways: Object.keys(ways) };
}

async function perform({ prepare: call, run }) {
  if (call !== undefined) return prepare(call);
  return run === undefined ? load() : ways[run]();
}

onmessage = async ({ data }) => {
  try {
    postMessage({ result: await perform(data) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
