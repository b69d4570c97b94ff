// Puts people into a call.

import { openChromium } from './chromium.mjs';
import { openFirefox } from './firefox.mjs';
import { Person } from './person.mjs';

/** @typedef {{host: string, guest: string}} Links */

/** Data saver: small pictures, for several browsers share a small machine. */
export const preferences = { quality: 'saver' };

/** One of three and more browsers on a small machine. To paint costs them more than anything else they do here. */
export const LEAN = { lean: true, size: { width: 640, height: 400 } };

/**
 * @param {import('./stage.mjs').Stage} stage
 * @param {import('./chromium.mjs').Options} who
 */
export async function inChromium(stage, who) {
  return new Person(await openChromium(stage, { preferences, ...who }));
}

/**
 * @param {import('./stage.mjs').Stage} stage
 * @param {import('./firefox.mjs').Options} who
 */
export async function inFirefox(stage, who) {
  return new Person(await openFirefox(stage, { preferences, ...who }));
}

/**
 * The first person starts the call, the others knock and are admitted one after another.
 *
 * @param {Links} links
 * @param {Person[]} people
 */
export async function gather(links, [host, ...guests]) {
  if (!host) throw new Error('nobody came');
  await Promise.all([host.arrive(links.host), ...guests.map((guest) => guest.arrive(links.guest))]);
  await host.join();
  await host.inCall();
  for (const guest of guests) {
    await guest.join();
    await host.admit(guest.name);
    await guest.inCall();
  }
  await everyoneReceives([host, ...guests]);
}

/** @param {Person[]} people @param {number} [within] */
export async function everyoneReceives(people, within) {
  await Promise.all(
    people.map((one) =>
      one.untilReceives(
        people.filter((other) => other !== one).map(({ name }) => name),
        within,
      ),
    ),
  );
}
