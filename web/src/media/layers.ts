/**
 * What a source is sent in. Pictures go out in layers where the browser makes them (SVC), so that the server can
 * leave some out for a receiver that shows them small or has a narrow path; else in one stream.
 */

import type { Quality } from '../preferences';
import type { Source } from '../wire';
import { VIDEO } from './devices';

const SCREEN_BITRATE = 2_500_000;
const VOICE_BITRATE = 40_000;
const SCREEN_SOUND_BITRATE = 96_000;

/** Says of each frame what it depends on, outside the encryption. */
const DEPENDENCY_DESCRIPTOR = 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension';

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

/** Browsers that choose header extensions are those that make layers. */
const makesLayers = typeof RTCRtpTransceiver === 'function' && 'setHeaderExtensionsToNegotiate' in RTCRtpTransceiver.prototype;

/** The encodings a source begins with. */
export function encodings(source: Source, quality: Quality): Encoding[] {
  switch (source) {
    case 'microphone':
      return [{ maxBitrate: VOICE_BITRATE }];
    case 'screen-audio':
      return [{ maxBitrate: SCREEN_SOUND_BITRATE }];
    case 'camera':
      return [makesLayers ? layered(quality) : { maxBitrate: VIDEO[quality].bitrate }];
    case 'screen':
      // Text is of no use in half its size; its frame rate may give.
      return [{ maxBitrate: SCREEN_BITRATE, ...(makesLayers ? { scalabilityMode: 'L1T3' } : {}) }];
  }
}

/** One stream in layers. Small pictures are not made smaller still. */
function layered(quality: Quality): Encoding {
  return { maxBitrate: VIDEO[quality].bitrate, scalabilityMode: quality === 'saver' ? 'L1T3' : 'L3T3_KEY' };
}

/** Lets the sender describe its frames to the server, where it can. */
export function describe(transceiver: RTCRtpTransceiver): void {
  const extensible = transceiver as ExtensibleTransceiver;
  const extensions = extensible.getHeaderExtensionsToNegotiate?.() ?? [];
  for (const extension of extensions) {
    if (extension.uri === DEPENDENCY_DESCRIPTOR) extension.direction = 'sendrecv';
  }
  if (extensions.length > 0) extensible.setHeaderExtensionsToNegotiate?.(extensions);
}
