/** How the room and the link stand, asked before anything is asked of the visitor. Asking uses nothing up. */

import type { RoomLink } from './link';
import type { Code, Problem, RoomInfo } from './wire';

/** Why a guest's own link does not open any more. */
export const LINK_OVER = ['link-expired', 'link-used', 'link-revoked', 'no-such-link'] as const;

export type LinkOver = (typeof LINK_OVER)[number];

/** What was found. */
export type Standing =
  | { readonly kind: 'open'; readonly scheduled: boolean }
  | { readonly kind: 'early'; readonly opens: Opens }
  | { readonly kind: LinkOver | 'no-room' | 'incomplete' | 'unreachable' };

/** When a link opens, in milliseconds since the Unix epoch. */
export interface Opens {
  /** By the server's clock: to be shown. */
  readonly at: number;
  /** By this device's, which may be wrong: to be waited for. */
  readonly here: number;
}

/** The part of `fetch` this needs. */
export type Ask = (path: string) => Promise<Pick<Response, 'ok' | 'status' | 'json'>>;

export function isOver(code: Code): code is LinkOver {
  return (LINK_OVER as readonly Code[]).includes(code);
}

/** Asks. The address of the question names the link, and the answer is of nobody else. */
export async function look(link: RoomLink, ask: Ask, now: () => number): Promise<Standing> {
  const room = `/api/v1/rooms/${link.room}`;
  try {
    const answer = await ask(link.name === null ? room : `${room}/links/${link.name}`);
    if (!answer.ok) return refused((await answer.json()) as Problem, now());
    if (link.name !== null) return { kind: 'open', scheduled: true };
    const { password, scheduled } = (await answer.json()) as RoomInfo;
    // Whoever forwarded the link left out a mark that stands before the secret.
    const cut = (password && !link.password) || (scheduled && link.hostKey === null);
    return cut ? { kind: 'incomplete' } : { kind: 'open', scheduled };
  } catch {
    return { kind: 'unreachable' };
  }
}

function refused({ code, opens }: Problem, now: number): Standing {
  if (code === 'link-early' && opens !== undefined) return { kind: 'early', opens: { at: opens.at, here: now + opens.in } };
  if (isOver(code)) return { kind: code };
  return { kind: code === 'no-such-room' ? 'no-room' : 'unreachable' };
}

/** The server's own answers, and nothing of the link to anybody else. */
export const askServer: Ask = (path) => fetch(path, { referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(10_000) });
