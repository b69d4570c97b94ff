/**
 * What sound says of itself beside its content, left out: in a consultation packets of sound carry no level, and all
 * have one size. Both are agreed on in the SDP, and browsers go by the answer, but for Firefox, which encodes at a
 * variable rate nevertheless: so packets are padded, too, before they are sealed (`e2ee/opus.ts`).
 */

const LEVEL = 'urn:ietf:params:rtp-hdrext:ssrc-audio-level';

/** One voice, of which 20 ms fit into what a packet is padded to; all of RFC 7587 section 6.1. */
const CONSTANT = ['stereo=0', 'maxaveragebitrate=28000', 'cbr=1'];

/** An offer as it is sent: without the level, and asking for Opus at a constant rate. */
export function discreet(sdp: string): string {
  const opus = new Set([...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000/gim)].map(([, format]) => format));
  return sdp
    .split('\r\n')
    .filter((line) => !(line.startsWith('a=extmap:') && line.includes(LEVEL)))
    .map((line) => {
      const [head, format, parameters] = /^a=fmtp:(\d+) (.*)$/.exec(line) ?? [];
      if (head === undefined || format === undefined || parameters === undefined || !opus.has(format)) return line;
      const others = parameters.split(';').filter((pair) => !/^\s*(stereo|maxaveragebitrate|cbr)=/.test(pair));
      return `a=fmtp:${format} ${[...others, ...CONSTANT].join(';')}`;
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
