/** What a browser remembers between calls. Nothing here is secret or tells who met whom. */

/** Video quality a participant sends. */
export type Quality = 'standard' | 'saver';

/** A language the client speaks. */
export type Language = 'de' | 'en';

/** The remembered choices. */
export interface Preferences {
  readonly name: string;
  readonly language: Language;
  readonly quality: Quality;
  readonly microphone: string | null;
  readonly camera: string | null;
  readonly speaker: string | null;
  /** Single-key and Ctrl shortcuts can be switched off (WCAG 2.1.4). */
  readonly shortcuts: boolean;
}

const KEY = 'conclave.preferences';

/** The first language of the browser that the client speaks. */
export function browserLanguage(languages: readonly string[]): Language {
  for (const language of languages) {
    const base = language.toLowerCase().split('-')[0];
    if (base === 'de' || base === 'en') return base;
  }
  return 'en';
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Reads what was remembered; whatever is missing or unreadable takes its default. */
export function readPreferences(storage: Pick<Storage, 'getItem'>, languages: readonly string[]): Preferences {
  let stored: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(storage.getItem(KEY) ?? '{}');
    if (typeof parsed === 'object' && parsed !== null) stored = parsed as Record<string, unknown>;
  } catch {
    // Someone else's text under our key: start afresh.
  }
  return {
    name: text(stored['name']) ?? '',
    language: stored['language'] === 'de' || stored['language'] === 'en' ? stored['language'] : browserLanguage(languages),
    quality: stored['quality'] === 'saver' ? 'saver' : 'standard',
    microphone: text(stored['microphone']),
    camera: text(stored['camera']),
    speaker: text(stored['speaker']),
    shortcuts: stored['shortcuts'] !== false,
  };
}

/** Remembers; a browser that refuses storage only forgets. */
export function writePreferences(storage: Pick<Storage, 'setItem'>, preferences: Preferences): void {
  try {
    storage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Private windows of some browsers have no storage.
  }
}
