// What lies over what on a page, as somebody sees it.

/**
 * Which parts of a page lie over which others, by how much, in words; each as far as it is to be seen.
 *
 * @param {import('./tab.mjs').Tab} tab
 * @param {string} upper  CSS
 * @param {string} lower  CSS
 * @returns {Promise<string[]>}
 */
export const overlaps = (tab, upper, lower) =>
  tab.run(([above, below]) => {
    /** The part of an element that no scrolling box hides. @param {Element} element */
    const seen = (element) => {
      let { left, top, right, bottom } = element.getBoundingClientRect();
      for (let box = element.parentElement; box !== null; box = box.parentElement) {
        if (getComputedStyle(box).overflow === 'visible') continue;
        const edge = box.getBoundingClientRect();
        [left, top, right, bottom] = [Math.max(left, edge.left), Math.max(top, edge.top), Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
      }
      return { left: Math.max(left, 0), top: Math.max(top, 0), right: Math.min(right, innerWidth), bottom: Math.min(bottom, innerHeight) };
    };
    const shown = (/** @type {string} */ selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
    const name = (/** @type {Element} */ element) => element.getAttribute('data-testid') ?? element.getAttribute('aria-label') ?? element.textContent?.trim() ?? '';
    return shown(above ?? '').flatMap((one) =>
      shown(below ?? '').flatMap((other) => {
        if (one.contains(other) || other.contains(one)) return [];
        const [a, b] = [seen(one), seen(other)];
        const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        return width > 1 && height > 1 ? [`“${name(one)}” over “${name(other)}” by ${Math.round(width)} × ${Math.round(height)}`] : [];
      }),
    );
  }, [upper, lower]);

/** Whatever can be pressed or filled in. */
export const CONTROLS = 'button, a[href], input, select, textarea, summary';
