/** What organisations say to everybody, before anybody logs in or joins: where it is read, and how it is asked for. */

import type { Ask } from './door';
import type { LoginWays, PublicText, PublicTextInfo, RoomId, RoomInfo } from './wire';

/** All texts, in the order in which they are listed. */
export const TEXTS: readonly PublicText[] = ['terms', 'privacy', 'imprint'];

/** Whose texts: those of the organisation of a room, or of one that is named. */
export type Owner = { readonly room: RoomId } | { readonly organisation: string };

/** The organisation that is always there. */
export const FIRST: Owner = { organisation: 'default' };

/** The address of the page on which a text is read. */
export function legalAddress(text: PublicText, owner: Owner): string {
  return `/legal/${text}?${new URLSearchParams({ ...owner }).toString()}`;
}

/** Which text is read at an address, and whose; nothing where none is. */
export function legalAt(path: string, search: string): { readonly text: PublicText; readonly owner: Owner } | null {
  const text = TEXTS.find((text) => path === `/legal/${text}`);
  if (text === undefined) return null;
  const query = new URLSearchParams(search);
  const [room, organisation] = [query.get('room') ?? '', query.get('organisation') ?? ''];
  if (/^[A-Za-z0-9_-]{22}$/.test(room)) return { text, owner: { room } };
  return { text, owner: /^[a-z0-9-]{1,63}$/.test(organisation) ? { organisation } : FIRST };
}

/** Which texts there are; none if they cannot be asked for. */
export async function textsOf(owner: Owner, ask: Ask): Promise<readonly PublicText[]> {
  try {
    const answer = await ask('room' in owner ? `/api/v1/rooms/${owner.room}` : `/api/v1/login/${owner.organisation}`);
    return answer.ok ? (((await answer.json()) as RoomInfo | LoginWays).texts ?? []) : [];
  } catch {
    return [];
  }
}

/** A text as it reads now. */
export async function readText(text: PublicText, owner: Owner, ask: Ask): Promise<PublicTextInfo | 'none' | 'unreachable'> {
  try {
    const answer = await ask('room' in owner ? `/api/v1/rooms/${owner.room}/texts/${text}` : `/api/v1/texts/${text}?tenant=${owner.organisation}`);
    if (answer.ok) return (await answer.json()) as PublicTextInfo;
    return answer.status === 404 ? 'none' : 'unreachable';
  } catch {
    return 'unreachable';
  }
}
