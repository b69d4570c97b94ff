// Who was removed opens no later frame; who came later opens no earlier one.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, chris, dora } from './harness/cast.mjs';
import { framesOf } from './harness/frame-spy.mjs';
import { LEAN, everyoneReceives, gather, inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

/** Old frames that the newcomer is made to receive. */
const REPLAYED = 25;

test('a removed page opens no later frame, a newcomer no earlier one', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const people = await Promise.all([
    inChromium(stage, { ...anna, ...LEAN }),
    inChromium(stage, { ...ben, ...LEAN, spy: true }),
    inChromium(stage, { ...chris, ...LEAN, spy: true }),
  ]);
  const [host, removed, stays] = people;
  await gather(links, people);
  const codeBefore = await host.callCode();
  assert.equal(await removed.callCode(), codeBefore);

  await host.remove(removed.name);
  const at = Date.now();
  await removed.over();
  await host.untilGone(removed.name);
  await everyoneReceives([host, stays]);
  const codeAfter = await host.callCode();
  assert.notEqual(codeAfter, codeBefore, 'the group is in a new epoch');

  // What the others send now is a second of frames that the removed one must not have seen.
  const heard = async () => (await stays.flows()).find(({ name, source }) => name === host.name && source === 'microphone')?.opened ?? 0;
  const before = await heard();
  await until('the others to go on', async () => (await heard()) > before + 50);
  const late = (await framesOf(removed)).filter((frame) => frame.at > at + 1000);
  assert.equal(late.length, 0, 'frames were handled by the removed page a second after its removal');
  assert.equal(await removed.tab.run(() => /** @type {any} */ (window).probe.connected()), false, 'the connection is gone');

  // Sound of the call so far, as it came to Chris, is played to Dora in place of what she gets.
  const old = (await framesOf(stays))
    .filter(({ kind, before: sealed, after: opened }) => kind === 'audio' && sealed.length > opened.length)
    .slice(-REPLAYED)
    .map(({ before: sealed }) => sealed);
  assert.equal(old.length, REPLAYED);
  const newcomer = await inChromium(stage, { ...dora, ...LEAN, spy: true });
  await newcomer.arrive(links.guest);
  await newcomer.join();
  await host.admit(newcomer.name);
  await everyoneReceives([host, stays, newcomer]);
  const spied = () =>
    newcomer.tab.run(() => {
      const { replayed, opened, frames } = /** @type {any} */ (window).spied;
      return { replayed, opened, handled: frames.length };
    });
  await newcomer.tab.run((frames) => /** @type {any} */ (window).spied.replay(frames), old);
  await until('the old frames to have been handed to the newcomer', async () => (await spied()).replayed === REPLAYED);
  const { handled } = await spied();
  await until('new sound after them', async () => (await spied()).handled > handled + REPLAYED);
  assert.equal((await spied()).opened, 0, 'frames of before were opened');
  stage.say(`${REPLAYED} frames of before the newcomer came: none was opened`);
});
