// What leaves a page holds no byte of what its encoders made: every payload is a part of an SFrame of
// pictures, behind a VP9 descriptor where that is the format, or an SFrame of sound. Read where the
// browser hands packets to SRTP.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { anna, ben } from './harness/cast.mjs';
import { framesOf } from './harness/frame-spy.mjs';
import { gather, inChromium } from './harness/gather.mjs';
import { dumpTo, rawFrames, sentPackets, sframeHeader, videoFrames } from './harness/rtp-dump.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

/** Runs of so many equal bytes do not happen by chance: 2^-96 each. */
const RUN = 12;
/**
 * How a key frame begins: of VP9 profile 0 with the frame marker, then the sync code (VP9 section 6.2), of AV1 with
 * a temporal delimiter and a sequence header (AV1 section 7.5).
 */
const KEY_FRAME = /^[89ab].498342|^12000a/;

const TAG = 16;

test('no byte of an encoded frame leaves the page in clear, in packets that show nothing of frames', (t) => nothingInClear(t, rawFrames));

test('no byte of an encoded frame leaves the page in clear, in the format that every browser takes', (t) =>
  nothingInClear(t, videoFrames));

/**
 * @param {import('node:test').TestContext} t
 * @param {typeof videoFrames} framesIn
 */
async function nothingInClear(t, framesIn) {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const log = join(stage.folder, 'chromium.log');
  const raw = framesIn === rawFrames;
  const [host, guest] = await Promise.all([inChromium(stage, { ...anna, raw: true, spy: true, ...dumpTo(log) }), inChromium(stage, { ...ben, raw })]);
  await gather(await server.room(), [host, guest]);
  await until('some seconds of pictures', async () => (await guest.flows()).some(({ source, frames }) => source === 'camera' && frames > 40), {
    within: 20_000,
  });
  await host.leave();
  await host.over();
  const handled = (await framesOf(host)).map(({ kind, before, after }) => ({
    kind,
    before: Buffer.from(before, 'base64'),
    after: Buffer.from(after, 'base64'),
  }));
  await host.tab.close();

  const packets = sentPackets(log).filter(({ payload }) => payload.length > 0);
  const worked = new Map(handled.map((frame) => [text(frame.after), frame]));
  const payloads = new Set(packets.map(({ payload }) => text(payload)));
  const sealed = new Set();
  const count = { audio: 0, video: 0, keyFrames: 0, repeated: 0 };
  const nonces = new Set();

  // Every frame on the wire is one that the worker sealed, whole.
  for (const stream of streams(packets).values()) {
    // A retransmission: the sequence number and the payload of the original (RFC 4588 section 4).
    if (stream.every(({ payload }) => payloads.has(text(payload.subarray(2))))) {
      count.repeated += stream.length;
      continue;
    }
    const audio = stream.every(({ payload }) => worked.get(text(payload))?.kind === 'audio');
    // Alone in the call, a page may send in another format than afterwards.
    const formats = audio ? [(/** @type {typeof stream} */ all) => all.map(({ payload }) => payload)] : [framesIn, rawFrames, videoFrames];
    const isKnown = (/** @type {Buffer} */ frame) => worked.has(text(frame));
    const format = formats.find((framesOfFormat) => framesOfFormat(stream).some(isKnown)) ?? framesIn;
    const frames = format(stream);
    stage.say(`payload type ${stream[0]?.payloadType}: ${stream.length} packets, ${frames.length} frames`);
    assert.ok(frames.length > 0, `payload type ${stream[0]?.payloadType} carries something else than frames`);
    for (const frame of frames) {
      const known = worked.get(text(frame));
      assert.ok(known, `a frame left the page that the worker did not seal: ${frame.toString('hex', 0, 24)}…`);
      sealed.add(known);
      const header = sframeHeader(frame);
      assert.ok(header, 'an SFrame header');
      assert.equal(frame.length, header.bodyAt + known.before.length + TAG, 'header, ciphertext and tag, nothing else');
      assert.notEqual(frame.toString('hex', header.bodyAt, header.bodyAt + 4), known.before.toString('hex', 0, 4), 'encrypted from the first byte');
      assert.equal(Number(header.kid >> 16n) % 4, audio ? 0 : 1, 'the key id names the source');
      const nonce = `${header.kid} ${header.counter}`;
      assert.ok(!nonces.has(nonce), 'no counter twice');
      nonces.add(nonce);
      if (audio || format === framesIn) count[audio ? 'audio' : 'video'] += 1;
      if (!audio && KEY_FRAME.test(known.before.toString('hex', 0, 4))) count.keyFrames += 1;
    }
  }
  assert.ok(count.audio > 50 && count.video > 30 && count.keyFrames > 0, `enough to judge: ${JSON.stringify(count)}`);

  // And no run of an encoded frame's bytes is in any packet, whatever the packet is.
  const runs = new Set();
  for (const { before } of sealed) {
    for (let at = 0; at + RUN <= before.length; at += RUN) runs.add(before.toString('latin1', at, at + RUN));
  }
  for (const { payload } of packets) {
    const bytes = payload.toString('latin1');
    for (let at = 0; at + RUN <= bytes.length; at += 1) {
      assert.ok(!runs.has(bytes.slice(at, at + RUN)), `encoded bytes in clear: ${payload.toString('hex', at, at + RUN)}`);
    }
  }
  stage.say(`${JSON.stringify(count)} in ${packets.length} packets; ${runs.size} runs of encoded bytes searched for`);
}

/** @param {Buffer} bytes */
function text(bytes) {
  return bytes.toString('latin1');
}

/** By source and format. @param {import('./harness/rtp-dump.mjs').Packet[]} packets */
function streams(packets) {
  /** @type {Map<string, import('./harness/rtp-dump.mjs').Packet[]>} */
  const found = new Map();
  for (const packet of packets) {
    const key = `${packet.ssrc} ${packet.payloadType}`;
    const stream = found.get(key);
    if (stream) stream.push(packet);
    else found.set(key, [packet]);
  }
  return found;
}
