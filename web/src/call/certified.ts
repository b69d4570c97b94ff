/**
 * Who vouches for whom: our organisation for us, before we enter the group and again before that runs out, and theirs
 * for the others. How a marked call is kept to those for whom one does (docs/protocol.md section 2).
 */

import type { Certificate, Tree, TreeMember } from '../e2ee/calls';
import { nextCommit } from './handshake';
import type { Announcement, Outcome } from './messages';
import { chain, outcome, unchanged } from './step';
import type { State } from './state';

/** How soon a certificate that could not be had is asked for again. */
const AGAIN_MS = 60_000;

/** Fresh keys for this stay, and who we are under them; then the group is founded, or asked to take us in. */
export function arrive(state: State, arriving: 'create' | 'knock'): Outcome<State> {
  const { self, name, suite, takesRaw: rawVideo } = state;
  return outcome(
    { ...state, arriving },
    { type: 'keys', call: { op: 'begin', suite, participant: self ?? '', name, rawVideo } },
    { type: 'certify', again: false },
  );
}

/** It is known whether our organisation vouches for us. */
export function arrived(state: State, certified: { name: string; lastsMs: number } | null): Outcome<State> {
  const { arriving, marking } = state;
  if (arriving === null) return unchanged(state);
  const known: State = { ...state, arriving: null, name: certified?.name ?? state.name };
  const enter = outcome(known, { type: 'keys', call: arriving === 'create' ? { op: 'create', marking } : { op: 'knock' } });
  return certified === null ? enter : chain(enter.state, () => enter, (s) => renewCertificateLater(s, certified.lastsMs));
}

/** A certificate is renewed when half of its time is over, so that a server that is away for hours does no harm. */
function renewCertificateLater(state: State, lastsMs: number): Outcome<State> {
  return outcome(state, { type: 'timer', timer: { kind: 'certificate' }, ms: Math.max(lastsMs / 2, AGAIN_MS) });
}

/** There is a later certificate, which our next commit puts into our leaf. */
export function certificateCame(state: State, certificate: Certificate | null, lastsMs: number): Outcome<State> {
  if (certificate === null) return outcome(state, { type: 'timer', timer: { kind: 'certificate' }, ms: AGAIN_MS });
  return chain(
    { ...state, handshake: { ...state.handshake, certificate } },
    (s) => renewCertificateLater(s, lastsMs),
    nextCommit,
  );
}

/** Certificates of members have run out, or are good again. */
export function recertified(state: State, tree: Tree): Outcome<State> {
  const before = state.handshake.tree;
  if (tree.epoch !== before?.epoch) return unchanged(state);
  return newNames({ ...state, handshake: { ...state.handshake, tree } }, before);
}

/** Notes for which names organisations vouch, and says who bears such a name without it. */
export function newNames(state: State, before: Tree | null): Outcome<State> {
  const known = impostors(state, before).map(({ participant }) => participant);
  const certified = (state.handshake.tree?.members ?? []).filter(({ organisation }) => organisation !== null);
  const names = [...state.certifiedNames, ...certified.map(({ name }) => name)];
  const next: State = { ...state, certifiedNames: [...new Set(names)] };
  const news = impostors(next, next.handshake.tree).filter(({ participant }) => !known.includes(participant));
  const announcement: Announcement = { key: 'notCertified', names: news.map(({ name }) => name) };
  return news.length > 0 ? outcome(next, { type: 'announce', announcement, urgent: true }) : outcome(next);
}

/**
 * Who bears the name of somebody for whom an organisation vouches, or did: they took it, or what vouched for them has
 * run out.
 */
export function impostors({ self, certifiedNames }: State, tree: Tree | null): TreeMember[] {
  const others = (tree?.members ?? []).filter(({ participant }) => participant !== self);
  return others.filter(({ organisation, trust, name }) => organisation === null && trust !== 'compared' && certifiedNames.includes(name));
}

/** Who is in a marked call and nobody vouches for: with them the marking does not hold. */
export function uncertified(tree: Tree): TreeMember[] {
  return tree.members.filter(({ organisation }) => organisation === null);
}
