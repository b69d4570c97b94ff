/**
 * The secrets of rooms, which the service never learns: drawn here when a room is made, or read from a link that is
 * pasted. They are in this page's memory only, and gone when it is left.
 */

import { encode } from '../bytes';
import { invitation, readLink, type RoomLink } from '../link';
import type { LinkId, RoomCreated, RoomId } from '../wire';

/** What a room's links are made with. */
export interface Secret {
  readonly secret: string;
  readonly password: boolean;
  readonly consultation: boolean;
}

/** Fills an array with randomness. */
export type Draw = (bytes: Uint8Array<ArrayBuffer>) => unknown;

/** Symbols of passwords: 32, so that five bits of a byte choose one (docs/protocol.md, section 2). */
const SYMBOLS = '0123456789abcdefghjkmnpqrstvwxyz';

/** Draws the secret of a room that is to be made. */
export function drawSecret(of: Omit<Secret, 'secret'>, draw: Draw): Secret {
  const bytes = new Uint8Array(32);
  draw(bytes);
  const secret = encode(bytes);
  bytes.fill(0);
  return { ...of, secret };
}

/** Draws a password: sixty bits, in three groups of four symbols. */
export function drawPassword(draw: Draw): string {
  const bytes = new Uint8Array(12);
  draw(bytes);
  const symbols = Array.from(bytes, (byte) => SYMBOLS[byte % SYMBOLS.length]).join('');
  bytes.fill(0);
  return symbols.replace(/(.{4})(?=.)/g, '$1-');
}

export class Secrets {
  readonly #known = new Map<RoomId, Secret>();

  /** Keeps what was drawn for a room that was made; its host's link. */
  keep({ room, hostKey }: Pick<RoomCreated, 'room' | 'hostKey'>, drawn: Secret): RoomLink {
    this.#known.set(room, drawn);
    return { room, ...drawn, name: null, hostKey };
  }

  /** Forgets all of them. */
  forget(): void {
    this.#known.clear();
  }

  /** Whether links of the room can be made. */
  has(room: RoomId): boolean {
    return this.#known.has(room);
  }

  /** Takes the secret from any link of the room, and nothing else: not the host key of a host's; whether it is one. */
  learn(room: RoomId, text: string): boolean {
    const url = URL.parse(text.trim());
    if (url === null) return false;
    const reading = readLink(url.pathname, url.hash);
    if (reading.kind !== 'link' || reading.link.room !== room) return false;
    const { secret, password, consultation } = reading.link;
    this.#known.set(room, { secret, password, consultation });
    return true;
  }

  /** A guest's own link; nothing where the secret is not known. */
  guestLink(origin: string, room: RoomId, name: LinkId): string | null {
    const known = this.#known.get(room);
    return known === undefined ? null : invitation(origin, { room, ...known, name, hostKey: null });
  }
}

/** The link of a host, which also opens the room to others: never handed on. */
export function hostLink(origin: string, link: RoomLink): string {
  return `${invitation(origin, link)}.${link.hostKey ?? ''}`;
}
