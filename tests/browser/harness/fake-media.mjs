// What the fake camera and the fake microphone of a browser give: every page its own colour and
// its own tone, so that a test can tell from what arrives whose it is.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {{name: string, y: number, u: number, v: number}} Colour  BT.601, limited range */

/** Far apart in chroma, which survives a low bitrate best. */
export const colours = {
  red: { name: 'red', y: 82, u: 90, v: 240 },
  green: { name: 'green', y: 145, u: 54, v: 34 },
  blue: { name: 'blue', y: 41, u: 240, v: 110 },
  grey: { name: 'grey', y: 126, u: 128, v: 128 },
};

/** Small, for several browsers share a small machine. */
const SMALL = { width: 320, height: 180 };
const RATE = 12;

/**
 * A film of one colour with a bar that wanders, for `--use-file-for-fake-video-capture`.
 *
 * @param {string} folder
 * @param {Colour} colour
 * @param {{width: number, height: number}} [size]
 * @param {number} [rate]  frames a second
 * @returns {string} the file
 */
export function film(folder, colour, { width, height } = SMALL, rate = RATE) {
  const header = Buffer.from(`YUV4MPEG2 W${width} H${height} F${rate}:1 Ip A1:1 C420jpeg\n`);
  const frames = [header];
  const count = 2 * rate;
  for (let n = 0; n < count; n += 1) {
    const luma = Buffer.alloc(width * height, colour.y);
    const left = Math.floor((n / count) * (width - 16));
    for (let row = height - 24; row < height - 8; row += 1) luma.fill(235, row * width + left, row * width + left + 16);
    const quarter = (width * height) / 4;
    frames.push(Buffer.from('FRAME\n'), luma, Buffer.alloc(quarter, colour.u), Buffer.alloc(quarter, colour.v));
  }
  const file = join(folder, `${colour.name}-${height}.y4m`);
  writeFileSync(file, Buffer.concat(frames));
  return file;
}

/** Side of what changes by itself in a lively film, pixels. */
const block = 16;

/**
 * A film of a size with texture all over, of which a part changes with every frame: more than a narrow
 * network carries. Two seconds of 15 frames.
 *
 * @param {string} folder
 * @param {number} wide
 * @param {number} high
 * @returns {string} the file
 */
export function livelyFilm(folder, wide, high) {
  const frames = [Buffer.from(`YUV4MPEG2 W${wide} H${high} F15:1 Ip A1:1 C420jpeg\n`)];
  // The same film each time: xorshift, not Math.random.
  let state = 2_463_534_242;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const luma = Buffer.alloc(wide * high);
  const paint = (/** @type {number} */ left, /** @type {number} */ top) => {
    const base = 60 + (random() % 120);
    for (let row = top; row < Math.min(top + block, high); row += 1) {
      for (let column = left; column < Math.min(left + block, wide); column += 4) {
        luma.fill(base + (random() % 24), row * wide + column, row * wide + Math.min(column + 4, wide));
      }
    }
  };
  for (let top = 0; top < high; top += block) for (let left = 0; left < wide; left += block) paint(left, top);
  const changing = Math.round((wide * high) / block ** 2 / 25);
  const chroma = Buffer.alloc((wide * high) / 2, 128);
  for (let n = 0; n < 30; n += 1) {
    for (let change = 0; change < changing; change += 1) {
      paint((random() % Math.floor(wide / block)) * block, (random() % Math.floor(high / block)) * block);
    }
    frames.push(Buffer.from('FRAME\n'), Buffer.from(luma), chroma);
  }
  const file = join(folder, `lively-${wide}x${high}.y4m`);
  writeFileSync(file, Buffer.concat(frames));
  return file;
}

const samplesPerSecond = 48_000;

/** Strokes of the tone a second, and the share of each that sounds. */
const strokesPerSecond = 2;
const sounding = 0.55;
/** Seconds in which a stroke swells and fades. */
const fade = 0.01;

/**
 * Two seconds of a tone in strokes, for `--use-file-for-fake-audio-capture`: noise suppression takes
 * what sounds all the time for noise.
 *
 * @param {string} folder
 * @param {number} hertz
 * @returns {string} the file
 */
export function tune(folder, hertz) {
  const count = 2 * samplesPerSecond;
  const wav = Buffer.alloc(44 + 2 * count);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + 2 * count, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // mono
  wav.writeUInt32LE(samplesPerSecond, 24);
  wav.writeUInt32LE(2 * samplesPerSecond, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(2 * count, 40);
  for (let n = 0; n < count; n += 1) {
    const t = n / samplesPerSecond;
    const since = t % (1 / strokesPerSecond);
    const left = sounding / strokesPerSecond - since;
    const loudness = 0.4 * Math.max(0, Math.min(1, since / fade, left / fade));
    wav.writeInt16LE(Math.round(32_767 * loudness * Math.sin(2 * Math.PI * hertz * t)), 44 + 2 * n);
  }
  const file = join(folder, `${hertz}.wav`);
  writeFileSync(file, wav);
  return file;
}
