// Pictures go out in packets that show nothing of them as long as every member takes that, in the
// format every browser takes as soon as one does not, and back. Nobody stops seeing anybody.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, fatma } from './harness/cast.mjs';
import { everyoneReceives, gather, inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

const RAW = 'video/AV1';
const COMMON = 'video/VP9';

test('a call is in the best format that all its members take', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const [host, guest] = await Promise.all([inChromium(stage, { ...anna, raw: true }), inChromium(stage, { ...ben, raw: true })]);
  await gather(links, [host, guest]);
  await allSend([host, guest], RAW);
  await picturesGoOn([host, guest]);

  const other = await inFirefox(stage, fatma);
  await other.arrive(links.guest);
  await other.join();
  await host.admit(other.name);
  await everyoneReceives([host, guest, other]);
  await allSend([host, guest, other], COMMON);
  await picturesGoOn([host, guest, other]);

  await other.leave();
  await host.untilGone(other.name);
  await allSend([host, guest], RAW);
  await picturesGoOn([host, guest]);
  for (const { name, tab } of [host, guest]) assert.deepEqual(tab.problems, [], `${name}'s page has no errors`);
});

/** @param {import('./harness/person.mjs').Person[]} people @param {string} format */
async function allSend(people, format) {
  for (const one of people) {
    const is = async () => (await one.formats()).every((sent) => sent === format) && (await one.formats()).length === 1;
    await until(`${one.name} to send ${format} alone`, is, { explain: () => one.formats() });
  }
}

/** @param {import('./harness/person.mjs').Person[]} people */
async function picturesGoOn(people) {
  const frames = async (/** @type {import('./harness/person.mjs').Person} */ one) =>
    new Map((await one.flows()).filter(({ source }) => source === 'camera').map(({ name, frames }) => [name, frames]));
  for (const one of people) {
    const before = await frames(one);
    assert.equal(before.size, people.length - 1, `${one.name} sees everyone`);
    for (const [name, seen] of before) {
      await until(`${one.name} to go on seeing ${name}`, async () => ((await frames(one)).get(name) ?? 0) > seen + 10, {
        explain: () => one.flows(),
      });
    }
  }
}
