// What a screen reader says of its own accord: whatever comes into a live region.

/** Listens from now on, as long as the page is not left. @param {import('./tab.mjs').Tab} tab */
export async function listen(tab) {
  await tab.run(() => {
    /** @type {string[]} */
    const heard = [];
    Object.assign(window, { heard });
    new MutationObserver((changes) => {
      for (const { type, target, addedNodes } of changes) {
        // Of a text that changes all of it is new; of elements, those that were added.
        const news = type === 'characterData' ? [target] : [...addedNodes];
        const region = target instanceof Element ? target : target.parentElement;
        if (region?.closest('[aria-live="polite"], [aria-live="assertive"], [role="status"], [role="alert"]') === null) continue;
        heard.push(...news.map((node) => node.textContent?.trim() ?? '').filter((text) => text !== ''));
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}

/** What was said so far, in its order. @param {import('./tab.mjs').Tab} tab @returns {Promise<string[]>} */
export const heard = (tab) => tab.run(() => /** @type {any} */ (window).heard);

/** Waits until this was said so often. @param {import('./tab.mjs').Tab} tab @param {string} text @param {number} [times] */
export const hears = (tab, text, times = 1) =>
  tab.until(
    `“${text}” to be read out, ${times} times in all`,
    ([wanted, often]) => /** @type {any} */ (window).heard.filter((/** @type {string} */ said) => said === wanted).length === often,
    /** @type {[string, number]} */ ([text, times]),
  );
