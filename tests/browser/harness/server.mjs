// The server under test: the real binary, on free loopback ports, with a folder of its own.

import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.mjs';
import { root } from './stage.mjs';

/** The binary; cargo's tests have built it. */
export const conclave = process.env['CONCLAVE_BIN'] ?? join(root, 'target', 'debug', 'conclave');

/**
 * Where media is served. Firefox makes no candidate of the loopback interface and pairs no other with a
 * loopback address, whatever its preferences say; packets to an address of this machine do not leave it either.
 */
const mediaAddress =
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';

/** A port that is free for TCP and for UDP. @returns {Promise<number>} */
async function freePort() {
  for (;;) {
    const tcp = createServer();
    await new Promise((done, fail) => tcp.once('error', fail).listen(0, '127.0.0.1', () => done(undefined)));
    const address = tcp.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    const free = await new Promise((done) => {
      const udp = createSocket('udp4');
      udp.once('error', () => done(false)).bind(address.port, mediaAddress, () => udp.close(() => done(true)));
    });
    await new Promise((done) => tcp.close(done));
    if (free) return address.port;
  }
}

/**
 * Where media is served over UDP, where pages look for it, and where HTTPS is served, and with it media over TCP.
 *
 * @typedef {{media: string, announce: string, listen?: string, tcp?: boolean}} Addresses
 */

/** Nothing answers over UDP where pages look for it, as behind a firewall that lets only HTTPS out. @type {Addresses} */
export const withoutUdp = { media: '127.0.0.1', announce: mediaAddress, listen: '0.0.0.0' };

/** Nor over TCP. @type {Addresses} */
export const withoutMedia = { ...withoutUdp, tcp: false };

export class Server {
  /**
   * @param {import('./stage.mjs').Stage} stage
   * @param {Addresses} [addresses]
   */
  static async start(stage, addresses = { media: mediaAddress, announce: mediaAddress }) {
    if (!existsSync(conclave)) throw new Error(`${conclave} is missing: build it, or set CONCLAVE_BIN`);
    const server = new Server(join(stage.folder, 'server'), await freePort(), addresses);
    stage.keep(server);
    stage.hosts.add(new URL(server.url).host);
    await server.run();
    return server;
  }

  /**
   * @param {string} data
   * @param {number} port
   * @param {Addresses} addresses
   */
  constructor(data, port, { media, announce, listen = '127.0.0.1', tcp = true }) {
    this.data = data;
    this.port = port;
    this.url = `https://localhost:${port}`;
    this.media = `${media}:${port}`;
    this.announce = announce;
    this.listen = listen;
    this.tcp = tcp;
    /** The self-made certificate, for those who must trust it. */
    this.certificate = join(data, 'development-certificate.pem');
    mkdirSync(data, { recursive: true });
    /** @type {Child | undefined} */
    this.child = undefined;
  }

  /** Starts the process; again after `kill`, with the same folder and ports. */
  async run() {
    const media = ['--media', this.media, '--announce', this.announce, ...(this.tcp ? [] : ['--tcp-port', '0'])];
    const child = new Child('server', conclave, ['serve', '--listen', `${this.listen}:${this.port}`, ...media, '--data', this.data, '--webhooks-to', 'loopback']);
    this.child = child;
    await child.until('/readyz', () => this.ready());
  }

  /** @returns {Promise<boolean>} */
  ready() {
    return new Promise((done) => {
      request(`${this.url}/readyz`, { rejectUnauthorized: false, timeout: 1000 }, (answer) => {
        answer.resume();
        done(answer.statusCode === 200);
      })
        .once('error', () => done(false))
        .end();
    });
  }

  /** What `/metrics` says. @returns {Promise<string>} */
  metrics() {
    return new Promise((done, fail) => {
      request(`${this.url}/metrics`, { rejectUnauthorized: false, timeout: 5000 }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => done(text));
      })
        .once('error', fail)
        .end();
    });
  }

  /** As a crash or a power cut would. */
  async kill() {
    await this.child?.kill('SIGKILL');
  }

  close() {
    return this.kill();
  }

  /** A new room's links. @param {string[]} options  for `conclave room create` @returns {Promise<{host: string, guest: string}>} */
  room(...options) {
    return this.#make(options);
  }

  /** A new room whose links have a password. @returns {Promise<{host: string, guest: string, password: string}>} */
  async roomWithPassword() {
    const { password, ...links } = await this.#make(['--password']);
    if (!password) throw new Error('no password was printed');
    return { ...links, password };
  }

  /** A new room whose guests come by links of their own; its host's link. @returns {Promise<string>} */
  async scheduledRoom() {
    const { host } = await this.#print('room', 'create', '--scheduled', '--server', this.url, '--data', this.data);
    if (!host) throw new Error('no link was printed');
    return host;
  }

  /**
   * A room for consultations of two, whose guests come by links of their own, with a password.
   *
   * @param {string} doctor  as guests read it
   * @returns {Promise<{host: string, password: string}>}
   */
  async consultation(doctor) {
    const options = ['--scheduled', '--password', '--consultation', '--host-name', doctor];
    const { host, password } = await this.#print('room', 'create', ...options, '--server', this.url, '--data', this.data);
    if (!host || !password) throw new Error('no link or no password was printed');
    return { host, password };
  }

  /**
   * A guest's own link.
   *
   * @param {string} host  a link of the room
   * @param {{from?: number, until: number, uses: 'once' | 'series', consent?: boolean}} terms  seconds from now
   * @returns {Promise<string>}
   */
  async guestLink(host, { from = 0, until, uses, consent = false }) {
    const at = (/** @type {number} */ seconds) => new Date(Date.now() + seconds * 1000).toISOString();
    const slot = ['--from', at(from), '--until', at(until), `--${uses}`, ...(consent ? ['--consent'] : [])];
    const { guest } = await this.#print('link', 'create', host, ...slot, '--data', this.data);
    if (!guest) throw new Error('no link was printed');
    return guest;
  }

  /** Takes a guest's own link back. @param {string} link */
  revoke(link) {
    return this.#ofLink('revoke', link);
  }

  /** Hands a draft out. @param {string} link */
  handOut(link) {
    return this.#ofLink('hand-out', link);
  }

  /** Sets the texts that come with the program. @param {string} controller */
  async setConsentText(controller) {
    await this.#print('consent-text', 'set', '--controller', controller, '--server', this.url, '--data', this.data);
  }

  /** Publishes the terms of use that come with the program. @param {string} provider */
  async setTerms(provider) {
    await this.#print('text', 'set', 'terms', '--provider', provider, '--server', this.url, '--data', this.data);
  }

  /** How the links of a room stand, a line each. @param {string} host  a link of the room @returns {Promise<string[]>} */
  async links(host) {
    const [, room] = host.match(/\/r\/([^#]+)#/) ?? [];
    return (await this.#run('link', 'list', '--server', this.url, '--data', this.data, '--', room ?? '')).out;
  }

  /** @param {string} verb @param {string} link */
  async #ofLink(verb, link) {
    const [, room, name] = link.match(/\/r\/([^#]+)#l\.([^.]+)\./) ?? [];
    await this.#run('link', verb, '--server', this.url, '--data', this.data, '--', room ?? '', name ?? '');
  }

  /** A new account; its password. @param {string} login @param {string} role @returns {Promise<string>} */
  async account(login, role) {
    const { password } = await this.#print('account', 'create', login, '--role', role, '--server', this.url, '--data', this.data);
    if (!password) throw new Error('no password was printed');
    return password;
  }

  /** Takes back all devices of an account. @param {string} login */
  async revokeDevices(login) {
    await this.#run('device', 'revoke', login, '--server', this.url, '--data', this.data);
  }

  /** What the first organisation allows. @param {string} policy @param {string} value */
  async setPolicy(policy, value) {
    await this.#run('policy', 'set', policy, value, '--server', this.url, '--data', this.data);
  }

  /** By which provider an organisation's people log in. @param {string} tenant @param {Record<string, string>} options */
  async setProvider(tenant, options) {
    const named = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    await this.#run('tenant', 'oidc', 'set', tenant, ...named, '--server', this.url, '--data', this.data);
  }

  /** @param {string[]} options */
  async #make(options) {
    const { host, guests: guest, password } = await this.#print('room', 'create', ...options, '--server', this.url, '--data', this.data);
    if (!host || !guest) throw new Error('no links were printed');
    return { host, guest, password };
  }

  /** What a command prints behind each label. @param {string[]} args @returns {Promise<Record<string, string | undefined>>} */
  async #print(...args) {
    const child = await this.#run(...args);
    return Object.fromEntries(child.out.flatMap((line) => [...line.matchAll(/^  (\w+).* (\S+)$/g)].map(([, label, word]) => [label, word])));
  }

  /** A command that has succeeded. @param {string[]} args */
  async #run(...args) {
    const child = new Child(args.slice(0, 2).join(' '), conclave, args);
    if ((await child.ended) !== 0) throw new Error(`${child.name} failed:\n${child.tail()}`);
    return child;
  }
}
