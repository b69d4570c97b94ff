// Three Chromium pages, a Firefox page and a native participant in one room: three seconds after its
// admission each sees and hears every other, and they it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben, chris, fatma, nadia, tones } from './harness/cast.mjs';
import { LEAN, inChromium, inFirefox } from './harness/gather.mjs';
import { Native } from './harness/native.mjs';
import { Server } from './harness/server.mjs';
import { slowness } from './harness/speed.mjs';
import { Stage } from './harness/stage.mjs';
import { PATIENCE, until } from './harness/until.mjs';

/** Milliseconds from the click on Admit, on a machine of ordinary speed. */
const LIMIT = 3000;
/** How often the pages, which note by themselves when they play what, are asked for it: milliseconds. */
const SELDOM = 1000;
/** A tone is there if it is so much louder than every other. */
const CLEARLY = 5;

test('five participants see and hear each other three seconds after admission', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const [host, ...guests] = await Promise.all([
    inChromium(stage, { ...anna, ...LEAN }),
    inChromium(stage, { ...ben, ...LEAN }),
    inChromium(stage, { ...chris, ...LEAN }),
    inFirefox(stage, { ...fatma, ...LEAN }),
  ]);
  stage.say('browsers are up');
  const before = await slowness();
  await Promise.all([host.arrive(links.host), ...guests.map((guest) => guest.arrive(links.guest))]);
  await host.join();
  await host.inCall();

  const here = [host];
  /** @type {{who: string, took: number}[]} */
  const times = [];
  const note = (/** @type {string} */ who, /** @type {number} */ admitted, /** @type {Record<string, number>} */ firsts) => {
    for (const [what, at] of Object.entries(firsts)) times.push({ who: `${who} plays ${what}`, took: at - admitted });
  };
  for (const guest of guests) {
    await guest.join();
    const admitted = await host.admit(guest.name);
    const done = async (/** @type {import('./harness/person.mjs').Person} */ one, /** @type {string[]} */ names) => {
      note(one.name, admitted, await one.untilReceives(names, PATIENCE, SELDOM));
    };
    const names = here.map(({ name }) => name);
    await Promise.all([done(guest, names), ...here.map((one) => done(one, [guest.name]))]);
    here.push(guest);
  }

  const native = new Native(stage, server, links.guest, nadia);
  await native.until('waiting');
  const admitted = await host.admit(nadia.name);
  await Promise.all([
    ...here.map(async (one) => {
      const firsts = await one.untilReceives([nadia.name], PATIENCE, SELDOM).catch((error) => {
        throw new Error(`${error.message}\n${native.child.tail()}`);
      });
      note(one.name, admitted, firsts);
    }),
    (async () => {
      const first = () => native.events.filter(({ event, source }) => event === 'first-frame' && ['camera', 'microphone'].includes(source));
      await native.child.until('frames of everyone', () => first().length >= 2 * here.length, PATIENCE);
      times.push({ who: `${nadia.name} receives everyone`, took: Math.round(Math.max(...first().map(({ at }) => at)) - admitted) });
    })(),
  ]);
  for (const { event, at, from, source } of native.events) {
    if (!['admitted', 'media-connected', 'media-lost', 'first-frame', 'disconnected'].includes(event)) continue;
    stage.say(`${String(at - admitted).padStart(5)} ms after admission: ${nadia.name}: ${event} ${source ?? ''} ${from ?? ''}`);
  }
  for (const { who, took } of times) stage.say(`${String(took).padStart(5)} ms after admission: ${who}`);

  // Everyone hears everyone's own tone, and sees everyone's own colour.
  await Promise.all(
    here.map(async (one) => {
      for (const other of [...here, native]) {
        if (other.name === one.name) continue;
        const clearly = async () => {
          const heard = await one.hears(other.name, tones);
          const own = heard[tones.indexOf(other.tone)] ?? 0;
          return heard.every((loudness, index) => tones[index] === other.tone || own > CLEARLY * loudness);
        };
        await until(`${one.name} to hear ${other.tone} Hz from ${other.name}`, clearly, { within: PATIENCE });
      }
    }),
  );
  // Firefox measures no sound where there is no sound card.
  const measuring = here.filter(({ name }) => name !== fatma.name);
  await Promise.all(
    measuring.map((one) =>
      until(`${one.name} to see who speaks`, async () => (await one.speaking()).length === here.length + 1, {
        within: PATIENCE,
        explain: () => one.speaking(),
      }),
    ),
  );
  for (const { name, colour } of [anna, ben, chris]) {
    for (const one of here) {
      if (one.name === name) continue;
      const seen = await one.sees(name);
      assert.equal(seen && strongest(seen), colour.name, `${one.name} sees ${name} in ${JSON.stringify(seen)}`);
    }
  }
  for (const other of here) {
    await native.until('tone', ({ hz }) => Math.abs(hz - other.tone) <= 4);
  }
  const code = await host.callCode();
  for (const one of here) assert.equal(await one.callCode(), code, `${one.name} has the call's code`);

  // Each hop is sealed under the cheapest AEAD, whatever order a client names the profiles in.
  const agreed = (await server.metrics()).split('\n').filter((line) => line.includes('kind="agreed-'));
  assert.deepEqual(
    agreed.filter((line) => !line.endsWith(' 0')),
    [`conclave_media_events_total{kind="agreed-aead-short-key"} ${here.length + 1}`],
  );

  const report = await native.leave();
  assert.equal(report.ending, 'left');
  await Promise.all(here.map((one) => one.untilGone(nadia.name)));
  assert.deepEqual(report.remotes.map((/** @type {any} */ { name }) => name).sort(), here.map(({ name }) => name).sort());
  for (const { name, audio, camera } of report.remotes) {
    const tone = here.find((one) => one.name === name)?.tone ?? 0;
    assert.ok(Math.abs(audio.tone_hz - tone) <= 4, `${nadia.name} heard ${audio.tone_hz} Hz from ${name}, who has ${tone}`);
    assert.ok(camera.frames_opened > 10, `${nadia.name} got ${camera.frames_opened} pictures of ${name}`);
  }
  await Promise.all(here.map((one) => one.tab.close()));
  const limit = Math.round(LIMIT * Math.max(before, await slowness()));
  stage.say(`${limit} ms on this machine are ${LIMIT} on an ordinary one`);
  const late = times.filter(({ took }) => took > limit);
  assert.deepEqual(late, [], `later than ${limit} ms`);
});

/** @param {{red: number, green: number, blue: number}} colour */
function strongest(colour) {
  return Object.entries(colour).sort(([, one], [, other]) => other - one)[0]?.[0];
}
