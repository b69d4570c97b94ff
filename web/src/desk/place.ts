/** Which address leads to which of the pages for people with an account. */

/** The parts of the administration, in the order in which they are listed. The first is at `/admin` itself. */
export const SECTIONS = ['organisation', 'accounts', 'devices', 'policies', 'consent-texts', 'texts', 'provider', 'webhooks', 'audit'] as const;

export type Section = (typeof SECTIONS)[number];

/** A page that has an address. */
export type Place = 'login' | 'rooms' | Section;

/** The address of a page. */
export function addressOf(place: Place): string {
  if (place === 'login' || place === 'rooms') return `/${place}`;
  return place === SECTIONS[0] ? '/admin' : `/admin/${place}`;
}

/** The page at an address; nothing where there is none of these. An unknown part of the administration is its first. */
export function placeAt(path: string): Place | null {
  if (path === '/login' || path === '/rooms') return path === '/login' ? 'login' : 'rooms';
  if (path !== '/admin' && !path.startsWith('/admin/')) return null;
  return SECTIONS.find((section) => addressOf(section) === path) ?? SECTIONS[0];
}

/** Whether a page is part of the administration. */
export function isSection(place: Place): place is Section {
  return place !== 'login' && place !== 'rooms';
}
