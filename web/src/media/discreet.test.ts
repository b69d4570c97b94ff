import { expect, test } from 'vitest';
import { discreet, isDiscreet } from './discreet';

const offer = [
  'v=0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=off',
  'a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;stereo=1;useinbandfec=1',
  'm=video 9 UDP/TLS/RTP/SAVPF 98',
  'a=rtpmap:98 VP9/90000',
  'a=fmtp:98 profile-id=0',
  '',
].join('\r\n');

test('an offer for a consultation names no level and asks for a constant rate', () => {
  const sent = discreet(offer);
  expect(sent).not.toContain('ssrc-audio-level');
  expect(sent).toContain('a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid\r\n');
  expect(sent).toContain('a=fmtp:111 minptime=10;useinbandfec=1;stereo=0;maxaveragebitrate=28000;cbr=1\r\n');
  expect(sent).toContain('a=fmtp:98 profile-id=0\r\n');
  expect(discreet(sent)).toBe(sent);
});

test('an answer that wants to know more is not taken', () => {
  const answer = discreet(offer);
  expect(isDiscreet(answer)).toBe(true);
  expect(isDiscreet(offer)).toBe(false);
  expect(isDiscreet(answer.replace(';cbr=1', ''))).toBe(false);
  expect(isDiscreet(answer.replace('cbr=1', 'cbr=10'))).toBe(false);
  expect(isDiscreet(answer.replace('sdes:mid', 'ssrc-audio-level'))).toBe(false);
  expect(isDiscreet(answer.replace(/a=fmtp:111.*\r\n/, ''))).toBe(false);
});
