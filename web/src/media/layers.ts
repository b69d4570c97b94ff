/**
 * What a source is sent in. A camera's pictures go out in three sizes where the browser can do so reliably, each a
 * stream of its own with temporal layers, so that the server can send the small one to whoever shows it small or has
 * a narrow path; else in one stream.
 *
 * Not as spatial layers of one stream: Chromium leaves the highest out of a picture now and then, and then a receiver
 * that goes by the payload descriptor waits for it in vain.
 */

import type { Quality } from '../preferences';
import type { Source } from '../wire';
import { VIDEO } from './devices';

const SCREEN_BITRATE = 2_500_000;
/** The screen's streams, lowest first. Text is of no use in half its size: its frame rate gives, and how soon it is sharp. */
const SCREENS = [
  { rid: 's', maxBitrate: 300_000, maxFramerate: 5 },
  { rid: 'f', maxBitrate: SCREEN_BITRATE },
] as const;
const VOICE_BITRATE = 40_000;
const SCREEN_SOUND_BITRATE = 96_000;

/** What is said outside the encryption: what each frame depends on, and which of the streams are sent, at what rates. */
const DESCRIPTIONS = [
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
  'http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00',
];

/** A header extension of a transceiver's section (WebRTC Extensions, section 5.3). */
interface Extension {
  uri: string;
  direction: RTCRtpTransceiverDirection;
}

/** What only some browsers have. */
interface ExtensibleTransceiver {
  getHeaderExtensionsToNegotiate?(): Extension[];
  setHeaderExtensionsToNegotiate?(extensions: Extension[]): void;
}

/** What the DOM's types leave out. */
type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string };

/**
 * Pixels from which on a picture is sent in two sizes, in three. libwebrtc sends no more of smaller ones, and it is the
 * largest that it leaves out.
 */
const SIZES = [0, 480 * 270, 960 * 540] as const;

/** The camera's streams of a simulcast, lowest first: the name, the part of each side, and of the bitrate. */
const STREAMS = [
  { rid: 'q', side: 4, share: 0.08 },
  { rid: 'h', side: 2, share: 0.27 },
  { rid: 'f', side: 1, share: 0.65 },
] as const;

/** Whether the browser describes its frames. Firefox, whose simulcast stops at times, is told by its lack of this. */
export const describes = typeof RTCRtpTransceiver === 'function' && 'setHeaderExtensionsToNegotiate' in RTCRtpTransceiver.prototype;

/** The size of a picture. */
export interface Size {
  width?: number;
  height?: number;
}

/** What a source is sent in. A camera that does not say how large its pictures are is taken to do as it was asked. */
export function encodings(source: Source, quality: Quality, camera: Size = {}): Encoding[] {
  switch (source) {
    case 'microphone':
      return [{ maxBitrate: VOICE_BITRATE }];
    case 'screen-audio':
      return [{ maxBitrate: SCREEN_SOUND_BITRATE }];
    case 'camera':
      return describes ? simulcast(quality, camera) : [{ maxBitrate: VIDEO[quality].bitrate }];
    case 'screen':
      return describes ? SCREENS.map((stream) => ({ ...stream, scaleResolutionDownBy: 1, scalabilityMode: 'L1T3' })) : [{ maxBitrate: SCREEN_BITRATE }];
  }
}

/** As many streams as there are sizes; those of the others are off. */
export function simulcast(quality: Quality, { width, height }: Size): Encoding[] {
  const { bitrate, ...asked } = VIDEO[quality];
  const pixels = (width ?? asked.width) * (height ?? asked.height);
  const sizes = quality === 'saver' ? 1 : SIZES.filter((from) => pixels >= from).length;
  return STREAMS.map(({ rid, side, share }, index) => ({
    rid,
    active: index < sizes,
    scaleResolutionDownBy: Math.max(1, side / 2 ** (STREAMS.length - sizes)),
    maxBitrate: sizes === 1 ? VIDEO.saver.bitrate : Math.round(bitrate * share),
    scalabilityMode: 'L1T3',
  }));
}

/** Lets the sender describe its frames to the server, where it can. */
export function describe(transceiver: RTCRtpTransceiver): void {
  const extensible = transceiver as ExtensibleTransceiver;
  const extensions = extensible.getHeaderExtensionsToNegotiate?.() ?? [];
  for (const extension of extensions) {
    if (DESCRIPTIONS.includes(extension.uri)) extension.direction = 'sendrecv';
  }
  if (extensions.length > 0) extensible.setHeaderExtensionsToNegotiate?.(extensions);
}
