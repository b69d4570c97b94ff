/**
 * Whether media would come through, tried before it matters: connectivity checks to the media plane, over UDP and, if
 * nothing answers, over TCP. No track is opened and no key agreed.
 */

import type { Ask } from '../door';
import type { MediaAddress, MediaTrial } from '../wire';

/** A way is given up after so long. */
const WITHIN_MS = 4_000;

/** What came of it; `unknown` if the server did not say how to try. */
export type Reached =
  | { readonly way: 'udp' | 'tcp'; /** There and back, milliseconds. */ readonly ms: number | null }
  | { readonly way: 'none' | 'unknown' };

/** Tries. */
export async function reach(ask: Ask): Promise<Reached> {
  let trial: MediaTrial;
  try {
    const answer = await ask('/api/v1/media-trial');
    if (!answer.ok) return { way: 'unknown' };
    trial = (await answer.json()) as MediaTrial;
  } catch {
    return { way: 'unknown' };
  }
  for (const way of ['udp', 'tcp'] as const) {
    if (trial[way].length === 0) continue;
    const found = await attempt(describe(trial, way));
    if (found !== null) return { way, ms: found.ms };
  }
  return { way: 'none' };
}

/**
 * The description (RFC 8829) of a media plane that answers checks and does nothing else. It would begin DTLS, so that
 * the page does not.
 */
export function describe(trial: MediaTrial, way: 'udp' | 'tcp'): string {
  const candidate = ({ ip, port }: MediaAddress, at: number): string => {
    const priority = 2 ** 24 * 126 + 2 ** 8 * (65_535 - at) + 255;
    return `a=candidate:${at + 1} 1 ${way} ${priority} ${ip} ${port} typ host${way === 'tcp' ? ' tcptype passive' : ''}`;
  };
  return [
    'v=0',
    'o=- 0 0 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=ice-lite',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    `a=ice-ufrag:${trial.ufrag}`,
    `a=ice-pwd:${trial.pwd}`,
    `a=fingerprint:sha-256 ${Array(32).fill('00').join(':')}`,
    'a=setup:active',
    'a=sctp-port:5000',
    ...trial[way].map(candidate),
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}

async function attempt(description: string): Promise<{ ms: number | null } | null> {
  const connection = new RTCPeerConnection();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const found = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), WITHIN_MS);
      connection.oniceconnectionstatechange = () => {
        if (['connected', 'completed'].includes(connection.iceConnectionState)) resolve(true);
        if (connection.iceConnectionState === 'failed') resolve(false);
      };
    });
    connection.createDataChannel('trial');
    await connection.setLocalDescription();
    await connection.setRemoteDescription({ type: 'answer', sdp: description });
    return (await found) ? { ms: await roundTrip(connection) } : null;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

async function roundTrip(connection: RTCPeerConnection): Promise<number | null> {
  let seconds: number | null = null;
  (await connection.getStats()).forEach((entry: { type: string; state?: string; currentRoundTripTime?: number }) => {
    if (entry.type === 'candidate-pair' && entry.state === 'succeeded') seconds = entry.currentRoundTripTime ?? seconds;
  });
  return seconds === null ? null : Math.round(seconds * 1000);
}
