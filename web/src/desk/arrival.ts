/** With what somebody comes to the login page. */

import { en } from '../text/en';
import type { Code } from '../wire';

export interface Arrival {
  /** The organisation's name, empty without one. */
  readonly organisation: string;
  /** Why they are sent here. */
  readonly problem: Code | null;
}

/** The organisation that is always there. */
const FIRST = 'default';

/** What the address says; whatever is none of ours is left out. */
export function arrival(search: string): Arrival {
  const query = new URLSearchParams(search);
  const named = organisationName(query.get('organisation') ?? '') ?? FIRST;
  const problem = query.get('problem');
  return { organisation: named === FIRST ? '' : named, problem: isCode(problem) ? problem : null };
}

function isCode(text: string | null): text is Code {
  return text !== null && Object.hasOwn(en.codes, text);
}

/** The name of an organisation as it stands in addresses, null if it is none. */
export function organisationName(typed: string): string | null {
  const name = typed.trim().toLowerCase();
  if (name === '') return FIRST;
  return /^[a-z0-9-]{1,63}$/.test(name) ? name : null;
}

/** Where a login by an organisation's provider begins. */
export function loginAddress(organisation: string): string {
  return `/oidc/login/${organisation}`;
}
