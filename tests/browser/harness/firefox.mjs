// Firefox over WebDriver BiDi. Its fake camera changes colour all the time; its fake microphone
// hums at a frequency that can be set.

import puppeteer from 'puppeteer-core';
import { installProbe, remember } from './probe.mjs';
import { which } from './programs.mjs';
import { Tab } from './tab.mjs';

/**
 * @typedef {object} Options
 * @property {string} name  who sits before it
 * @property {number} tone  hertz
 * @property {string} [language]
 * @property {{width: number, height: number}} [size]
 * @property {Record<string, unknown>} [preferences]  what the client remembers from an earlier visit
 */

/**
 * @param {import('./stage.mjs').Stage} stage
 * @param {Options} options
 */
export async function openFirefox(stage, options) {
  const { name, tone, language = 'en-GB', size = { width: 1280, height: 800 } } = options;
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: which('FIREFOX', 'firefox-esr', 'firefox'),
    headless: true,
    acceptInsecureCerts: true,
    defaultViewport: size,
    extraPrefsFirefox: {
      'intl.accept_languages': language,
      'media.navigator.streams.fake': true,
      'media.navigator.audio.fake_frequency': tone,
      'media.navigator.permission.disabled': true,
      'media.peerconnection.ice.loopback': true,
      'media.autoplay.default': 0,
      // Nothing may open pages or ask the network for anything of its own.
      'browser.startup.homepage_override.mstone': 'ignore',
      'datareporting.policy.dataSubmissionEnabled': false,
      'app.normandy.enabled': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
    },
  });
  stage.keep({ close: () => browser.close() });
  const page = await browser.newPage();
  /** @type {{problems: string[], requests: string[]}} */
  const seen = { problems: [], requests: [] };
  stage.requests.set(`${name} in Firefox`, seen.requests);
  page.on('console', (message) => {
    if (message.type() === 'error') seen.problems.push(message.text());
  });
  page.on('pageerror', (error) => seen.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error)));
  page.on('request', (request) => seen.requests.push(request.url()));
  await page.evaluateOnNewDocument(installProbe);
  await page.evaluateOnNewDocument(remember, options.preferences ?? {});
  return new Tab(
    name,
    tone,
    'firefox',
    {
      open: (url) => page.goto(url),
      run: (fn, arg) => page.evaluate(/** @type {any} */ (fn), arg),
      click: (selector) => page.locator(selector).click(),
      fill: (selector, text) => page.locator(selector).fill(text),
      press: async (key) => {
        const back = key.startsWith('Shift+');
        if (back) await page.keyboard.down('Shift');
        await page.keyboard.press(/** @type {import('puppeteer-core').KeyInput} */ (key.replace('Shift+', '')));
        if (back) await page.keyboard.up('Shift');
      },
      type: (text) => page.keyboard.type(text),
      shot: (path) => page.screenshot({ path: /** @type {`${string}.png`} */ (path) }),
      inject: (source) => page.evaluate(source),
      resize: (width, height) => page.setViewport({ width, height }),
      close: () => browser.close(),
    },
    seen,
  );
}
