import { expect, test } from 'vitest';
import type { SlotReport } from './calls';
import { Frames, type FrameSession } from './transform';

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

const frame = (...bytes: number[]) => ({ data: new Uint8Array(bytes).buffer });

/** Takes a frame for authentic if its first byte is 1; the second is the leaf. */
const session: FrameSession = {
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
  expect(frames(session).all.handle({ direction: 'send', source: 'screen' }, sealed)).toBe(true);
  expect([...new Uint8Array(sealed.data)]).toEqual([99, 2, 5, 6]);
});

test('without a group nothing goes out and nothing comes in', () => {
  const { all } = frames(null);
  expect(all.handle({ direction: 'send', source: 'camera' }, frame(1))).toBe(false);
  expect(all.handle({ direction: 'receive', slot: 0 }, frame(1, 1))).toBe(false);
  expect(all.counts().sent).toEqual([{ source: 'camera', sealed: 0, dropped: 1 }]);
});

test('a frame that does not verify is dropped, left as it was, and counted by its reason', () => {
  const { all } = frames(session);
  const forged = frame(7, 7, 7);
  expect(all.handle({ direction: 'receive', slot: 3 }, forged)).toBe(false);
  expect(all.counts().slots).toEqual([{ slot: 3, opened: 0, dropped: { frame_not_authentic: 1 } }]);
});

test('who a slot comes from is reported when it changes, and again when it is watched anew', () => {
  const { all, reports } = frames(session);
  const receive = (leaf: number) => all.handle({ direction: 'receive', slot: 0 }, frame(1, leaf, 42));
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
    all.handle({ direction: 'receive', slot: 1 }, frame(0));
  }
  expect(reports).toEqual([{ slot: 1, sender: null, failing: true }]);
  all.handle({ direction: 'receive', slot: 1 }, frame(1, 4, 0));
  expect(reports.at(-1)).toMatchObject({ failing: false, sender: { name: 'N4' } });
});

test('what is opened beside the worker goes on, or is dropped and counted, once that is known', async () => {
  const later: FrameSession = { ...session, open: async (bytes, known) => session.open(bytes, known) };
  const { all, reports } = frames(later);
  const good = frame(1, 2, 42);
  expect(await all.handle({ direction: 'receive', slot: 0 }, good)).toBe(true);
  expect([...new Uint8Array(good.data)]).toEqual([42]);
  const forged = frame(7, 7, 7);
  expect(await all.handle({ direction: 'receive', slot: 0 }, forged)).toBe(false);
  expect([...new Uint8Array(forged.data)]).toEqual([7, 7, 7]);
  expect(reports.map(({ sender }) => sender?.name)).toEqual(['N2']);
  expect(all.counts().slots).toEqual([{ slot: 0, opened: 1, dropped: { frame_not_authentic: 1 } }]);
});
