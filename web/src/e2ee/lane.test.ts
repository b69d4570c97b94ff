import { expect, test, vi } from 'vitest';
import { Lane, MOST_BYTES, MOST_FRAMES, WAIT_MS } from './lane';

/** Opens frames of its epoch and of those before: the first byte is the epoch. Those of 100 bytes and more it opens later. */
function world() {
  const said: string[] = [];
  const tried: number[] = [];
  const state = { now: 0, epoch: 1 };
  const under: (() => void)[] = [];
  const lane = new Lane<number, string>({
    open: (sealed) => {
      tried.push(sealed[0] ?? 0);
      if ((sealed[0] ?? 0) > state.epoch) throw { code: 'frame_early_epoch' };
      if (sealed[1] === 66) throw { code: 'frame_not_authentic' };
      if (sealed.length < 100) return 'opened';
      return new Promise((done, failed) => under.push(() => (sealed[1] === 77 ? failed({ code: 'frame_replayed' }) : done('outside'))));
    },
    goesOn: (frame, opened) => void said.push(`${frame} ${opened}`),
    isDropped: (code, came) => void said.push(`${code} ${came}`),
    epoch: () => state.epoch,
    now: () => state.now,
  });
  const push = (frame: number, epoch: number, length = 2, mark = 0) => {
    const sealed = new Uint8Array(length);
    sealed.set([epoch, mark]);
    lane.push(frame, sealed);
  };
  return { lane, push, said, tried, state, under };
}

test('frames go on in their order, also those that are opened at once behind one that is not', async () => {
  const { push, said, under } = world();
  push(1, 1, 100);
  push(2, 1);
  push(3, 1, 100, 77);
  push(4, 1);
  expect([said, under.length]).toEqual([[], 1]);
  under.shift()?.();
  await vi.waitFor(() => expect(under).toHaveLength(1));
  expect(said).toEqual(['1 outside', '2 opened']);
  under.shift()?.();
  await vi.waitFor(() => expect(said).toEqual(['1 outside', '2 opened', 'frame_replayed 0', '4 opened']));
});

test('one that is ahead of its commit holds up those behind it until an epoch was entered', async () => {
  const { lane, push, said, tried, state, under } = world();
  push(1, 2);
  push(2, 1);
  push(3, 2, 100);
  push(4, 3);
  push(5, 2, 2, 66);
  lane.advance();
  lane.advance();
  // Whoever is ahead is not tried again for every frame that comes.
  expect([said, tried]).toEqual([[], [2]]);
  state.epoch = 2;
  lane.advance();
  expect(said).toEqual(['1 opened', '2 opened']);
  under.shift()?.();
  await vi.waitFor(() => expect(said).toEqual(['1 opened', '2 opened', '3 outside']));
  expect(tried).toEqual([2, 2, 1, 2, 3]);
  state.epoch = 3;
  lane.advance();
  expect(said.slice(3)).toEqual(['4 opened', 'frame_not_authentic 0']);
});

test('none waits longer than a switch may take, and none is shown that has', () => {
  const { lane, push, said, state } = world();
  push(1, 2);
  state.now = 500;
  push(2, 2);
  push(3, 1);
  state.now = WAIT_MS - 1;
  lane.advance();
  expect(said).toEqual([]);
  state.now = WAIT_MS;
  state.epoch = 2;
  lane.advance();
  expect(said).toEqual(['frame_early_epoch 0', '2 opened', '3 opened']);
});

test('what waits is bounded, and the first make room', () => {
  const { lane, push, said, state } = world();
  for (let n = 0; n < MOST_FRAMES + 5; n += 1) {
    state.now = n;
    push(n, 2);
  }
  expect(said).toEqual([0, 1, 2, 3, 4].map((came) => `frame_early_epoch ${came}`));
  push(999, 2, MOST_BYTES - 2);
  expect(said).toHaveLength(MOST_FRAMES + 4);
  state.epoch = 2;
  lane.advance();
  expect(said.at(-1)).toBe(`${MOST_FRAMES + 4} opened`);
});

test('who waited only behind the one that made room goes on', () => {
  const { push, said } = world();
  push(0, 2);
  push(1, 1);
  for (let n = 2; n <= MOST_FRAMES; n += 1) push(n, 2);
  expect(said).toEqual(['frame_early_epoch 0', '1 opened']);
});

test('what is being opened is not what makes room', async () => {
  const { push, said, under } = world();
  push(1, 1, MOST_BYTES);
  push(2, 1);
  push(3, 1);
  expect(said).toEqual(['frame_early_epoch 0', 'frame_early_epoch 0']);
  under.shift()?.();
  await vi.waitFor(() => expect(said.at(-1)).toBe('1 outside'));
});

test('a frame that cannot go on is dropped, and holds up nobody', async () => {
  const { said, under, ...rest } = world();
  const lane = new Lane<number, string>({
    open: (sealed) => (sealed.length < 100 ? 'opened' : new Promise((done) => under.push(() => done('outside')))),
    goesOn: (frame) => {
      if (frame < 3) throw new Error('gone');
      said.push(`${frame}`);
    },
    isDropped: (code) => void said.push(code),
    epoch: () => rest.state.epoch,
    now: () => 0,
  });
  lane.push(1, new Uint8Array(2));
  lane.push(2, new Uint8Array(100));
  lane.push(3, new Uint8Array(2));
  under.shift()?.();
  await vi.waitFor(() => expect(said).toEqual(['internal', 'internal', '3']));
});
