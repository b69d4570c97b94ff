/**
 * Browsers inside other apps: what opens when a link is tapped in a messenger or a social network. They often give
 * pages neither camera nor microphone, and forget the page when the app is left.
 */

/** What apps add to the name of the system's web view; Android itself adds `; wv`. */
const MARKS = /\bFBA[NV]\/|\bFB_IAB\/|\bInstagram\b|\bLine\/|\bMicroMessenger\/|\bLinkedInApp\b|\bSnapchat\b|\bTwitter for\b|\bPinterest\/|\bTikTok|\bBytedanceWebview\b|\bTelegram-|\bWhatsApp\/|\bGSA\/|; wv\)/;

/** Whether a page is shown by another app than a browser, by what the user agent says of itself. */
export function isInApp(userAgent: string): boolean {
  if (MARKS.test(userAgent)) return true;
  // On iOS every browser names itself or Safari; a bare web view does neither.
  return /\b(iPhone|iPad|iPod)\b/.test(userAgent) && !/\b(Safari|CriOS|FxiOS|EdgiOS|OPiOS)\//.test(userAgent);
}
