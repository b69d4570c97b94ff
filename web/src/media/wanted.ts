/** Sending no more of a source than somebody receives. */

/** The part of a sender's encoding that is limited. */
export interface Encoding {
  active?: boolean;
  maxBitrate?: number;
  scaleResolutionDownBy?: number;
}

/**
 * Limits the encodings of a source to a highest one, lowest first from 0; `null`: nobody receives it.
 * `full` is what they are without a limit. Whether anything changed.
 */
export function limit(encodings: Encoding[], full: readonly Encoding[], spatial: number | null): boolean {
  let changed = false;
  encodings.forEach((encoding, index) => {
    const whole = full[index] ?? {};
    const sent = spatial !== null && (encodings.length === 1 || index <= spatial);
    changed = set(encoding, 'active', whole.active !== false && sent, true) || changed;
    changed = set(encoding, 'maxBitrate', whole.maxBitrate) || changed;
    changed = set(encoding, 'scaleResolutionDownBy', whole.scaleResolutionDownBy, 1) || changed;
  });
  return changed;
}

function set<Key extends keyof Encoding>(encoding: Encoding, key: Key, value: Encoding[Key], standard?: Encoding[Key]): boolean {
  const wanted = value ?? standard;
  if (wanted === undefined || (encoding[key] ?? standard) === wanted) return false;
  encoding[key] = wanted;
  return true;
}
