// An authenticator that Chromium plays (Chrome DevTools Protocol, domain WebAuthn): it is in the device, knows its
// user, and does what the test has said that the user does.

export class Authenticator {
  /** @type {import('playwright-core').CDPSession | null} */
  #session = null;
  #id = '';

  /** @param {import('playwright-core').BrowserContext} context @param {import('playwright-core').Page} page */
  async plug(context, page) {
    this.#session = await context.newCDPSession(page);
    await this.#session.send('WebAuthn.enable');
    const { authenticatorId } = await this.#session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: false,
      },
    });
    this.#id = authenticatorId;
  }

  /** Whether the user touches it when it asks. @param {boolean} enabled */
  present(enabled) {
    return this.#sent().send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: this.#id, enabled });
  }

  /** Whether it takes whoever touches it for its user. @param {boolean} isUserVerified */
  verifies(isUserVerified) {
    return this.#sent().send('WebAuthn.setUserVerified', { authenticatorId: this.#id, isUserVerified });
  }

  /** The passkeys in it. */
  async passkeys() {
    const { credentials } = await this.#sent().send('WebAuthn.getCredentials', { authenticatorId: this.#id });
    return credentials;
  }

  #sent() {
    if (this.#session === null) throw new Error('it is plugged into no browser');
    return this.#session;
  }
}
