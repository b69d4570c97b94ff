/** How the room and the link stand, asked before anything is asked of the visitor. Asking uses nothing up. */

import type { RoomLink } from './link';
import type { Code, Consent, ConsentRequest, ConsentTexts, Language, LinkInfo, Problem, RoomInfo } from './wire';

/** Why a guest's own link does not open any more. */
export const LINK_OVER = ['link-expired', 'link-used', 'link-revoked', 'no-such-link', 'consent-withdrawn'] as const;

export type LinkOver = (typeof LINK_OVER)[number];

/** What was found. */
export type Standing =
  | { readonly kind: 'open'; readonly scheduled: boolean; readonly consent: Consent | null }
  | { readonly kind: 'early'; readonly opens: Opens; readonly consent: Consent | null }
  /** The guest has to consent first. */
  | { readonly kind: 'consent' }
  | { readonly kind: LinkOver; readonly consent: Consent | null }
  | { readonly kind: 'link-draft' | 'link-needed' | 'no-room' | 'incomplete' | 'unreachable' };

/** What is said of a guest's own link takes its name, not its secret. */
export type LinkName = Pick<RoomLink, 'room' | 'name'>;

/** When a link opens, in milliseconds since the Unix epoch. */
export interface Opens {
  /** By the server's clock: to be shown. */
  readonly at: number;
  /** By this device's, which may be wrong: to be waited for. */
  readonly here: number;
}

/** The part of `fetch` this needs. */
export type Ask = (path: string, init?: RequestInit) => Promise<Pick<Response, 'ok' | 'status' | 'json'>>;

export function isOver(code: Code): code is LinkOver {
  return (LINK_OVER as readonly Code[]).includes(code);
}

/** Asks. The address of the question names the link, and the answer is of nobody else. */
export async function look(link: RoomLink, ask: Ask, now: () => number): Promise<Standing> {
  const room = `/api/v1/rooms/${link.room}`;
  try {
    const answer = await ask(link.name === null ? room : ofLink(link));
    if (!answer.ok) return refused((await answer.json()) as Problem, now());
    if (link.name !== null) return { kind: 'open', scheduled: true, consent: ((await answer.json()) as LinkInfo).consent ?? null };
    const { password, scheduled } = (await answer.json()) as RoomInfo;
    // The staff's, from which guests' own are made, or a guest's that lost its name.
    if (scheduled && link.hostKey === null) return { kind: 'link-needed' };
    // Whoever forwarded the link left out a mark that stands before the secret.
    return password && !link.password ? { kind: 'incomplete' } : { kind: 'open', scheduled, consent: null };
  } catch {
    return { kind: 'unreachable' };
  }
}

/** What anyone may know of the room. Nothing if it cannot be asked. */
export async function about({ room }: LinkName, ask: Ask): Promise<RoomInfo | null> {
  try {
    const answer = await ask(`/api/v1/rooms/${room}`);
    return answer.ok ? ((await answer.json()) as RoomInfo) : null;
  } catch {
    return null;
  }
}

/** The texts that guests of the room consent to now; nothing if they cannot be had. */
export async function consentTexts({ room }: LinkName, ask: Ask): Promise<ConsentTexts | null> {
  try {
    const answer = await ask(`/api/v1/rooms/${room}/consent-texts/current`);
    return answer.ok ? ((await answer.json()) as ConsentTexts) : null;
  } catch {
    return null;
  }
}

/** Consents to a version of the texts; the code with which that is refused, if it is. */
export function consent(link: LinkName, version: number, language: Language, ask: Ask): Promise<Code | null> {
  const body: ConsentRequest = { version, language };
  return change(`${ofLink(link)}/consent`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }, ask);
}

/** Withdraws the consent; the code with which that is refused, if it is. */
export function withdraw(link: LinkName, ask: Ask): Promise<Code | null> {
  return change(`${ofLink(link)}/consent`, { method: 'DELETE' }, ask);
}

async function change(path: string, init: RequestInit, ask: Ask): Promise<Code | null> {
  try {
    const answer = await ask(path, init);
    return answer.ok ? null : ((await answer.json()) as Problem).code;
  } catch {
    return 'internal';
  }
}

function ofLink({ room, name }: LinkName): string {
  return `/api/v1/rooms/${room}/links/${name}`;
}

function refused({ code, opens, consent }: Problem, now: number): Standing {
  const given = consent ?? null;
  if (code === 'link-early' && opens !== undefined) return { kind: 'early', opens: { at: opens.at, here: now + opens.in }, consent: given };
  if (code === 'consent-needed') return { kind: 'consent' };
  if (code === 'link-draft') return { kind: code };
  if (isOver(code)) return { kind: code, consent: given };
  return { kind: code === 'no-such-room' ? 'no-room' : 'unreachable' };
}

/** The server's own answers, and nothing of the link to anybody else. */
export const askServer: Ask = (path, init) => fetch(path, { ...init, referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(10_000) });
