import { expect, test } from 'vitest';
import type { Quality } from '../preferences';
import { simulcast, type Size } from './layers';

/** Heights that a camera is sent in. */
function heights(quality: Quality, size: Required<Size>): number[] {
  const streams = simulcast(quality, size).filter(({ active }) => active);
  return streams.map(({ scaleResolutionDownBy }) => size.height / (scaleResolutionDownBy ?? 1));
}

test('a camera is sent in its whole size and in as many smaller ones as browsers send of it', () => {
  expect(heights('standard', { width: 1280, height: 720 })).toEqual([180, 360, 720]);
  expect(heights('standard', { width: 960, height: 540 })).toEqual([135, 270, 540]);
  expect(heights('standard', { width: 640, height: 480 })).toEqual([240, 480]);
  expect(heights('standard', { width: 360, height: 640 }), 'a telephone held upright').toEqual([320, 640]);
  expect(heights('standard', { width: 320, height: 240 })).toEqual([240]);
  expect(heights('saver', { width: 320, height: 180 })).toEqual([180]);
  expect(heights('saver', { width: 640, height: 480 }), 'a camera that has no smaller size').toEqual([480]);
});

test('a camera that does not say its size is taken to do as it was asked', () => {
  expect(simulcast('standard', {})).toEqual(simulcast('standard', { width: 1280, height: 720 }));
  expect(simulcast('saver', {}).filter(({ active }) => active)).toHaveLength(1);
});

test('smaller pictures take less', () => {
  const rate = (size: Size) => simulcast('standard', size).reduce((sum, { active, maxBitrate }) => sum + (active ? (maxBitrate ?? 0) : 0), 0);
  const rates = [rate({ width: 320, height: 180 }), rate({ width: 640, height: 360 }), rate({ width: 1280, height: 720 })];
  expect(rates).toEqual([150_000, 595_000, 1_700_000]);
});
