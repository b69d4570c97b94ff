import { describe, expect, test } from 'vitest';
import { keepsRaw, mayBeRaw, withRaw } from './raw';

describe('raw video', () => {
  test('is AV1 of the first profile', () => {
    const codec = (mimeType: string, sdpFmtpLine?: string) => mayBeRaw({ mimeType, clockRate: 90_000, ...(sdpFmtpLine ? { sdpFmtpLine } : {}) });
    expect(codec('video/AV1')).toBe(true);
    expect(codec('video/AV1', 'level-idx=5;profile=0;tier=0')).toBe(true);
    expect(codec('video/AV1', 'level-idx=5;profile=1;tier=0')).toBe(false);
    expect(codec('video/VP9', 'profile-id=0')).toBe(false);
  });

  test('is said of every payload type of AV1, and of no other', () => {
    const rows = ['a=rtpmap:98 VP9/90000', 'a=rtpmap:45 AV1/90000', 'a=rtpmap:46 rtx/90000', 'm=video', 'a=rtpmap:45 AV1/90000', ''];
    const raw = 'a=packetization:45 raw';
    expect(withRaw(rows.join('\r\n')).split('\r\n')).toEqual([rows[0], rows[1], raw, rows[2], rows[3], rows[4], raw, '']);
    expect(withRaw('a=rtpmap:98 VP9/90000\r\n')).toBe('a=rtpmap:98 VP9/90000\r\n');
  });

  test('is to be in the answer to every section that offers it', () => {
    const section = (...rows: string[]) => ['m=video 9 UDP/TLS/RTP/SAVPF 98 45', 'a=rtpmap:98 VP9/90000', ...rows, ''].join('\r\n');
    const [av1, raw] = ['a=rtpmap:45 AV1/90000', 'a=packetization:45 raw'];
    const [session, sound] = ['v=0\r\n', 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n'];
    const offer = session + sound + section(av1, raw) + section(av1, raw);
    expect(keepsRaw(offer, offer)).toBe(true);
    expect(keepsRaw(session + sound + section(), session + sound + section())).toBe(true);
    for (const without of [section(), section(av1), section(raw), section(av1, 'a=packetization:98 raw'), '']) {
      expect(keepsRaw(offer, session + sound + section(av1, raw) + without)).toBe(false);
    }
  });
});
