// What a Chromium page sends, as its RTP stack hands it to SRTP: read from the browser's log.

import { readFileSync } from 'node:fs';

/** Makes Chromium log every packet before it is protected. @param {string} file */
export function dumpTo(file) {
  return {
    flags: [
      '--force-fieldtrials=WebRTC-Debugging-RtpDump/Enabled/',
      '--enable-logging',
      '--v=0',
      '--vmodule=*srtp_session*=4',
    ],
    env: { CHROME_LOG_FILE: file },
  };
}

/**
 * @typedef {object} Packet
 * @property {number} payloadType
 * @property {number} sequence
 * @property {number} timestamp
 * @property {number} ssrc
 * @property {boolean} marker
 * @property {Buffer} payload  without padding
 */

/** An RTP packet (RFC 3550 section 5.1). @param {Buffer} bytes @returns {Packet} */
function packet(bytes) {
  const [first = 0, second = 0] = bytes;
  let start = 12 + 4 * (first & 0x0f);
  if (first & 0x10) start += 4 + 4 * bytes.readUInt16BE(start + 2);
  const padding = first & 0x20 ? (bytes.at(-1) ?? 0) : 0;
  return {
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: bytes.subarray(start, bytes.length - padding),
  };
}

/** RTCP shares the port: its packet types lie where these payload types would (RFC 5761). */
const isRtcp = (/** @type {Buffer} */ bytes) => (bytes[1] ?? 0) >= 192 && (bytes[1] ?? 0) <= 223;

/** Every RTP packet that left. @param {string} file */
export function sentPackets(file) {
  /** @type {Packet[]} */
  const found = [];
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const hex = /^O [\d:.]+ [\da-f]+ ((?:[\da-f]{2} )+)# RTP_DUMP/.exec(line)?.[1];
    if (hex === undefined) continue;
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    if (!isRtcp(bytes)) found.push(packet(bytes));
  }
  return found;
}

/** How long the VP9 payload descriptor is (RFC 9628 section 4.2). @param {Buffer} payload */
export function descriptorLength(payload) {
  const flags = payload[0] ?? 0;
  const bit = (/** @type {number} */ n) => (flags & (0x80 >> n)) !== 0;
  const [I, P, L, F, , , V] = [0, 1, 2, 3, 4, 5, 6].map(bit);
  let at = 1;
  if (I) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
  if (L) at += F ? 1 : 2;
  if (F && P) {
    // Up to three reference indices; the last has its lowest bit clear.
    for (let more = true; more; at += 1) more = ((payload[at] ?? 0) & 1) === 1;
  }
  if (V) {
    const structure = payload[at] ?? 0;
    at += 1;
    const layers = (structure >> 5) + 1;
    if (structure & 0x10) at += 4 * layers;
    if (structure & 0x08) {
      const pictures = payload[at] ?? 0;
      at += 1;
      for (let n = 0; n < pictures; n += 1) at += 1 + (((payload[at] ?? 0) >> 2) & 3);
    }
  }
  return at;
}

/**
 * The encrypted video frames that raw packets of one SSRC carry, whole ones only: one layer, so that a
 * picture is a frame, and the marker bit its end.
 *
 * @param {Packet[]} packets  in the order of sending
 */
export function rawFrames(packets) {
  /** @type {Map<number, Packet[]>} */
  const pictures = new Map();
  for (const packet of packets) pictures.set(packet.timestamp, [...(pictures.get(packet.timestamp) ?? []), packet]);
  const whole = [...pictures.values()].filter((parts) => parts.at(-1)?.marker && parts.every(follows));
  return whole.map((parts) => Buffer.concat(parts.map(({ payload }) => payload)));
}

/** @param {Packet} packet @param {number} index @param {Packet[]} parts */
function follows({ sequence }, index, parts) {
  const before = parts[index - 1];
  return before === undefined || sequence === ((before.sequence + 1) & 0xffff);
}

/**
 * The encrypted video frames that packets of one SSRC carry behind VP9 payload descriptors, whole ones only.
 *
 * @param {Packet[]} packets  in the order of sending
 */
export function videoFrames(packets) {
  /** @type {Buffer[]} */
  const frames = [];
  /** @type {Buffer[]} */
  let parts = [];
  let next = -1;
  for (const { payload, sequence } of packets) {
    if (payload.length === 0) {
      // Padding alone, to probe the path.
      if (sequence === next) next = (sequence + 1) & 0xffff;
      continue;
    }
    const begins = ((payload[0] ?? 0) & 0x08) !== 0;
    const ends = ((payload[0] ?? 0) & 0x04) !== 0;
    if (begins) parts = [];
    else if (sequence !== next || parts.length === 0) parts = [];
    if (begins || parts.length > 0) parts.push(payload.subarray(descriptorLength(payload)));
    next = (sequence + 1) & 0xffff;
    if (ends && parts.length > 0) {
      frames.push(Buffer.concat(parts));
      parts = [];
    }
  }
  return frames;
}

/**
 * @typedef {object} Sealed
 * @property {bigint} kid
 * @property {bigint} counter
 * @property {number} bodyAt  where the ciphertext begins
 */

/** The SFrame header (RFC 9605 section 4.3), or nothing if it cannot be one. @param {Buffer} frame @returns {Sealed | null} */
export function sframeHeader(frame) {
  const config = frame[0];
  if (config === undefined) return null;
  let at = 1;
  const field = (/** @type {boolean} */ extended, /** @type {number} */ bits) => {
    if (!extended) return BigInt(bits);
    const length = bits + 1;
    if (at + length > frame.length) return null;
    const value = BigInt(`0x${frame.subarray(at, at + length).toString('hex')}`);
    at += length;
    return value;
  };
  const kid = field((config & 0x80) !== 0, (config >> 4) & 7);
  const counter = field((config & 0x08) !== 0, config & 7);
  return kid === null || counter === null ? null : { kid, counter, bodyAt: at };
}
