/** Sending no more of a source than somebody receives. */

/** The part of a sender's encoding that is limited. */
export interface Encoding {
  active?: boolean;
  scalabilityMode?: string;
}

/**
 * Limits the encodings of a source to a highest layer, lowest first from 0; `null`: nobody receives it.
 * `full` are the modes the encodings were made with. Whether anything changed.
 */
export function limit(encodings: Encoding[], full: readonly (string | undefined)[], spatial: number | null): boolean {
  let changed = false;
  encodings.forEach((encoding, index) => {
    const active = spatial !== null && (encodings.length === 1 || index <= spatial);
    const mode = encodings.length === 1 && spatial !== null ? upTo(full[index], spatial) : full[index];
    if ((encoding.active ?? true) !== active) {
      encoding.active = active;
      changed = true;
    }
    // Firefox knows no modes and gives none back.
    if (mode !== undefined && encoding.scalabilityMode !== undefined && encoding.scalabilityMode !== mode) {
      encoding.scalabilityMode = mode;
      changed = true;
    }
  });
  return changed;
}

/** The mode with no more spatial layers than up to that one (W3C webrtc-svc section 6). */
function upTo(mode: string | undefined, spatial: number): string | undefined {
  const parts = /^([LS])([1-3])(T[1-3])(.*)$/.exec(mode ?? '');
  if (parts === null) return mode;
  const layers = Math.min(Number(parts[2]), spatial + 1);
  return layers === 1 ? `L1${parts[3]}` : `${parts[1]}${layers}${parts[3]}${parts[4]}`;
}
