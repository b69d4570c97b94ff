/**
 * Raw video: AV1 whose encrypted frames are only cut into packets, so that a packet shows nothing of a frame but
 * its place among others (the Dependency Descriptor). Some browsers take it, if the offer says so of the payload
 * type; there is no method for that, only the line in the SDP.
 */

const AV1 = 'video/av1';

/** Whether a codec is the one that may go out raw. */
export function mayBeRaw({ mimeType, sdpFmtpLine }: RTCRtpCodec): boolean {
  return mimeType.toLowerCase() === AV1 && !/profile=[1-9]/.test(sdpFmtpLine ?? '');
}

/** An offer with AV1 cut raw; the offer itself if it has none. */
export function withRaw(sdp: string): string {
  return sdp.replace(/^a=rtpmap:(\d+) AV1\/90000\r\n/gm, (line, format: string) => `${line}a=packetization:${format} raw\r\n`);
}

/**
 * Whether an answer takes raw video in every section that offers it. A server that forwards what members send needs
 * nothing else to do so; one that leaves it out wants the format that shows more.
 */
export function keepsRaw(offer: string, answer: string): boolean {
  const answered = sections(answer);
  return sections(offer).every((section, at) => !isRaw(section) || isRaw(answered[at] ?? ''));
}

function sections(sdp: string): string[] {
  return sdp.split(/^(?=m=)/m).slice(1);
}

function isRaw(section: string): boolean {
  const formats = [...section.matchAll(/^a=rtpmap:(\d+) AV1\/90000\r$/gm)];
  return formats.some(([, format]) => section.includes(`\r\na=packetization:${format} raw\r\n`));
}

let known: Promise<boolean> | null = null;

/** Whether this browser takes raw video; found out once. */
export function takesRaw(): Promise<boolean> {
  return (known ??= findOut());
}

async function findOut(): Promise<boolean> {
  // Without the descriptor the server could not tell frames apart.
  if (typeof RTCRtpTransceiver !== 'function' || !('setHeaderExtensionsToNegotiate' in RTCRtpTransceiver.prototype)) return false;
  const pc = new RTCPeerConnection();
  try {
    const transceiver = pc.addTransceiver('video', { direction: 'recvonly' });
    const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs.filter(mayBeRaw) ?? [];
    if (codecs.length === 0) return false;
    transceiver.setCodecPreferences(codecs);
    const { sdp } = await pc.createOffer();
    await pc.setLocalDescription({ type: 'offer', sdp: withRaw(sdp ?? '') });
    // Who does not know the line drops it.
    return (pc.localDescription?.sdp.includes('a=packetization:') ?? false) && (await isSmooth());
  } catch {
    return false;
  } finally {
    pc.close();
  }
}

/** AV1 in three sizes keeps so many processors busy, besides those that show the others. */
const PROCESSORS = 4;

/** Whether this computer is fast enough. */
async function isSmooth(): Promise<boolean> {
  if (navigator.hardwareConcurrency < PROCESSORS) return false;
  const video = { contentType: 'video/AV1', width: 1280, height: 720, bitrate: 1_500_000, framerate: 30 };
  const [made, shown] = await Promise.all([
    navigator.mediaCapabilities.encodingInfo({ type: 'webrtc', video }),
    navigator.mediaCapabilities.decodingInfo({ type: 'webrtc', video }),
  ]);
  return made.smooth && shown.smooth;
}

/** What the DOM's types leave out. */
type Encoding = RTCRtpEncodingParameters & { codec?: RTCRtpCodec };

/** Makes a video sender's encodings raw AV1, or VP9 in its own format. Whether that is a change. */
export function setCodec(encodings: Encoding[], raw: boolean): boolean {
  const isWanted = ({ mimeType }: RTCRtpCodec): boolean => mimeType.toLowerCase() === (raw ? AV1 : 'video/vp9');
  // VP9 is what is sent as long as nothing is said.
  const changed = encodings.filter(({ codec }) => (codec === undefined ? raw : !isWanted(codec)));
  const codec = RTCRtpSender.getCapabilities('video')?.codecs.find(isWanted);
  if (codec === undefined) return false;
  for (const encoding of changed) encoding.codec = codec;
  return changed.length > 0;
}
