// Opens and seals the frames of some cameras: 720 lines, 30 pictures a second, 1.5 Mbit/s, a keyframe every ten
// seconds. Every picture of all cameras comes at once, as it does from a server that forwards at their pace.

import init, { generateLinkSecret, LinkKeys, Session } from '/conclave_e2ee_wasm.js';

const SUITE = 0x4e;
const CAMERA = 1;
const SECONDS = 10;
const PICTURES = 30 * SECONDS;
const KEYFRAME = 60_000;
const PICTURE = 6_100;
/** Runs that one set of frames is sealed for: a frame opens once. */
const RUNS = 8;

const loaded = init({ module_or_path: fetch('/conclave_e2ee_wasm_bg.wasm') });
let ways = {};

const lengthOf = (picture) => (picture % PICTURES === 0 ? KEYFRAME : PICTURE);

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

async function prepare(streams) {
  await loaded;
  const { receiver, senders } = call(streams);
  const payload = crypto.getRandomValues(new Uint8Array(KEYFRAME));
  let at = 0;
  /** One run of pictures after the other, each camera's frame of each. */
  const sealed = Array.from({ length: RUNS }, () =>
    Array.from({ length: PICTURES }, (_, picture) => senders.map((sender) => sender.seal(CAMERA, payload.subarray(0, lengthOf(picture))))),
  );
  const keys = await Promise.all(
    senders.map(() => crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])),
  );
  let counter = 0;
  const nonce = () => {
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setUint32(8, counter++);
    return iv;
  };
  const header = (iv) => iv.subarray(4);
  const seal = (key, data) => {
    const iv = nonce();
    return crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: header(iv) }, key, data).then((bytes) => ({ iv, bytes }));
  };
  const theirs = [];
  for (let picture = 0; picture < PICTURES; picture += 1) {
    theirs.push(await Promise.all(keys.map((key) => seal(key, payload.subarray(0, lengthOf(picture))))));
  }
  const eachPicture = async (work) => {
    const start = performance.now();
    for (let picture = 0; picture < PICTURES; picture += 1) await work(picture);
    return performance.now() - start;
  };
  ways = {
    'open wasm': () => {
      const run = sealed[at++];
      return eachPicture((picture) => {
        for (const frame of run[picture]) {
          const opened = receiver.open(frame, 0);
          if (opened.payload.length !== lengthOf(picture)) throw new Error('a frame lost bytes');
          opened.free();
        }
      });
    },
    'open WebCrypto': () =>
      eachPicture((picture) =>
        Promise.all(
          theirs[picture].map(async ({ iv, bytes }, camera) => {
            const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData: header(iv) }, keys[camera], bytes);
            if (opened.byteLength !== lengthOf(picture)) throw new Error('a frame lost bytes');
          }),
        ),
      ),
    'seal wasm': () =>
      eachPicture((picture) => {
        for (const sender of senders) sender.seal(CAMERA, payload.subarray(0, lengthOf(picture)));
      }),
    'seal WebCrypto': () => eachPicture((picture) => Promise.all(keys.map((key) => seal(key, payload.subarray(0, lengthOf(picture)))))),
  };
  return { seconds: SECONDS, frames: PICTURES * streams, ways: Object.keys(ways) };
}

onmessage = async ({ data }) => {
  try {
    postMessage({ result: data.prepare === undefined ? await ways[data.run]() : await prepare(data.prepare) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
