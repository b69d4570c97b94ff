import { expect, test } from 'vitest';
import { Outside, type OpeningSession } from './outside';

const HEADER = new Uint8Array([0x80, 1]);
const NONCE = new Uint8Array(12).fill(9);
const RAW = new Uint8Array(32).fill(3);

async function sealed(payload: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey('raw', RAW, 'AES-GCM', false, ['encrypt']);
  const bytes = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: NONCE, additionalData: HEADER }, key, payload);
  return new Uint8Array([...HEADER, ...new Uint8Array(bytes)]);
}

/** A session of one key in epoch 5; notes what it was asked. Refuses a frame in the end, or at once. */
function world(refuse: string | null = null, atOnce = false) {
  const asked: string[] = [];
  const keys: Uint8Array[] = [];
  let held = true;
  const opening = { epoch: 5, kid: 7, headerLength: HEADER.length, nonce: NONCE, free: () => asked.push('free') };
  const session = {
    opening: (header: Uint8Array) => {
      asked.push(`opening ${header.length}`);
      if (atOnce) throw { code: refuse };
      return opening;
    },
    openingKey: () => {
      const key = RAW.slice();
      keys.push(key);
      return key;
    },
    conclude: (_: unknown, authentic: boolean) => {
      asked.push(`conclude ${authentic}`);
      if (refuse !== null) throw { code: refuse };
      if (!authentic) throw { code: 'frame_not_authentic' };
      return {};
    },
    holds: () => held,
  } as unknown as OpeningSession;
  return { outside: new Outside(session, () => 0), asked, keys, end: () => (held = false) };
}

test('a frame is decrypted between two questions to the session', async () => {
  const { outside, asked, keys } = world();
  const { data } = await outside.open(await sealed(new Uint8Array(3_000).fill(4)));
  expect(data).toEqual(new Uint8Array(3_000).fill(4));
  expect(asked).toEqual(['opening 17', 'conclude true', 'free']);
  // What was handed to WebCrypto is overwritten here.
  expect(keys).toEqual([new Uint8Array(32)]);
});

test('a forged frame is told to the session and its key not kept', async () => {
  const { outside, asked, keys } = world();
  const frame = await sealed(new Uint8Array(3_000));
  frame[100] = (frame[100] ?? 0) ^ 1;
  for (const _ of [1, 2]) await expect(outside.open(frame)).rejects.toEqual({ code: 'frame_not_authentic' });
  expect(asked.filter((what) => what === 'conclude false')).toHaveLength(2);
  expect(keys).toHaveLength(2);
});

test('a header that is not the one that was sealed does not verify', async () => {
  const { outside } = world();
  const frame = await sealed(new Uint8Array(3_000));
  frame[1] = 2;
  await expect(outside.open(frame)).rejects.toEqual({ code: 'frame_not_authentic' });
});

test('what the session refuses afterwards is not shown', async () => {
  const { outside } = world('frame_replayed');
  await expect(outside.open(await sealed(new Uint8Array(3_000)))).rejects.toEqual({ code: 'frame_replayed' });
});

test('a frame without a key is refused at once: nothing can happen before that is known', () => {
  const { outside } = world('frame_early_epoch', true);
  expect(() => outside.open(new Uint8Array(3_000))).toThrow(expect.objectContaining({ code: 'frame_early_epoch' }));
});

test('a key is imported once, and forgotten with its epoch', async () => {
  const { outside, keys, end } = world();
  const frame = await sealed(new Uint8Array(3_000));
  await outside.open(frame);
  await outside.open(frame);
  outside.tick();
  await outside.open(frame);
  expect(keys).toHaveLength(1);
  end();
  outside.tick();
  await outside.open(frame);
  expect(keys).toHaveLength(2);
});

test('what is under way when everything is wiped is not shown', async () => {
  const { outside, asked } = world();
  const under = outside.open(await sealed(new Uint8Array(3_000)));
  outside.wipe();
  await expect(under).rejects.toEqual({ code: 'ended' });
  expect(asked).not.toContain('conclude true');
});
