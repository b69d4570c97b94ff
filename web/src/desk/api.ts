/** The service's HTTP interface, as a page with a session uses it. The session is a cookie that no script sees. */

import type {
  AccountChange,
  AccountId,
  AccountInfo,
  AccountList,
  AccountMade,
  AccountRequest,
  AuditList,
  BackupCodes,
  Cell,
  CertificateIssued,
  CertificateRequest,
  Code,
  ConsentTexts,
  ConsentTextsRequest,
  DeviceId,
  DeviceInfo,
  DeviceList,
  DeviceRequest,
  Enrolment,
  Language,
  LinkId,
  LinkInfo,
  LinkList,
  LinkRequest,
  LoginWays,
  PasskeyChallenge,
  PasskeyId,
  PasskeyInfo,
  PasskeyList,
  PasswordMessage,
  PolicyEntry,
  PolicyList,
  Problem,
  ProviderInfo,
  PublicText,
  PublicTextInfo,
  PublicTextRequest,
  RoomCreated,
  RoomEntry,
  RoomId,
  RoomList,
  RoomRequest,
  SessionInfo,
  TenantInfo,
  WebhookChange,
  WebhookId,
  WebhookInfo,
  WebhookList,
  WebhookMade,
  WebhookRequest,
} from '../wire';

/** Why something was not done. */
export interface Refusal {
  readonly ok: false;
  readonly code: Code | 'unreachable';
  /** In how many seconds to come again, if that was said. */
  readonly wait: number;
  /** Of a table that was sent, where it is wrong. */
  readonly cell?: Cell;
}

export type Answer<T> = { readonly ok: true; readonly value: T } | Refusal;

/** The part of `fetch` this needs. */
export type Ask = (path: string, init: RequestInit) => Promise<Pick<Response, 'ok' | 'json' | 'text' | 'headers' | 'status'>>;

/** What somebody types to log in. */
export interface Credentials {
  readonly tenant: string;
  readonly login: string;
  readonly password: string;
  readonly code: string;
}

const LIMIT_MS = 15_000;

/** Asks the service that served the page. */
export const askService: Ask = (path, init) =>
  fetch(path, { ...init, referrerPolicy: 'no-referrer', credentials: 'same-origin', signal: AbortSignal.timeout(LIMIT_MS) });

/** Requests, each answered by what it asked for or by a code. */
export class Api {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  logIn({ tenant, login, password, code }: Credentials): Promise<Answer<SessionInfo>> {
    const body = { login, password, ...(tenant === '' ? {} : { tenant }), ...(code === '' ? {} : { code }) };
    return this.#send('POST', 'session', body);
  }

  /** How an organisation's people log in beside a password. */
  ways(organisation: string): Promise<Answer<LoginWays>> {
    return this.#send('GET', `login/${organisation}`);
  }

  /** Asks to be asked for a passkey. */
  askForPasskey(): Promise<Answer<PasskeyChallenge>> {
    return this.#send('POST', 'session/passkey/challenge');
  }

  logInWithPasskey(credential: unknown): Promise<Answer<SessionInfo>> {
    return this.#send('POST', 'session/passkey', { credential });
  }

  passkeys(): Promise<Answer<PasskeyList>> {
    return this.#send('GET', 'session/passkeys');
  }

  beginPasskey(): Promise<Answer<PasskeyChallenge>> {
    return this.#send('POST', 'session/passkeys/challenge');
  }

  keepPasskey(name: string, credential: unknown): Promise<Answer<PasskeyInfo>> {
    return this.#send('POST', 'session/passkeys', { name, credential });
  }

  renamePasskey(passkey: PasskeyId, name: string): Promise<Answer<PasskeyInfo>> {
    return this.#send('PATCH', `session/passkeys/${passkey}`, { name });
  }

  removePasskey(passkey: PasskeyId): Promise<Answer<null>> {
    return this.#send('DELETE', `session/passkeys/${passkey}`);
  }

  /** Ends a login by a provider with a code of the second factor. */
  giveCode(code: string): Promise<Answer<SessionInfo>> {
    return this.#send('POST', 'session/code', { code });
  }

  session(): Promise<Answer<SessionInfo>> {
    return this.#send('GET', 'session');
  }

  logOut(): Promise<Answer<null>> {
    return this.#send('DELETE', 'session');
  }

  /** Says on which device the session is. */
  noteDevice(request: DeviceRequest): Promise<Answer<DeviceInfo>> {
    return this.#send('PUT', 'session/device', request);
  }

  /** Has a stay's key certified. */
  certify(request: CertificateRequest): Promise<Answer<CertificateIssued>> {
    return this.#send('POST', 'session/certificate', request);
  }

  changePassword(current: string, password: string): Promise<Answer<null>> {
    return this.#send('PUT', 'session/password', { current, password });
  }

  proposeFactor(): Promise<Answer<Enrolment>> {
    return this.#send('POST', 'session/factor');
  }

  confirmFactor(code: string): Promise<Answer<BackupCodes>> {
    return this.#send('PUT', 'session/factor', { code });
  }

  /** All rooms of the organisation, the newest first. */
  async rooms(): Promise<Answer<readonly RoomEntry[]>> {
    const all: RoomEntry[] = [];
    for (;;) {
      const last = all.at(-1);
      const page: Answer<RoomList> = await this.#send('GET', last === undefined ? 'rooms' : `rooms?after=${last.room}`);
      if (!page.ok) return page;
      all.push(...page.value.rooms);
      if (!page.value.more || page.value.rooms.length === 0) return { ok: true, value: all.reverse() };
    }
  }

  makeRoom(request: RoomRequest): Promise<Answer<RoomCreated>> {
    return this.#send('POST', 'rooms', request);
  }

  deleteRoom(room: RoomId): Promise<Answer<null>> {
    return this.#send('DELETE', `rooms/${room}`);
  }

  /** Has the password of a room's links sent to a telephone. */
  sendPassword(room: RoomId, message: PasswordMessage): Promise<Answer<null>> {
    return this.#send('POST', `rooms/${room}/password-message`, message);
  }

  unlock(room: RoomId): Promise<Answer<null>> {
    return this.#send('POST', `rooms/${room}/unlock`);
  }

  async links(room: RoomId): Promise<Answer<readonly LinkInfo[]>> {
    const all: LinkInfo[] = [];
    for (;;) {
      const last = all.at(-1);
      const behind = last === undefined ? '' : `?after=${last.link}`;
      const page: Answer<LinkList> = await this.#send('GET', `rooms/${room}/links${behind}`);
      if (!page.ok) return page;
      all.push(...page.value.links);
      if (!page.value.more || page.value.links.length === 0) return { ok: true, value: all };
    }
  }

  makeLink(room: RoomId, request: LinkRequest): Promise<Answer<LinkInfo>> {
    return this.#send('POST', `rooms/${room}/links`, request);
  }

  revokeLink(room: RoomId, link: LinkId): Promise<Answer<null>> {
    return this.#send('DELETE', `rooms/${room}/links/${link}`);
  }

  handOut(room: RoomId, link: LinkId): Promise<Answer<null>> {
    return this.#send('POST', `rooms/${room}/links/${link}/hand-out`);
  }

  /** A version of what guests of a room consent to; without its number the one that holds. */
  consentTextsOfRoom(room: RoomId, version: number | null): Promise<Answer<ConsentTexts>> {
    return this.#send('GET', `rooms/${room}/consent-texts/${version ?? 'current'}`);
  }

  /** Notes a consent that came by mail, letter or telephone, and to which text it was. */
  noteConsent(room: RoomId, link: LinkId, version: number, language: Language): Promise<Answer<null>> {
    return this.#send('POST', `rooms/${room}/links/${link}/consent`, { version, language, way: 'mail' });
  }

  /** Notes that a consent was withdrawn: the link is closed, and who came by it is out. */
  withdrawConsent(room: RoomId, link: LinkId): Promise<Answer<null>> {
    return this.#send('DELETE', `rooms/${room}/links/${link}/consent`);
  }

  /** A page of the organisation's accounts, behind this one. */
  accounts(after: AccountId | null): Promise<Answer<AccountList>> {
    return this.#send('GET', after === null ? 'accounts' : `accounts?after=${after}`);
  }

  makeAccount(request: AccountRequest): Promise<Answer<AccountMade>> {
    return this.#send('POST', 'accounts', request);
  }

  /** Every account there is. */
  async allAccounts(): Promise<Answer<readonly AccountInfo[]>> {
    const all: AccountInfo[] = [];
    for (;;) {
      const last = all.at(-1);
      const page: Answer<AccountList> = await this.#send('GET', last === undefined ? 'accounts?limit=100' : `accounts?limit=100&after=${last.account}`);
      if (!page.ok) return page;
      all.push(...page.value.accounts);
      if (!page.value.more || page.value.accounts.length === 0) return { ok: true, value: all };
    }
  }

  changeAccount(account: AccountId, change: AccountChange): Promise<Answer<AccountInfo>> {
    return this.#send('PATCH', `accounts/${account}`, change);
  }

  async devices(account: AccountId): Promise<Answer<readonly DeviceInfo[]>> {
    const list: Answer<DeviceList> = await this.#send('GET', `accounts/${account}/devices`);
    return list.ok ? { ok: true, value: list.value.devices } : list;
  }

  revokeDevice(device: DeviceId): Promise<Answer<null>> {
    return this.#send('DELETE', `devices/${device}`);
  }

  revokeDevices(account: AccountId): Promise<Answer<null>> {
    return this.#send('DELETE', `accounts/${account}/devices`);
  }

  /** Revokes every device of the organisation, this one too. */
  revokeAllDevices(): Promise<Answer<null>> {
    return this.#send('DELETE', 'devices');
  }

  /** The policies of an account; without one those of the organisation. */
  async policies(account: AccountId | null): Promise<Answer<readonly PolicyEntry[]>> {
    return policiesOf(await this.#send('GET', account === null ? 'policies' : `accounts/${account}/policies`));
  }

  /** Sets all that is to be set there, and nothing else. */
  async setPolicies(account: AccountId | null, policies: Record<string, string>): Promise<Answer<readonly PolicyEntry[]>> {
    return policiesOf(await this.#send('PUT', account === null ? 'policies' : `accounts/${account}/policies`, { policies }));
  }

  /** All that is set, as CSV. */
  policyTable(): Promise<Answer<string>> {
    return this.#exchange('GET', 'policies.csv', null, (answer) => answer.text());
  }

  setPolicyTable(table: string): Promise<Answer<null>> {
    return this.#exchange('PUT', 'policies.csv', table, () => Promise.resolve(null));
  }

  /** A part of the audit log: the lines behind a number. */
  audit(after: number, limit: number): Promise<Answer<AuditList>> {
    return this.#send('GET', `audit?after=${after}&limit=${limit}`);
  }

  providerInfo(tenant: string): Promise<Answer<ProviderInfo>> {
    return this.#send('GET', `tenants/${tenant}/oidc`);
  }

  /** All endpoints that are told of events, the oldest first. */
  async webhooks(): Promise<Answer<readonly WebhookInfo[]>> {
    const all: WebhookInfo[] = [];
    for (;;) {
      const last = all.at(-1);
      const page: Answer<WebhookList> = await this.#send('GET', last === undefined ? 'webhooks' : `webhooks?after=${last.webhook}`);
      if (!page.ok) return page;
      all.push(...page.value.webhooks);
      if (!page.value.more || page.value.webhooks.length === 0) return { ok: true, value: all };
    }
  }

  makeWebhook(request: WebhookRequest): Promise<Answer<WebhookMade>> {
    return this.#send('POST', 'webhooks', request);
  }

  changeWebhook(webhook: WebhookId, change: WebhookChange): Promise<Answer<WebhookInfo>> {
    return this.#send('PATCH', `webhooks/${webhook}`, change);
  }

  renewWebhookSecret(webhook: WebhookId): Promise<Answer<WebhookMade>> {
    return this.#send('POST', `webhooks/${webhook}/secret`);
  }

  deleteWebhook(webhook: WebhookId): Promise<Answer<null>> {
    return this.#send('DELETE', `webhooks/${webhook}`);
  }

  setDisabled({ account, disabled }: Pick<AccountInfo, 'account' | 'disabled'>): Promise<Answer<null>> {
    return this.#send('POST', `accounts/${account}/${disabled ? 'disable' : 'enable'}`);
  }

  deleteAccount(account: AccountId): Promise<Answer<null>> {
    return this.#send('DELETE', `accounts/${account}`);
  }

  resetPassword(account: AccountId): Promise<Answer<AccountMade>> {
    return this.#send('POST', `accounts/${account}/password`);
  }

  forgetFactor(account: AccountId): Promise<Answer<null>> {
    return this.#send('DELETE', `accounts/${account}/factor`);
  }

  tenant(name: string): Promise<Answer<TenantInfo>> {
    return this.#send('GET', `tenants/${name}`);
  }

  consentTexts(): Promise<Answer<ConsentTexts>> {
    return this.#send('GET', 'consent-texts/current');
  }

  setConsentTexts(texts: ConsentTextsRequest): Promise<Answer<ConsentTexts>> {
    return this.#send('POST', 'consent-texts', texts);
  }

  /** A text that the organisation says to everybody, as it holds. */
  publicText(text: PublicText): Promise<Answer<PublicTextInfo>> {
    return this.#send('GET', `texts/${text}`);
  }

  setPublicText(text: PublicText, written: PublicTextRequest): Promise<Answer<PublicTextInfo>> {
    return this.#send('PUT', `texts/${text}`, written);
  }

  removePublicText(text: PublicText): Promise<Answer<null>> {
    return this.#send('DELETE', `texts/${text}`);
  }

  #send<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const sent = body === undefined ? null : JSON.stringify(body);
    return this.#exchange(method, path, sent, async (answer) => (answer.status === 204 ? null : await answer.json()) as T);
  }

  async #exchange<T>(method: string, path: string, body: string | null, read: (answer: Awaited<ReturnType<Ask>>) => Promise<T>): Promise<Answer<T>> {
    try {
      const answer = await this.#ask(`/api/v1/${path}`, { method, body });
      if (!answer.ok) {
        const { code, cell } = (await answer.json()) as Problem;
        return { ok: false, code, wait: Number(answer.headers.get('retry-after') ?? 0), ...(cell === undefined ? {} : { cell }) };
      }
      return { ok: true, value: await read(answer) };
    } catch {
      return { ok: false, code: 'unreachable', wait: 0 };
    }
  }
}

function policiesOf(list: Answer<PolicyList>): Answer<readonly PolicyEntry[]> {
  return list.ok ? { ok: true, value: list.value.policies } : list;
}
