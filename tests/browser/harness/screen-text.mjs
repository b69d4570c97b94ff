// A shared screen full of text, and how much of it is read at the other end.

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { which } from './programs.mjs';
import { root } from './stage.mjs';

/** Characters of a line and lines of a page, at 22 pixels in 1920 by 1080. */
const wide = 110;
const high = 34;
/** Lines that are read again: reading takes seconds. They are the last ones, which a picture that is cut short lacks. */
const checked = 8;
/** Where the first line stands and how far the next is, in pixels. */
const top = 60;
const leading = 30;

/** Real prose: the pages of the licence. @param {number} number from 0 on @returns {string[]} its lines */
export function page(number) {
  const words = readFileSync(join(root, 'LICENSE'), 'utf8').split(/\s+/);
  /** @type {string[]} */
  const lines = [''];
  for (const word of words) {
    const line = lines.at(-1) ?? '';
    if (line.length + 1 + word.length > wide) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`.trim();
  }
  return lines.slice(number * high, (number + 1) * high);
}

/**
 * Puts a page of text into the place of the browser's screen picker. Must stand alone: it is sent to the
 * page as text.
 *
 * @param {string[]} first  the lines of the first page
 */
export function installScreen(first) {
  let lines = first;
  const canvas = document.createElement('canvas');
  canvas.width = 1920;
  canvas.height = 1080;
  let cursor = false;
  const paint = () => {
    const context = canvas.getContext('2d');
    if (!context) return;
    context.fillStyle = 'white';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = 'black';
    context.font = '22px "DejaVu Sans"';
    lines.forEach((line, row) => context.fillText(line, 60, 60 + 30 * row));
    // As somebody's editor has: a screen without any change sends no pictures at all.
    cursor = !cursor;
    if (cursor) context.fillRect(60, 60 + 30 * lines.length, 3, 18);
  };
  navigator.mediaDevices.getDisplayMedia = async () => {
    paint();
    setInterval(paint, 200);
    return canvas.captureStream();
  };
  Object.assign(window, {
    turnPage: (/** @type {string[]} */ next) => {
      lines = next;
      paint();
    },
  });
}

/**
 * What of a page somebody can read in a tile, 0 to 1: characters in their place.
 *
 * @param {import('./person.mjs').Person} person
 * @param {string} selector  of the video
 * @param {string[]} lines  what is to be read
 * @param {string} folder  for the picture
 */
export async function readable(person, selector, lines, folder) {
  const picture = await person.tab.run((/** @type {{where: string, from: number, share: number}} */ { where, from, share }) => {
    const video = document.querySelector(where);
    if (!(video instanceof HTMLVideoElement) || video.videoWidth === 0) return '';
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight * share;
    canvas.getContext('2d')?.drawImage(video, 0, -video.videoHeight * from);
    return canvas.toDataURL('image/png');
  }, { where: selector, from: (top + leading * (lines.length - checked - 0.9)) / 1080, share: (leading * (checked + 0.5)) / 1080 });
  if (picture === '') return 0;
  const file = join(folder, 'screen.png');
  writeFileSync(file, Buffer.from(picture.slice(picture.indexOf(',') + 1), 'base64'));
  const program = which('TESSERACT', 'tesseract');
  const env = { ...process.env, OMP_THREAD_LIMIT: '1' };
  const { stdout } = await promisify(execFile)(program, [file, '-', '--psm', '6', '-l', 'eng'], { env });
  const flat = (/** @type {string} */ text) => text.replaceAll(/\s+/g, ' ').trim();
  const [wanted, read] = [flat(lines.slice(-checked).join(' ')), flat(stdout)];
  return Math.max(0, 1 - distance(wanted, read) / wanted.length);
}

/** Levenshtein's. @param {string} one @param {string} other */
function distance(one, other) {
  let row = Uint32Array.from({ length: other.length + 1 }, (_, n) => n);
  for (let n = 1; n <= one.length; n += 1) {
    const next = new Uint32Array(other.length + 1);
    next[0] = n;
    for (let m = 1; m <= other.length; m += 1) {
      const swap = (row[m - 1] ?? 0) + (one[n - 1] === other[m - 1] ? 0 : 1);
      next[m] = Math.min(swap, (row[m] ?? 0) + 1, (next[m - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
