/** What a host does besides admitting and removing: locking the room, muting, making others hosts or presenters. */

import type { Member, ParticipantId } from '../wire';
import { admit } from './handshake';
import type { Effect, Event, Outcome } from './messages';
import { chain, outcome, unchanged } from './step';
import type { State } from './state';

/** Something only a host asks for. */
export type Hosting = Extract<Event, { type: 'lock' | 'mute' | 'make-host' | 'make-presenter' | 'let-in' }>;

/** The host wants something of the room. */
export function hosting(state: State, event: Hosting): Outcome<State> {
  switch (event.type) {
    case 'lock':
      return outcome(state, { type: 'request', request: { type: 'lock', locked: event.locked } });
    case 'mute':
      return outcome(state, { type: 'request', request: { type: 'mute', participant: event.participant } });
    case 'make-host':
      return outcome(state, { type: 'request', request: { type: 'make-host', participant: event.participant } });
    case 'make-presenter':
      return outcome(state, { type: 'request', request: { type: 'make-presenter', participant: event.participant } });
    case 'let-in':
      return letIn({ ...state, letsIn: event.all });
  }
}

/**
 * Lets in whoever knocks with the link's secret, if the host wants it so. Here and not at the server, which would
 * otherwise decide who is let in. To a consultation nobody comes unseen, nor where the organisation does not want it.
 */
export function letIn(state: State): Outcome<State> {
  if (!state.letsIn || state.lobby || state.link.consultation) return unchanged(state);
  const valid = state.visitors.filter(({ check }) => check === 'valid').map(({ participant }) => participant);
  return valid.length > 0 ? admit(state, valid) : unchanged(state);
}

/** The server says that the room is locked, or open again. */
export function roomLocked(state: State, locked: boolean): Outcome<State> {
  const announce: Effect = { type: 'announce', announcement: { key: locked ? 'roomLocked' : 'roomOpen' }, urgent: false };
  return outcome({ ...state, locked }, announce);
}

/** The name of who has muted us; nothing if nobody of this call has. */
export function mutedBy(state: State, by: ParticipantId): string | null {
  return state.handshake.tree?.members.find(({ participant }) => participant === by)?.name ?? null;
}

/** A host may have made us one. */
export function becomeHost(state: State, members: readonly Member[]): Outcome<State> {
  const host = members.some((member) => member.participant === state.self && member.host);
  if (state.host || !host) return unchanged(state);
  return chain({ ...state, host: true }, (s) => outcome(s, { type: 'announce', announcement: { key: 'madeHost' }, urgent: false }));
}

/** A host may have made us a presenter: where others do not share, the screen is offered from now on. */
export function becomePresenter(state: State, members: readonly Member[]): Outcome<State> {
  const presenter = members.some((member) => member.participant === state.self && member.presenter === true);
  if (state.presenter || !presenter) return unchanged(state);
  const announce: Effect = { type: 'announce', announcement: { key: 'madePresenter' }, urgent: false };
  return outcome({ ...state, presenter: true }, announce);
}
