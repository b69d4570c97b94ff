// The server is killed and started again during a call: everyone is back within five seconds, in the
// same MLS group and without being admitted again, and people can still come and go.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, chris, fatma } from './harness/cast.mjs';
import { LEAN, everyoneReceives, gather, inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

const BACK_WITHIN = 5000;

test('a killed and restarted server costs a call five seconds at most', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const people = await Promise.all([inChromium(stage, { ...anna, ...LEAN }), inChromium(stage, { ...ben, ...LEAN }), inFirefox(stage, { ...fatma, ...LEAN })]);
  const [host, guest] = people;
  await gather(links, people);
  const code = await sameCode(people);

  const killed = performance.now();
  await server.kill();
  // Nothing arrives from now on: whatever is opened later came through the new process.
  const counts = await Promise.all(people.map((one) => one.opened()));
  await server.run();
  const ready = performance.now();
  stage.say(`the server was away for ${Math.round(ready - killed)} ms`);
  await Promise.all(
    people.map(async (one, index) => {
      await until(`${one.name} to receive again`, async () => {
        const now = await one.opened();
        return Object.entries(counts[index] ?? {}).every(([flow, before]) => (now[flow] ?? 0) > 0 && now[flow] !== before);
      });
      await one.untilReceives(people.filter((other) => other !== one).map(({ name }) => name));
      stage.say(`${one.name} is back ${Math.round(performance.now() - ready)} ms after the server was`);
    }),
  );
  const back = Math.round(performance.now() - ready);
  assert.ok(back <= BACK_WITHIN, `back after ${back} ms`);
  assert.equal(await sameCode(people), code, 'the same group in the same epoch: nobody was admitted again');

  const third = await inChromium(stage, { ...chris, ...LEAN });
  await third.arrive(links.guest);
  await third.join();
  await host.admit(third.name);
  await everyoneReceives([...people, third]);
  const withThird = await sameCode([...people, third]);
  assert.notEqual(withThird, code);

  await guest.leave();
  await guest.over();
  const rest = [...people.filter((one) => one !== guest), third];
  await Promise.all(rest.map((one) => one.untilGone(guest.name)));
  await until('a new epoch', async () => (await host.callCode()) !== withThird);
  await sameCode(rest);
});

/** @param {import('./harness/person.mjs').Person[]} people */
function sameCode(people) {
  return until('everyone to have the same call code', async () => {
    const [first, ...others] = await Promise.all(people.map((one) => one.callCode()));
    return first && first.length === 8 && others.every((code) => code === first) ? first : '';
  });
}
