import { expect, test } from 'vitest';
import { SIZE, padded } from './opus';

/** An Opus packet's frames, read as RFC 6716 section 3.2 and appendix A of it say, without looking at how it is written. */
function frames(packet: Uint8Array): number[][] {
  const bytes = [...packet];
  const code = (bytes.shift() ?? 0) & 3;
  const length = () => {
    const first = bytes.shift() ?? 0;
    return first < 252 ? first : first + 4 * (bytes.shift() ?? 0);
  };
  if (code === 0) return [bytes];
  if (code === 1) return [bytes.slice(0, bytes.length / 2), bytes.slice(bytes.length / 2)];
  if (code === 2) {
    const first = length();
    return [bytes.slice(0, first), bytes.slice(first)];
  }
  const flags = bytes.shift() ?? 0;
  const count = flags & 63;
  let padding = 0;
  if ((flags & 64) !== 0) {
    for (;;) {
      const byte = bytes.shift() ?? 0;
      padding += byte === 255 ? 254 : byte;
      if (byte !== 255) break;
    }
  }
  bytes.splice(bytes.length - padding);
  if ((flags & 128) === 0) {
    const each = bytes.length / count;
    return Array.from({ length: count }, (_, at) => bytes.slice(at * each, (at + 1) * each));
  }
  const lengths = Array.from({ length: count - 1 }, length);
  const read = lengths.map((size) => bytes.splice(0, size));
  return [...read, bytes];
}

const content = (length: number) => Array.from({ length }, (_, at) => (at * 7) % 251);
const TOC = 0x78;

test('a frame of any length becomes a packet of the one size, or of the next step', () => {
  for (let length = 0; length < 1280; length += 1) {
    const whole = padded(Uint8Array.from([TOC, ...content(length)]), SIZE);
    expect(whole.length).toBe(length + 2 <= SIZE ? SIZE : 32 * Math.ceil((length + 2) / 32));
    expect((whole[0] ?? 0) & ~3).toBe(TOC);
    expect(frames(whole)).toEqual([content(length)]);
  }
});

test.each([
  ['two of one size', [TOC | 1, ...content(20)]],
  ['two of two sizes', [TOC | 2, 9, ...content(30)]],
  ['a long one and a short one', [TOC | 2, 252, 2, ...content(262)]],
  ['three of one size', [TOC | 3, 3, ...content(30)]],
  ['three of several', [TOC | 3, 3 | 128, 4, 5, ...content(30)]],
  ['one that is padded', [TOC | 3, 1 | 64, 4, ...content(30)]],
  ['one that is padded long', [TOC | 3, 1 | 64, 255, 3, ...content(300)]],
  ['several that are padded', [TOC | 3, 2 | 128 | 64, 2, 6, ...content(20)]],
])('%s stay what they are', (_, bytes) => {
  const packet = Uint8Array.from(bytes);
  const whole = padded(packet, SIZE);
  expect(whole.length % 32).toBe(0);
  expect(frames(whole)).toEqual(frames(packet));
  expect(padded(whole, whole.length)).toEqual(whole);
  expect(frames(padded(whole, 800))).toEqual(frames(packet));
});

test.each([[[]], [[TOC | 3]], [[TOC | 3, 0]], [[TOC | 3, 1 | 64]], [[TOC | 3, 1 | 64, 255]], [[TOC | 3, 1 | 64, 9, 1]]])('what is no packet, %j, is left alone', (bytes) => {
  const packet = Uint8Array.from(bytes);
  expect(padded(packet, SIZE)).toBe(packet);
});
