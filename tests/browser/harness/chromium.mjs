// Chromium, one process for each page: the files of the fake devices are the process's.

import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { film, tune } from './fake-media.mjs';
import * as counts from './frame-count.mjs';
import * as frames from './frame-spy.mjs';
import { installProbe, remember } from './probe.mjs';
import { which } from './programs.mjs';
import { installScreen } from './screen-text.mjs';
import { Tab } from './tab.mjs';
import { PATIENCE } from './until.mjs';

const AS_USER = fileURLToPath(new URL('chromium-as-user', import.meta.url));
/** Frames a second of a slow film. */
const SLOW = 6;

/**
 * @typedef {object} Options
 * @property {string} name  who sits before it
 * @property {number} tone  hertz
 * @property {import('./fake-media.mjs').Colour} colour
 * @property {string} [video]  the file of a film, in the place of one of the colour
 * @property {string} [language]
 * @property {{width: number, height: number}} [size]
 * @property {{width: number, height: number}} [camera]  what the fake camera gives
 * @property {boolean} [touch]  a telephone's screen
 * @property {string} [userAgent]  what it says it is
 * @property {Record<string, unknown>} [preferences]  what the client remembers from an earlier visit
 * @property {boolean} [motion]  does not ask for less of it; whatever moves makes pictures differ
 * @property {string[]} [text]  what the shared screen shows, in the place of the browser's own
 * @property {boolean} [spy]  collect every encoded frame before and after encryption
 * @property {boolean} [count]  count the frames that are sealed and opened
 * @property {RegExp} [spoil]  something harmless is added to the files with these addresses on the way
 * @property {boolean} [lean]  one of many on a small machine: a slow film, sound as it comes from the microphone, no priority
 * @property {boolean} [raw]  sits at a computer that is fast enough for raw video
 * @property {Lie} [lie]  what a server that lies makes of what it and the page say to each other
 * @property {import('./authenticator.mjs').Authenticator} [authenticator]  with what they log in
 * @property {string[]} [flags]
 * @property {Record<string, string>} [env]
 */

/**
 * Takes what was said to the one named, and gives what is passed on instead. It may take its time: what is said to the
 * same one afterwards waits.
 *
 * @typedef {'server' | 'page'} Hearer
 * @typedef {{to: Hearer, frame: any}[]} Said
 * @typedef {(to: Hearer, frame: any) => Said | Promise<Said>} Lie
 */

/**
 * @param {import('./stage.mjs').Stage} stage
 * @param {Options} options
 */
export async function openChromium(stage, options) {
  const { name, tone, colour, language = 'en-GB', size = { width: 1280, height: 800 }, touch = false } = options;
  const program = which('CHROMIUM', 'chromium', 'chromium-browser', 'google-chrome');
  const browser = await chromium.launch({
    executablePath: options.lean ? AS_USER : program,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-gpu',
      '--disable-renderer-backgrounding',
      '--allow-loopback-in-peer-connection',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-video-capture=${options.video ?? film(stage.folder, colour, options.camera, options.lean ? SLOW : undefined)}`,
      `--use-file-for-fake-audio-capture=${tune(stage.folder, tone)}`,
      ...(options.flags ?? []),
    ],
    env: {
      .../** @type {Record<string, string>} */ (process.env),
      ...options.env,
      CHROMIUM: program,
    },
  });
  stage.keep({ close: () => browser.close() });
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    locale: language,
    userAgent: options.userAgent,
    viewport: size,
    hasTouch: touch,
    isMobile: touch,
    reducedMotion: options.motion ? 'no-preference' : 'reduce',
  });
  context.setDefaultTimeout(PATIENCE);
  await context.addInitScript(installProbe);
  await context.addInitScript(remember, options.preferences ?? {});
  if (options.text) await context.addInitScript(installScreen, options.text);
  if (options.spy) {
    await context.addInitScript(frames.collectFrames, frames.channel);
    await intoWorker(context, frames.spyScript);
  }
  if (options.count) {
    await context.addInitScript(counts.collectCounts, counts.channel);
    await intoWorker(context, counts.countScript);
  }
  if (options.spoil) await spoil(context, options.spoil);
  if (options.lie) await lieOnSocket(context, options.lie);
  await context.addInitScript(computer, options.raw ? 8 : 2);
  if (options.lean) await context.addInitScript(plainSound);
  const page = await context.newPage();
  await options.authenticator?.plug(context, page);
  /** @type {{problems: string[], requests: string[]}} */
  const seen = { problems: [], requests: [] };
  stage.requests.set(`${name} in Chromium`, seen.requests);
  page.on('console', (message) => {
    if (message.type() === 'error') seen.problems.push(message.text());
  });
  page.on('pageerror', (error) => seen.problems.push(error.stack ?? error.message));
  context.on('request', (request) => seen.requests.push(request.url()));
  page.on('websocket', (socket) => seen.requests.push(socket.url()));
  return new Tab(
    name,
    tone,
    'chromium',
    {
      open: (url) => page.goto(url),
      run: (fn, arg) => page.evaluate(/** @type {any} */ (fn), arg),
      click: (selector) => page.locator(selector).first().click(),
      fill: (selector, text) => page.locator(selector).fill(text),
      press: (key) => page.keyboard.press(key),
      type: (text) => page.keyboard.type(text),
      shot: (path) => page.screenshot({ path }),
      inject: (source) => page.evaluate(source),
      resize: (width, height) => page.setViewportSize({ width, height }),
      close: () => browser.close(),
    },
    seen,
  );
}

/** Puts a script in front of the worker's own. @param {import('playwright-core').BrowserContext} context @param {string} script */
async function intoWorker(context, script) {
  await context.route(/\/assets\/worker[^/]*\.js$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: script + (await response.text()) });
  });
}

/**
 * The page's socket passes through a lie.
 *
 * @param {import('playwright-core').BrowserContext} context
 * @param {Lie} lie
 */
async function lieOnSocket(context, lie) {
  await context.routeWebSocket(/\/socket$/, (page) => {
    const server = page.connectToServer();
    const pass = (/** @type {Hearer} */ to) => {
      let before = Promise.resolve();
      return (/** @type {string | Buffer} */ message) => {
        before = before.then(async () => {
          for (const said of await lie(to, JSON.parse(String(message)))) {
            (said.to === 'page' ? page : server).send(JSON.stringify(said.frame));
          }
        });
      };
    };
    page.onMessage(pass('server'));
    server.onMessage(pass('page'));
  });
}

/**
 * What changes a file and leaves it valid, so that nothing but its hash can tell: a blank line, and in a module of
 * WebAssembly a custom section called `a`.
 */
const HARMLESS = { text: Buffer.from('\n'), wasm: Buffer.from([0, 2, 1, 0x61]) };

/**
 * To every file with that address something is added on its way.
 *
 * @param {import('playwright-core').BrowserContext} context
 * @param {RegExp} address
 */
async function spoil(context, address) {
  await context.route(address, async (route) => {
    const response = await route.fetch();
    const added = route.request().url().endsWith('.wasm') ? HARMLESS.wasm : HARMLESS.text;
    await route.fulfill({ response, body: Buffer.concat([await response.body(), added]) });
  });
}

/** Runs in the page: so many processors, whatever the machine has. @param {number} processors */
function computer(processors) {
  Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => processors });
}

/** The microphone's sound is not processed: a tone needs no echo canceller. Must stand alone. */
function plainSound() {
  const open = MediaDevices.prototype.getUserMedia;
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  MediaDevices.prototype.getUserMedia = function (constraints = {}) {
    const { audio } = constraints;
    return open.call(this, audio instanceof Object ? { ...constraints, audio: { ...audio, ...plain } } : constraints);
  };
}
