// What opening and sealing frames costs in a browser's worker: our module (wasm) against
// WebCrypto, on frames of the same lengths.
//
//   scripts/web && node bench/browser/sframe.mjs [chromium|firefox]...
//
// Processor time is that of all of the browser's processes: WebCrypto works beside the worker.

import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const from = createRequire(new URL('../../tests/browser/package.json', import.meta.url));
const ROUNDS = 5;
const CALLS = [
  { streams: 1, kind: 'camera' },
  { streams: 9, kind: 'camera' },
  { streams: 25, kind: 'camera' },
  { streams: 25, kind: 'microphone' },
];
/** In which /proc counts processor time. */
const TICKS_A_SECOND = 100;

const FILES = new Map([
  ['/', ['text/html', '<!doctype html><meta charset="utf-8"><title>bench</title><script type="module" src="/page.mjs"></script>']],
  ['/page.mjs', ['text/javascript', readFileSync(new URL('page.mjs', import.meta.url))]],
  ['/worker.mjs', ['text/javascript', readFileSync(new URL('worker.mjs', import.meta.url))]],
  ...['.js', '_bg.wasm'].map((end) => {
    const name = `conclave_e2ee_wasm${end}`;
    const type = end === '.js' ? 'text/javascript' : 'application/wasm';
    return [`/${name}`, [type, readFileSync(new URL(`../../web/src/e2ee/pkg/${name}`, import.meta.url))]];
  }),
]);

/** Each program's name and how to open a page in it. */
const BROWSERS = {
  async chromium(url) {
    const { chromium } = from('playwright-core');
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    const server = await chromium.launchServer({ executablePath, args: ['--headless=new', '--no-sandbox', '--disable-gpu'] });
    const browser = await chromium.connect(server.wsEndpoint());
    const page = await browser.newPage();
    await page.goto(url);
    return { page, pid: server.process().pid, version: browser.version(), close: () => server.close() };
  },
  async firefox(url) {
    const { default: puppeteer } = await import(from.resolve('puppeteer-core'));
    const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
    const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
    const page = await browser.newPage();
    await page.goto(url);
    return { page, pid: browser.process().pid, version: await browser.version(), close: () => browser.close() };
  },
};

/** Processor time of a process and all its descendants, ms. */
function processorTime(root) {
  const parents = new Map();
  const times = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const fields = readFileSync(`/proc/${entry}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
      parents.set(Number(entry), Number(fields[1]));
      times.set(Number(entry), ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_A_SECOND);
    } catch {
      // It ended meanwhile.
    }
  }
  const below = (pid) => pid === root || (pid > 1 && parents.has(pid) && below(parents.get(pid)));
  return [...times].filter(([pid]) => below(pid)).reduce((sum, [, time]) => sum + time, 0);
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function measure(name, url) {
  const { page, pid, version, close } = await BROWSERS[name](url);
  try {
    console.log(`\n${name} ${version}; medians of ${ROUNDS} interleaved rounds`);
    console.log('| streams | frames/s | | by | processor time, ms a second of media | share of a core | worker ms a frame | WebCrypto = 1 |');
    console.log('|--:|--:|---|---|--:|--:|--:|--:|');
    for (const call of CALLS) {
      const { seconds, frames, ways } = await page.evaluate((c) => window.prepare(c), call);
      const samples = new Map(ways.map((way) => [way, []]));
      for (let round = 0; round <= ROUNDS; round += 1) {
        for (const way of ways) {
          if (way.startsWith('open')) await page.evaluate(() => window.load());
          const before = processorTime(pid);
          const took = await page.evaluate((w) => window.run(w), way);
          const spent = processorTime(pid) - before;
          if (round > 0) samples.get(way).push({ took, spent });
        }
      }
      for (const what of ['open', 'seal']) {
        const spent = (by) => median(samples.get(`${what} ${by}`).map((sample) => sample.spent)) / seconds;
        for (const by of ['wasm', 'WebCrypto']) {
          const took = median(samples.get(`${what} ${by}`).map((sample) => sample.took)) / frames;
          const share = (spent(by) / 10).toFixed(2);
          const ratio = (spent(by) / spent('WebCrypto')).toFixed(2);
          console.log(`| ${call.streams} × ${call.kind} | ${frames / seconds} | ${what} | ${by} | ${spent(by).toFixed(2)} | ${share} % | ${took.toFixed(3)} | ${ratio} |`);
        }
      }
    }
  } finally {
    await close();
  }
}

const server = createServer((request, response) => {
  const [type, body] = FILES.get(request.url ?? '') ?? [null, null];
  response.writeHead(type === null ? 404 : 200, { 'content-type': type ?? 'text/plain' });
  response.end(body ?? '');
});
await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)));
const address = server.address();
const named = process.argv.slice(2);
for (const name of named.length > 0 ? named : Object.keys(BROWSERS)) {
  // Localhost counts as secure, which WebCrypto asks for.
  await measure(name, `http://127.0.0.1:${address.port}/`);
}
server.close();
