/** Camera, microphone and screen: getting them, naming what prevents it, and following what is plugged in. */

import type { DeviceProblem } from '../call/state';
import type { Quality } from '../preferences';

/** What is to be had of a camera at each quality. */
export const VIDEO: Record<Quality, { width: number; height: number; frameRate: number; bitrate: number }> = {
  standard: { width: 1280, height: 720, frameRate: 30, bitrate: 1_700_000 },
  saver: { width: 320, height: 180, frameRate: 15, bitrate: 150_000 },
};

/** One choice of a device picker. */
export interface DeviceChoice {
  readonly id: string;
  readonly label: string;
}

/** What is plugged in, by kind. */
export interface DeviceLists {
  readonly microphones: readonly DeviceChoice[];
  readonly cameras: readonly DeviceChoice[];
  readonly speakers: readonly DeviceChoice[];
}

/** A device was not there; `problem` says why. */
export class DeviceError extends Error {
  constructor(readonly problem: DeviceProblem) {
    super(`device: ${problem}`);
  }
}

function problemOf(error: unknown): DeviceProblem {
  if (!(error instanceof DOMException)) return 'failed';
  switch (error.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return /system/i.test(error.message) ? 'blocked-by-system' : 'blocked';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}

async function firstTrack(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  // Without a secure context there is no mediaDevices at all.
  if (!('mediaDevices' in navigator)) throw new DeviceError('failed');
  try {
    const track = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks()[0];
    if (track === undefined) throw new DeviceError('missing');
    return track;
  } catch (error) {
    throw error instanceof DeviceError ? error : new DeviceError(problemOf(error));
  }
}

/** The microphone, with everything that makes speech clear. A remembered one that is gone is replaced. */
export function openMicrophone(id: string | null): Promise<MediaStreamTrack> {
  return firstTrack({
    audio: {
      ...(id === null ? {} : { deviceId: { ideal: id } }),
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      channelCount: 1,
    },
  });
}

/** The camera at a quality. */
export async function openCamera(id: string | null, quality: Quality): Promise<MediaStreamTrack> {
  const { width, height, frameRate } = VIDEO[quality];
  const track = await firstTrack({
    video: {
      ...(id === null ? { facingMode: 'user' } : { deviceId: { ideal: id } }),
      width: { ideal: width },
      height: { ideal: height },
      frameRate: { ideal: frameRate, max: 30 },
    },
  });
  track.contentHint = 'motion';
  return track;
}

/** What the user chose to share. */
export interface ScreenTracks {
  readonly video: MediaStreamTrack;
  readonly audio: MediaStreamTrack | null;
  readonly wholeScreen: boolean;
}

/** Opens the browser's picker; `null` when the user closed it. */
export async function openScreen(): Promise<ScreenTracks | null> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 30 } },
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    const video = stream.getVideoTracks()[0];
    if (video === undefined) return null;
    // Text has to stay sharp: frames may go, pixels not.
    video.contentHint = 'detail';
    const surface = video.getSettings().displaySurface;
    return { video, audio: stream.getAudioTracks()[0] ?? null, wholeScreen: surface === 'monitor' };
  } catch (error) {
    if (problemOf(error) === 'blocked') return null;
    throw new DeviceError(problemOf(error));
  }
}

/** Whether this browser can share a screen at all; phones cannot. */
export function canShareScreen(): boolean {
  return 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;
}

/** Whether sound can go elsewhere than to the system's default. */
export function canChooseSpeaker(): boolean {
  return 'setSinkId' in HTMLMediaElement.prototype;
}

/** Lists what is plugged in. Labels are empty before the first permission. */
export async function listDevices(): Promise<DeviceLists> {
  const devices = 'mediaDevices' in navigator ? await navigator.mediaDevices.enumerateDevices() : [];
  const of = (kind: MediaDeviceKind): DeviceChoice[] =>
    devices
      .filter((device) => device.kind === kind && device.deviceId !== '')
      .map(({ deviceId, label }) => ({ id: deviceId, label }));
  return { microphones: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') };
}
