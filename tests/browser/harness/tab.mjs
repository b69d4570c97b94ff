// A page, the same face for Chromium under Playwright and for Firefox under Puppeteer.

import { join } from 'node:path';
import { PATIENCE, until } from './until.mjs';

/**
 * What a driver must be able to do.
 *
 * @typedef {object} Driver
 * @property {(url: string) => Promise<unknown>} open
 * @property {(fn: Function, arg: unknown) => Promise<any>} run
 * @property {(selector: string) => Promise<unknown>} click
 * @property {(selector: string, text: string) => Promise<unknown>} fill
 * @property {(key: string) => Promise<unknown>} press
 * @property {(text: string) => Promise<unknown>} type
 * @property {(file: string) => Promise<unknown>} shot
 * @property {(source: string) => Promise<unknown>} inject  runs a script's text in the page
 * @property {(width: number, height: number) => Promise<unknown>} resize
 * @property {() => Promise<unknown>} close
 */

/** More stops than any page of ours has. */
const MOST_STOPS = 60;

/** @param {string} id */
export const byId = (id) => `[data-testid="${id}"]`;

/** A page that goes to another address answers nothing yet. @param {unknown} error @returns {undefined} */
function onItsWay(error) {
  if (error instanceof Error && /context was destroyed|because of a navigation/.test(error.message)) return undefined;
  throw error;
}

/**
 * In the page: where the Tab key has stopped, and why that cannot be seen, if it cannot. Must stand alone.
 *
 * @param {string} wanted  CSS
 */
function stop(wanted) {
  const focused = document.activeElement;
  // Between the page's end and its beginning.
  if (focused === null || focused === document.body) return { there: false, what: 'nothing', unseen: null };
  const { outlineStyle, outlineWidth } = getComputedStyle(focused);
  const { left, top, width, height } = focused.getBoundingClientRect();
  // Its middle or one of its corners lies under nothing else.
  const uncovered = [[0.5, 0.5], [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]].some(([x = 0, y = 0]) =>
    focused.contains(document.elementFromPoint(left + x * width, top + y * height)),
  );
  const unseen =
    outlineStyle === 'none' || Number.parseFloat(outlineWidth) < 2
      ? 'without an outline'
      : !focused.checkVisibility({ opacityProperty: true, visibilityProperty: true })
        ? 'transparent'
        : uncovered ? null : 'out of sight';
  return { there: focused.matches(wanted), what: focused.outerHTML.slice(0, 200), unseen };
}

export class Tab {
  /**
   * @param {string} name  who sits before it
   * @param {number} tone  hertz, what its microphone hears
   * @param {string} family  `chromium` or `firefox`
   * @param {Driver} driver
   * @param {{problems: string[], requests: string[]}} seen  filled by the driver
   */
  constructor(name, tone, family, driver, seen) {
    this.name = name;
    this.tone = tone;
    this.family = family;
    this.driver = driver;
    /** Console errors and uncaught exceptions. */
    this.problems = seen.problems;
    /** The address of every request and, in Chromium, socket. */
    this.requests = seen.requests;
    this.closed = false;
  }

  /** @param {string} url */
  open(url) {
    return this.driver.open(url);
  }

  /**
   * Runs a function in the page; it must stand alone.
   *
   * @template A, R
   * @param {(arg: A) => R} fn
   * @param {A} [arg]
   * @returns {Promise<Awaited<R>>}
   */
  run(fn, arg) {
    return this.driver.run(fn, arg);
  }

  /**
   * Waits until a function in the page answers something truthy.
   *
   * @template A, R
   * @param {string} what
   * @param {(arg: A) => R} fn
   * @param {A} [arg]
   * @param {number} [within]  milliseconds
   */
  until(what, fn, arg, within = PATIENCE) {
    return until(`${what} (${this.name})`, () => this.run(fn, /** @type {A} */ (arg)).catch(onItsWay), {
      within,
      explain: async () => ({ problems: this.problems, text: await this.text() }),
    });
  }

  /** What a reader of the page sees. */
  text() {
    return this.run(() => document.body.innerText.slice(0, 2000));
  }

  /** Whether something with this test id is there and visible. @param {string} id */
  shows(id) {
    return this.run((selector) => [...document.querySelectorAll(selector)].some((found) => found.checkVisibility()), byId(id));
  }

  /** @param {string} id @param {number} [within] */
  untilShown(id, within) {
    return this.until(
      `“${id}” to be shown`,
      (selector) => [...document.querySelectorAll(selector)].some((found) => found.checkVisibility()),
      byId(id),
      within,
    );
  }

  /** @param {string} id @param {number} [within] */
  untilHidden(id, within) {
    return this.until(
      `“${id}” to be gone`,
      (selector) => ![...document.querySelectorAll(selector)].some((found) => found.checkVisibility()),
      byId(id),
      within,
    );
  }

  /**
   * What this page has asked the devices for since it was opened, and how many of what it got are open.
   *
   * @returns {Promise<{asked: ('audio' | 'video' | 'screen')[], open: number}>}
   */
  devices() {
    return this.run(() => /** @type {any} */ (window).probe.devices());
  }

  /** Waits until the page stands there: `pre-join`, `entering`, `waiting`, `call`, `over`. @param {string} phase @param {number} [within] */
  untilPhase(phase, within) {
    return this.until(`the phase “${phase}”`, (selector) => document.querySelector(selector) !== null, `[data-phase="${phase}"]`, within);
  }

  /** @param {string} id  a test id */
  click(id) {
    return this.driver.click(byId(id));
  }

  /** @param {string} selector  CSS */
  clickOn(selector) {
    return this.driver.click(selector);
  }

  /** @param {string} id @param {string} text */
  fill(id, text) {
    return this.driver.fill(byId(id), text);
  }

  /** @param {string} key  as KeyboardEvent.key */
  press(key) {
    return this.driver.press(key);
  }

  /** Types into whatever has the focus. @param {string} text */
  type(text) {
    return this.driver.type(text);
  }

  /**
   * Goes with the Tab key to what has the test id; with `Shift+Tab` to what is before. Wherever it stops on the way is
   * to be seen. A Firefox without windows has no address bar between the page's end and its beginning, and goes round
   * from where the focus was set last.
   *
   * @param {string} id
   * @param {'Tab' | 'Shift+Tab'} [key]
   */
  reach(id, key = 'Tab') {
    return this.reachOn(byId(id), key);
  }

  /** The same for what a selector of CSS names. @param {string} selector @param {'Tab' | 'Shift+Tab'} [key] */
  async reachOn(selector, key = 'Tab') {
    /** @type {string[]} */
    const passed = [];
    for (let press = 0; press < MOST_STOPS; press += 1) {
      await this.press(key);
      const { there, what, unseen } = await this.run(stop, selector);
      if (unseen !== null) throw new Error(`where the focus of ${this.name} is cannot be seen, ${unseen}: ${what}`);
      if (there) return;
      passed.push(what);
    }
    throw new Error(`${this.name} cannot reach ${selector} with the keyboard; the stops were\n${passed.join('\n')}`);
  }

  /** Waits until something has the focus: after a page has changed, too, it is on its heading or what is to be done. */
  untilFocused() {
    return this.until('something to have the focus', () => document.activeElement !== null && document.activeElement !== document.body);
  }

  /** @param {string} source  a script's text */
  inject(source) {
    return this.driver.inject(source);
  }

  /** @param {number} width @param {number} height */
  resize(width, height) {
    return this.driver.resize(width, height);
  }

  /** @param {string} folder @param {string} name */
  shot(folder, name) {
    return this.driver.shot(join(folder, `${name}.png`));
  }

  async close() {
    if (this.closed) return;
    this.closed = true;
    await this.driver.close();
  }
}
