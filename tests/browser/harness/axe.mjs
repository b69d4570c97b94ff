// What axe-core finds on a page.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What may not fail, however small its impact: WCAG 2.2 AA (the size of targets axe checks only if told to), and axe's advice. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * The findings on the page as it stands, in words.
 *
 * @param {import('./tab.mjs').Tab} tab
 * @returns {Promise<string[]>}
 */
export async function barriers(tab) {
  if (!(await tab.run(() => 'axe' in window))) await tab.inject(source);
  const violations = await tab.run(
    async (tags) => (await /** @type {any} */ (window).axe.run(document, { runOnly: tags, resultTypes: ['violations'] })).violations,
    TAGS,
  );
  return violations.map(
    (/** @type {any} */ { id, help, nodes }) => `${id}: ${help}: ${nodes.map((/** @type {any} */ node) => node.html).join(' ')}`,
  );
}
