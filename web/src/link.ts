/**
 * Room links: `https://HOST/r/ROOM#SECRET`, for a host `…#SECRET.HOSTKEY`, `p.` before the secret where the
 * link has a password, and `l.LINK.` before all of it where guests have links of their own. The password itself is
 * kept nowhere. Where calls are consultations, `c.` stands before that, behind `l.LINK.`.
 *
 * The fragment never goes to the server. It is taken out of the address bar as soon as it is read, and kept
 * in the tab's session storage until hang-up so that a reload finds it again.
 */

import { decode } from './bytes';
import type { Blob, LinkId, RoomId } from './wire';

/** A link that was read. */
export interface RoomLink {
  readonly room: RoomId;
  /** The link secret: 32 bytes, base64url. */
  readonly secret: string;
  /** Which of the room's links it is, where guests have links of their own. */
  readonly name: LinkId | null;
  /** The room's host key, in a host's link. */
  readonly hostKey: Blob | null;
  /** Whether it needs a password. Only the link says so: a server that denies it deceives nobody. */
  readonly password: boolean;
  /** Whether its calls are consultations; the link says so for the same reason. */
  readonly consultation: boolean;
}

/** What stands in the address bar. */
export type Reading =
  | { readonly kind: 'none' }
  /** A room, but no usable fragment: cut off by whatever forwarded the link. */
  | { readonly kind: 'incomplete'; readonly room: RoomId | null }
  | { readonly kind: 'link'; readonly link: RoomLink };

/** The part of {@link Storage} this needs. */
export type Keeper = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Stands before the secret of a link that has a password. */
const PASSWORD_MARK = 'p.';

/** Stands before that in a link of a consultation. */
const CONSULTATION_MARK = 'c.';

/** Stands before the name of a guest's own link. */
const NAME_MARK = 'l.';

const kept = (room: RoomId): string => `conclave.link.${room}`;

function isBytes(text: string | undefined, length: number): text is string {
  return text !== undefined && decode(text)?.length === length;
}

/** Reads a path and a fragment (with or without its `#`). */
export function readLink(path: string, fragment: string): Reading {
  const match = /^\/r\/([^/]+)\/?$/.exec(path);
  if (match === null) return { kind: 'none' };
  const room = match[1];
  if (!isBytes(room, 16)) return { kind: 'incomplete', room: null };
  let text = fragment.replace(/^#/, '');
  let name: LinkId | null = null;
  if (text.startsWith(NAME_MARK)) {
    const [, named, ...parts] = text.split('.');
    if (!isBytes(named, 16)) return { kind: 'incomplete', room };
    name = named;
    text = parts.join('.');
  }
  const consultation = text.startsWith(CONSULTATION_MARK);
  if (consultation) text = text.slice(CONSULTATION_MARK.length);
  const password = text.startsWith(PASSWORD_MARK);
  const [secret, hostKey, ...rest] = (password ? text.slice(PASSWORD_MARK.length) : text).split('.');
  if (!isBytes(secret, 32) || rest.length > 0) return { kind: 'incomplete', room };
  if (hostKey !== undefined && (name !== null || !isBytes(hostKey, 32))) return { kind: 'incomplete', room };
  return { kind: 'link', link: { room, secret, name, hostKey: hostKey ?? null, password, consultation } };
}

/** Reads the link from the address, or what an earlier load of this tab kept, and keeps it. */
export function takeLink(path: string, fragment: string, keeper: Keeper): Reading {
  const reading = readLink(path, fragment);
  if (reading.kind === 'link') {
    keepLink(reading.link, keeper);
    return reading;
  }
  if (reading.kind === 'incomplete' && reading.room !== null) {
    const earlier = keeper.getItem(kept(reading.room));
    if (earlier !== null) return readLink(path, earlier);
  }
  return reading;
}

/** Keeps a link for a reload of this tab. */
export function keepLink(link: RoomLink, keeper: Keeper): void {
  keeper.setItem(kept(link.room), wholeFragment(link));
}

/** Forgets what was kept. */
export function forgetLink(room: RoomId, keeper: Keeper): void {
  keeper.removeItem(kept(room));
}

function wholeFragment(link: RoomLink): string {
  return link.hostKey === null ? guestFragment(link) : `${guestFragment(link)}.${link.hostKey}`;
}

function guestFragment({ secret, name, password, consultation }: RoomLink): string {
  const marks = (consultation ? CONSULTATION_MARK : '') + (password ? PASSWORD_MARK : '');
  return (name === null ? '' : `${NAME_MARK}${name}.`) + marks + secret;
}

/** The link to hand to guests: never with the host key. */
export function invitation(origin: string, link: RoomLink): string {
  return `${origin}/r/${link.room}#${guestFragment(link)}`;
}

/** The link as it came, for its owner to open it elsewhere: a host's with the host key. */
export function ownLink(origin: string, link: RoomLink): string {
  return `${origin}/r/${link.room}#${wholeFragment(link)}`;
}
