// A real OpenID Connect provider (oidc-provider), on a free loopback port, with its own pages for login and consent.

import Provider from 'oidc-provider';

export const CLIENT = 'conclave';
export const SECRET = 'a secret that the provider gave us';

/** @typedef {{name: string, login: string, groups: string[]}} Claims */

export class RealProvider {
  /**
   * @param {import('./stage.mjs').Stage} stage
   * @param {string} redirect  where it may send browsers back to
   */
  static async start(stage, redirect) {
    const provider = new RealProvider();
    await provider.listen(redirect);
    stage.keep(provider);
    stage.hosts.add(new URL(provider.issuer).host);
    // Its pages, which are none of ours, ask for a font there.
    for (const host of ['fonts.googleapis.com', 'fonts.gstatic.com']) stage.hosts.add(host);
    return provider;
  }

  constructor() {
    /** What it says of its people, by what it calls them. @type {Map<string, Claims>} */
    this.people = new Map();
    this.issuer = '';
    /** @type {import('node:http').Server | undefined} */
    this.server = undefined;
  }

  /** @param {string} redirect */
  async listen(redirect) {
    // The issuer is its address, which is known once it listens.
    const { createServer } = await import('node:http');
    /** @type {((request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void) | undefined} */
    let answer;
    const server = createServer((request, response) => answer?.(request, response));
    await new Promise((done) => server.listen(0, '127.0.0.1', () => done(undefined)));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    this.server = server;
    this.issuer = `http://127.0.0.1:${address.port}`;
    const provider = new Provider(this.issuer, {
      clients: [{ client_id: CLIENT, client_secret: SECRET, redirect_uris: [redirect] }],
      claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'] },
      cookies: { keys: ['a key of this test alone'] },
      findAccount: (_, sub) => {
        const known = this.people.get(sub);
        if (known === undefined) return undefined;
        const { name, login, groups } = known;
        return { accountId: sub, claims: () => ({ sub, name, preferred_username: login, groups }) };
      },
    });
    answer = provider.callback();
  }

  /** Ends what its pages remember of a browser. @param {import('./tab.mjs').Tab} tab */
  async sessionsEnd(tab) {
    await tab.open(`${this.issuer}/session/end`);
    await tab.until('the question', () => document.querySelector('button[name="logout"]') !== null);
    await tab.run(() => void setTimeout(() => /** @type {HTMLElement | null} */ (document.querySelector('button[name="logout"]'))?.click()));
    await tab.until('the end', () => location.pathname.endsWith('/success'));
  }

  async close() {
    this.server?.closeAllConnections();
    await new Promise((done) => this.server?.close(done));
  }
}
