// A call, in either browser, talks to nobody but its own server (as no page does: Stage), breaks none of its own rules, and leaves no key behind.

import assert from 'node:assert/strict';
import test from 'node:test';
import { anna, fatma } from './harness/cast.mjs';
import { gather, inChromium, inFirefox } from './harness/gather.mjs';
import { Server } from './harness/server.mjs';
import { Stage } from './harness/stage.mjs';

test('a call contacts its own origin alone and leaves no key behind', async (t) => {
  const stage = new Stage(t);
  const server = await Server.start(stage);
  const links = await server.room();
  const people = await Promise.all([inChromium(stage, anna), inFirefox(stage, fatma)]);
  const [host, guest] = people;
  await gather(links, people);
  await host.startSharing();
  await host.stopSharing();
  for (const { tab, name } of people) {
    assert.equal(new URL(await tab.run(() => location.href)).hash, '', `the link's secret left the address bar of ${name}`);
    const peers = await tab.run(() => /** @type {any} */ (window).probe.peers());
    assert.deepEqual([...new Set(peers)], [server.media], `${name}'s media goes to the server alone`);
  }
  await guest.leave();
  await host.end();
  await Promise.all(people.map((one) => one.over()));

  const [, secret = '', hostKey = ''] = /#([^.]+)\.(.+)$/.exec(links.host) ?? [];
  for (const { tab, name } of people) {
    const origins = new Set(tab.requests.map((url) => new URL(url)).map(({ protocol, host: at }) => `${protocol}//${at}`));
    // Firefox's driver tells of no socket; one to elsewhere would be a violation.
    const sockets = tab.family === 'chromium' ? [`wss://localhost:${server.port}`] : [];
    assert.deepEqual([...origins].sort(), [`https://localhost:${server.port}`, ...sockets], `${name} contacted others`);
    assert.deepEqual(await tab.run(() => /** @type {any} */ (window).probe.violations), [], `${name}: content security policy`);
    assert.deepEqual(tab.problems, [], `${name}: errors on the console`);
    // What stands behind a # is not sent; Firefox's driver tells of it all the same.
    for (const url of tab.requests.map((one) => one.replace(/#.*/, ''))) assert.ok(!url.includes(secret) && !url.includes(hostKey), `${name} sent the link's secret: ${url}`);

    const kept = await tab.run(async () => ({
      local: { ...localStorage },
      session: { ...sessionStorage },
      databases: (await indexedDB.databases()).map((one) => one.name),
      caches: await caches.keys(),
      cookies: document.cookie,
      address: location.href,
      history: history.state,
    }));
    assert.deepEqual(Object.keys(kept.local), ['conclave.preferences'], `${name} keeps`);
    assert.deepEqual([kept.session, kept.databases, kept.caches, kept.cookies], [{}, [], [], ''], `${name} keeps`);
    const text = JSON.stringify(kept);
    assert.ok(!text.includes(secret) && !text.includes(hostKey), `${name} keeps the link's secret`);
  }
});
