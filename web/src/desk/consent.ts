/** The texts that a guest consents to, on the way that staff take: by mail, and from what comes back. */

import { languages } from '../text/text';
import type { ConsentTexts, Language } from '../wire';

/** A version's texts in one language, to be mailed; they say which version they are, so that an answer quotes it. */
export function consentMail(texts: ConsentTexts, language: Language): string {
  const { privacyNotice, consentHeading, desk } = languages[language];
  const { notice, consent } = texts[language];
  const heading = `${consentHeading} (${desk.consentVersion(texts.version)})`;
  return `${[privacyNotice, notice, heading, consent].map((part) => part.trim()).join('\n\n')}\n`;
}

/** All versions there have been, the one that holds first: they are counted from 1, without a gap. */
export function versionsUpTo(current: number): readonly number[] {
  return Array.from({ length: current }, (_, behind) => current - behind);
}
