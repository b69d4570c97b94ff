import { expect, test, vi } from 'vitest';
import type { SlotReport, TransformOptions } from './calls';
import { SIZE } from './opus';
import { Frames, type EncodedFrame, type FrameSession } from './transform';

function frames(session: FrameSession | null) {
  const reports: SlotReport[] = [];
  const world = { now: 0, session };
  const all = new Frames(
    () => world.session,
    (report) => reports.push(report),
    () => world.now,
  );
  return { all, reports, world };
}

/** Whether a frame goes on at once. */
function goesOn(all: Frames, options: TransformOptions, encoded: EncodedFrame): boolean {
  let went = false;
  all.handle(options, encoded, () => (went = true));
  return went;
}

const frame = (...bytes: number[]) => ({ data: new Uint8Array(bytes).buffer });

/** Takes a frame for authentic if its first byte is 1; the second is the leaf. */
const session: FrameSession = {
  epoch: 1,
  seal: (context, payload) => new Uint8Array([99, context, ...payload]),
  open: (bytes, known) => {
    if (bytes[0] !== 1) throw { code: 'frame_not_authentic' };
    const leaf = bytes[1] ?? 0;
    const sender = known?.leaf === leaf ? null : { participant: `p${leaf}`, name: `N${leaf}` };
    return { data: bytes.slice(2), key: { leaf, epoch: 1, context: 1 }, sender };
  },
};

test('a frame is sealed whole under the context of its source', () => {
  const sealed = frame(5, 6);
  expect(goesOn(frames(session).all, { direction: 'send', source: 'screen', constant: false }, sealed)).toBe(true);
  expect([...new Uint8Array(sealed.data)]).toEqual([99, 2, 5, 6]);
});

test('sound whose size is to tell nothing is padded before it is sealed, and never smaller again', () => {
  const { all } = frames(session);
  const lengths = [1, 3, 90, 120, 1].map((length) => {
    const sealed = frame(0x78, ...Array<number>(length).fill(7));
    expect(goesOn(all, { direction: 'send', source: 'microphone', constant: true }, sealed)).toBe(true);
    return sealed.data.byteLength - 2;
  });
  expect(lengths).toEqual([SIZE, SIZE, SIZE, SIZE + 32, SIZE + 32]);
});

test('without a group nothing goes out and nothing comes in', () => {
  const { all } = frames(null);
  expect(goesOn(all, { direction: 'send', source: 'camera', constant: false }, frame(1))).toBe(false);
  expect(goesOn(all, { direction: 'receive', slot: 0 }, frame(1, 1))).toBe(false);
  expect(all.counts().sent).toEqual([{ source: 'camera', sealed: 0, dropped: 1 }]);
});

test('a frame that does not verify is dropped, left as it was, and counted by its reason', () => {
  const { all } = frames(session);
  const forged = frame(7, 7, 7);
  expect(goesOn(all, { direction: 'receive', slot: 3 }, forged)).toBe(false);
  expect(all.counts().slots).toEqual([{ slot: 3, opened: 0, dropped: { frame_not_authentic: 1 } }]);
});

test('who a slot comes from is reported when it changes, and again when it is watched anew', () => {
  const { all, reports } = frames(session);
  const receive = (leaf: number) => goesOn(all, { direction: 'receive', slot: 0 }, frame(1, leaf, 42));
  receive(1);
  receive(1);
  receive(2);
  expect(reports.map(({ sender }) => sender?.name)).toEqual(['N1', 'N2']);
  all.watch(0);
  receive(2);
  expect(reports).toHaveLength(3);
  expect(reports[0]?.sender?.source).toBe('camera');
});

test('a slot of which nothing opens for two seconds is failing, until something does', () => {
  const { all, reports, world } = frames(session);
  for (let at = 0; at < 12; at += 1) {
    world.now = at * 250;
    goesOn(all, { direction: 'receive', slot: 1 }, frame(0));
  }
  expect(reports).toEqual([{ slot: 1, sender: null, failing: true }]);
  goesOn(all, { direction: 'receive', slot: 1 }, frame(1, 4, 0));
  expect(reports.at(-1)).toMatchObject({ failing: false, sender: { name: 'N4' } });
});

test('what is opened beside the worker goes on, or is dropped and counted, once that is known', async () => {
  const later: FrameSession = { ...session, open: async (bytes, known) => session.open(bytes, known) };
  const { all, reports } = frames(later);
  const went: EncodedFrame[] = [];
  const [forged, good] = [frame(7, 7, 7), frame(1, 2, 42)];
  for (const each of [forged, good]) all.handle({ direction: 'receive', slot: 0 }, each, () => went.push(each));
  await vi.waitFor(() => expect(went).toEqual([good]));
  expect([...new Uint8Array(good.data)]).toEqual([42]);
  expect([...new Uint8Array(forged.data)]).toEqual([7, 7, 7]);
  expect(reports.map(({ sender }) => sender?.name)).toEqual(['N2']);
  expect(all.counts().slots).toEqual([{ slot: 0, opened: 1, dropped: { frame_not_authentic: 1 } }]);
});

/** Opens frames of its epoch and of those before; the third byte is the epoch, the fourth the content. */
function growing() {
  const grows = {
    ...session,
    epoch: 1,
    open: (bytes: Uint8Array) => {
      const [, leaf = 0, epoch = 0] = bytes;
      if (epoch > grows.epoch) throw { code: 'frame_early_epoch' };
      return { data: bytes.slice(3), key: { leaf, epoch, context: 0 }, sender: null };
    },
  };
  return grows;
}

test('frames ahead of their commit go on when it has come, unopened until then and in their order', () => {
  const grows = growing();
  const { all, world } = frames(grows);
  const went: number[] = [];
  const receive = (slot: number, ...bytes: number[]) => {
    const encoded = frame(1, slot, ...bytes);
    all.handle({ direction: 'receive', slot }, encoded, () => went.push(...new Uint8Array(encoded.data)));
    return encoded;
  };
  receive(0, 1, 10);
  const ahead = receive(0, 2, 11);
  // Of the epoch before, and behind it; and what comes in another slot waits for nothing.
  receive(0, 1, 12);
  receive(3, 1, 30);
  expect([went, [...new Uint8Array(ahead.data)]]).toEqual([[10, 30], [1, 0, 2, 11]]);
  world.now = 1_999;
  all.advance();
  grows.epoch = 2;
  all.advance();
  expect(went).toEqual([10, 30, 11, 12]);
  expect(all.counts().slots).toEqual([
    { slot: 0, opened: 3, dropped: {} },
    { slot: 3, opened: 1, dropped: {} },
  ]);
});

test('a frame whose commit does not come is given up after two seconds, counted, and those behind it go on', () => {
  const { all, world, reports } = frames(growing());
  const went: number[] = [];
  for (let n = 0; n < 12; n += 1) {
    world.now = n * 10;
    all.handle({ direction: 'receive', slot: 0 }, frame(1, 4, 2, n), () => went.push(n));
  }
  world.now = 150;
  all.handle({ direction: 'receive', slot: 0 }, frame(1, 4, 1, 99), () => went.push(99));
  world.now = 1_999;
  all.advance();
  expect(all.counts().slots).toEqual([{ slot: 0, opened: 0, dropped: {} }]);
  world.now = 2_110;
  all.advance();
  expect(went).toEqual([99]);
  expect(all.counts().slots).toEqual([{ slot: 0, opened: 1, dropped: { frame_early_epoch: 12 } }]);
  // Nothing of it opened for two seconds, counted from when it came.
  expect(reports.map(({ failing }) => failing)).toEqual([true, false]);
});

test('what waits ends with the call', () => {
  const grows = growing();
  const { all, world } = frames(grows);
  let went = false;
  all.handle({ direction: 'receive', slot: 0 }, frame(1, 4, 2, 5), () => (went = true));
  all.clear();
  world.session = { ...grows, epoch: 2 };
  all.advance();
  expect([went, all.counts().slots]).toEqual([false, []]);
});
