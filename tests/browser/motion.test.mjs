// Whoever asks their system for less motion is shown none: before the call, in the waiting room and in the call
// nothing moves by itself, and nothing takes its time to change. Who does not ask is shown some on each of them.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, ben } from './harness/cast.mjs';
import { inChromium } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';

/** Nobody sees what is over after so many milliseconds. */
const UNSEEN = 1;

test('with less motion asked for, nothing moves', async (t) => {
  for (const { page, moving } of await pages(t, false)) assert.deepEqual(moving, [], page);
});

test('with no less motion asked for, something moves on each page', async (t) => {
  for (const { page, moving } of await pages(t, true)) assert.notDeepEqual(moving, [], page);
});

/** What moves on each page of a visit. @param {import('node:test').TestContext} t @param {boolean} motion */
async function pages(t, motion) {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const [host, guest] = await Promise.all([inChromium(stage, anna), inChromium(stage, { ...ben, motion })]);
  /** @type {{page: string, moving: string[]}[]} */
  const found = [];
  const look = async (/** @type {string} */ page) => found.push({ page, moving: await guest.tab.run(moving, UNSEEN) });

  await host.arrive(links.host);
  await host.join();
  await host.inCall();
  await guest.arrive(links.guest);
  await look('pre-join');
  await guest.join();
  await guest.tab.untilPhase('waiting');
  await look('waiting');
  await host.admit(guest.name);
  await guest.inCall();
  await look('call');
  return found;
}

/**
 * In the page: what moves, or would take longer than that to change, in words. Must stand alone.
 *
 * @param {number} unseen  milliseconds
 */
function moving(unseen) {
  const longest = (/** @type {string} */ durations) =>
    Math.max(...durations.split(',').map((duration) => (Number.parseFloat(duration) || 0) * (duration.trim().endsWith('ms') ? 1 : 1000)));
  const name = (/** @type {Element | null} */ element) => `${element?.tagName.toLowerCase()}.${element?.getAttribute('class')}`;
  const running = document.getAnimations().flatMap((animation) => {
    const { effect } = animation;
    const takes = Number(effect?.getComputedTiming().endTime ?? 0);
    return takes > unseen ? [`${name(/** @type {KeyframeEffect} */ (effect).target)} is animated`] : [];
  });
  const could = [...document.querySelectorAll('*')].flatMap((element) =>
    ['', '::before', '::after'].flatMap((part) => {
      const { transitionDuration, animationName, animationDuration, scrollBehavior } = getComputedStyle(element, part || null);
      return [
        longest(transitionDuration) > unseen ? [`${name(element)}${part} changes slowly`] : [],
        animationName !== 'none' && longest(animationDuration) > unseen ? [`${name(element)}${part} has an animation`] : [],
        scrollBehavior === 'smooth' ? [`${name(element)}${part} scrolls slowly`] : [],
      ].flat();
    }),
  );
  return [...running, ...could];
}
