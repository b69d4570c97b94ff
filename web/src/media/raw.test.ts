import { describe, expect, test } from 'vitest';
import { mayBeRaw, withRaw } from './raw';

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
});
