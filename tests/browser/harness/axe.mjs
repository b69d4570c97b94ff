// What axe-core finds on a page.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Worse than these may not be. */
const TOLERATED = ['minor', 'moderate'];

/**
 * The serious and critical findings of the page as it stands, in words.
 *
 * @param {import('./tab.mjs').Tab} tab
 * @returns {Promise<string[]>}
 */
export async function barriers(tab) {
  if (!(await tab.run(() => 'axe' in window))) await tab.inject(source);
  const violations = await tab.run(async () => (await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'] })).violations);
  return violations
    .filter((/** @type {any} */ { impact }) => !TOLERATED.includes(impact))
    .map((/** @type {any} */ { id, help, nodes }) => `${id}: ${help}: ${nodes.map((/** @type {any} */ node) => node.html).join(' ')}`);
}
