// An organisation's SMS service, on a free loopback port: it notes what it is told, and says what it is told to say.

import { createServer } from 'node:http';

export class Gateway {
  /** @param {import('./stage.mjs').Stage} stage */
  static async start(stage) {
    const gateway = new Gateway();
    await new Promise((done) => gateway.server.listen(0, '127.0.0.1', () => done(undefined)));
    stage.keep(gateway);
    return gateway;
  }

  constructor() {
    /** What it was told, the bodies. @type {string[]} */
    this.told = [];
    /** The status of its next answers. */
    this.says = 204;
    this.server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part) => (body += part)).on('end', () => {
        this.told.push(body);
        response.writeHead(this.says).end();
      });
    });
  }

  get url() {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    return `http://127.0.0.1:${address.port}/sms`;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
