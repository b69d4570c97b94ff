/**
 * What sound says of itself beside its content, left out: in a consultation packets of sound carry no level, and all
 * have one size. Both are agreed on in the SDP; the server takes what the offer says and answers with it, and browsers
 * go by the answer.
 */

const LEVEL = 'urn:ietf:params:rtp-hdrext:ssrc-audio-level';

/** An offer as it is sent: without the level, and asking for Opus at a constant rate (RFC 7587 section 6.1). */
export function discreet(sdp: string): string {
  const opus = new Set([...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000/gim)].map(([, format]) => format));
  return sdp
    .split('\r\n')
    .filter((line) => !(line.startsWith('a=extmap:') && line.includes(LEVEL)))
    .map((line) => {
      const [, format] = /^a=fmtp:(\d+) /.exec(line) ?? [];
      return format !== undefined && opus.has(format) && !/[ ;]cbr=/.test(line) ? `${line};cbr=1` : line;
    })
    .join('\r\n');
}

/** Whether an answer keeps to that: a server that wants to know more is not sent anything. */
export function isDiscreet(sdp: string): boolean {
  const sections = sdp.split(/^(?=m=)/m).slice(1);
  return !sdp.includes(LEVEL) && sections.every(isConstant);
}

function isConstant(section: string): boolean {
  const opus = [...section.matchAll(/^a=rtpmap:(\d+) opus\/48000/gim)].map(([, format]) => format);
  return opus.every((format) => new RegExp(`^a=fmtp:${format} (.*;)?cbr=1(;|\\r?$)`, 'm').test(section));
}
