// Where no UDP gets through, Chromium and Firefox are in the call over TCP, on the port of HTTPS.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, fatma, tones } from './harness/cast.mjs';
import { LEAN, inChromium, inFirefox } from './harness/gather.mjs';
import { Server, withoutUdp } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';
import { until } from './harness/until.mjs';

/** Milliseconds from the click on Admit until the newcomer gets sound. */
const LIMIT = 5000;
/** A tone is there if it is so much louder than every other. */
const CLEARLY = 5;

test('who cannot use UDP hears and is heard within five seconds', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage, withoutUdp);
  const links = await server.room();
  const [host, ...guests] = await Promise.all([inChromium(stage, { ...anna, ...LEAN }), inChromium(stage, { ...ben, ...LEAN }), inFirefox(stage, { ...fatma, ...LEAN })]);
  await Promise.all([host.arrive(links.host), ...guests.map((guest) => guest.arrive(links.guest))]);
  await host.join();
  await host.inCall();
  const here = [host];
  const times = [];
  for (const guest of guests) {
    await guest.join();
    const admitted = await host.admit(guest.name);
    await Promise.all([
      guest.untilReceives(
        here.map(({ name }) => name),
        4 * LIMIT,
      ),
      ...here.map((one) => one.untilReceives([guest.name], 4 * LIMIT)),
    ]);
    times.push({ who: guest.name, took: Date.now() - admitted });
    here.push(guest);
  }
  for (const { who, took } of times) stage.say(`${String(took).padStart(5)} ms after admission: ${who} and the others receive each other`);
  for (const one of here) {
    for (const other of here.filter((other) => other !== one)) {
      await until(`${one.name} to hear ${other.tone} Hz from ${other.name}`, async () => {
        const heard = await one.hears(other.name, tones);
        const own = heard[tones.indexOf(other.tone)] ?? 0;
        return heard.every((loudness, index) => tones[index] === other.tone || own > CLEARLY * loudness);
      });
    }
  }
  const opened = /kind="streams-opened"\} (\d+)/.exec(await server.metrics())?.[1];
  assert.ok(Number(opened) >= here.length, `${opened} connections over TCP`);
  assert.deepEqual(
    times.filter(({ took }) => took > LIMIT),
    [],
    `later than ${LIMIT} ms`,
  );
});
