// What an authenticator shows (RFC 6238: SHA-1, six digits, 30 s).

import { createHmac } from 'node:crypto';

const SYMBOLS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** @param {string} key  base32, in groups or not @param {number} [at]  milliseconds since the Unix epoch */
export function totp(key, at = Date.now()) {
  const bits = [...key.replaceAll(' ', '')].map((symbol) => SYMBOLS.indexOf(symbol).toString(2).padStart(5, '0')).join('');
  const secret = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', secret).update(step).digest();
  const offset = (mac.at(-1) ?? 0) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
