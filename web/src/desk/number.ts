/** Telephone numbers as people type them, and as they are sent (E.164). */

/** The number, with its country; null for what is none: without the country nobody knows whose it is. */
export function telephoneNumber(typed: string): string | null {
  const digits = typed
    .replace(/\(0\)/g, '')
    .replace(/[\s\u00AD\u2010-\u2015\u2060().\/-]/g, '')
    .replace(/^00/, '+');
  return /^\+[1-9][0-9]{7,14}$/.test(digits) ? digits : null;
}
