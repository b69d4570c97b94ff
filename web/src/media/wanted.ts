/** Sending no more of a source than somebody receives. */

/** The part of a sender's encoding that is limited. */
export interface Encoding {
  active?: boolean;
  maxBitrate?: number;
  scaleResolutionDownBy?: number;
  scalabilityMode?: string;
}

/** What the lower layers of a scalable stream take of the bitrate of all, by how many are left out above them. */
const SHARES = [1, 0.35, 0.08] as const;

/**
 * Limits the encodings of a source to a highest layer, lowest first from 0; `null`: nobody receives it.
 * `full` is what they are without a limit. Whether anything changed.
 */
export function limit(encodings: Encoding[], full: readonly Encoding[], spatial: number | null): boolean {
  let changed = false;
  encodings.forEach((encoding, index) => {
    const whole = full[index] ?? {};
    const scalable = encodings.length === 1;
    const sent = spatial !== null && (scalable || index <= spatial);
    const limited = scalable && spatial !== null ? upTo(whole, spatial) : whole;
    changed = set(encoding, 'active', whole.active !== false && sent, true) || changed;
    changed = set(encoding, 'maxBitrate', limited.maxBitrate) || changed;
    changed = set(encoding, 'scaleResolutionDownBy', limited.scaleResolutionDownBy, 1) || changed;
    // Firefox knows no modes and gives none back.
    if (encoding.scalabilityMode !== undefined) changed = set(encoding, 'scalabilityMode', limited.scalabilityMode) || changed;
  });
  return changed;
}

function set<Key extends keyof Encoding>(encoding: Encoding, key: Key, value: Encoding[Key], standard?: Encoding[Key]): boolean {
  const wanted = value ?? standard;
  if (wanted === undefined || (encoding[key] ?? standard) === wanted) return false;
  encoding[key] = wanted;
  return true;
}

/**
 * No more spatial layers than up to that one (W3C webrtc-svc section 6), of the size they have among all: a mode
 * with fewer would else make its highest as large as the camera's pictures.
 */
function upTo(whole: Encoding, spatial: number): Encoding {
  const parts = /^([LS])([1-3])(T[1-3])(.*)$/.exec(whole.scalabilityMode ?? '');
  if (parts === null) return whole;
  const layers = Math.min(Number(parts[2]), spatial + 1);
  const above = Number(parts[2]) - layers;
  if (above === 0) return whole;
  return {
    ...whole,
    ...(whole.maxBitrate === undefined ? {} : { maxBitrate: Math.round(whole.maxBitrate * (SHARES[above] ?? 1)) }),
    scaleResolutionDownBy: (whole.scaleResolutionDownBy ?? 1) * 2 ** above,
    scalabilityMode: layers === 1 ? `L1${parts[3]}` : `${parts[1]}${layers}${parts[3]}${parts[4]}`,
  };
}
