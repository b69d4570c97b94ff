/**
 * Tells a dead path from a quiet one: the server answers what it gets with reports, several a second. Where packets
 * leave and none comes back, the address may have changed on the way, which the browser itself looks at every few
 * seconds only.
 */

/** How often to look: milliseconds. */
export const LOOK_EVERY_MS = 250;
/** No answer for so long is a dead path. Shorter repairs sooner, and restarts on paths that only falter. */
const DEAD_MS = 700;
/** A restart is given so long before the next. */
const REST_MS = 3_000;
/** Packets that leave in one look where there is something to answer. */
const ANSWERED = 3;

/** Packets in all, since the connection began. */
export interface Counts {
  readonly sent: number;
  readonly received: number;
}

/** The counts of the connection among a sender's statistics, where the browser has them. */
export function countsOf(stats: Iterable<Record<string, unknown>>): Counts | null {
  for (const { type, packetsSent, packetsReceived } of stats) {
    if (type === 'transport' && typeof packetsSent === 'number' && typeof packetsReceived === 'number') return { sent: packetsSent, received: packetsReceived };
  }
  return null;
}

/** Watches one connection. */
export class Silence {
  #last: Counts | null = null;
  #since: number | null = null;
  #restUntil = -Infinity;

  /** Media came since the last look: the path lives, and its counts need not be gathered, which takes a page time. */
  alive(): void {
    this.#last = null;
    this.#since = null;
  }

  /** Looks at the counts of now, in milliseconds; whether the path is dead. Then it is not called so for a while. */
  look(counts: Counts, now: number): boolean {
    const last = this.#last;
    this.#last = counts;
    const unanswered = last !== null && counts.received === last.received && counts.sent >= last.sent + ANSWERED;
    if (!unanswered) {
      this.#since = null;
      return false;
    }
    this.#since ??= now - LOOK_EVERY_MS;
    if (now - this.#since < DEAD_MS || now < this.#restUntil) return false;
    this.#restUntil = now + REST_MS;
    return true;
  }
}
