/** What the pages for people with an account show, and what their buttons do. */

import { writePreferences, type Preferences } from '../preferences';
import { codeText, languages, type Text } from '../text/text';
import type { Action, Enrolment, LinkInfo, LinkRequest, LinkId, PublicText, RoomEntry, RoomId, RoomRequest, SessionInfo } from '../wire';
import { invitation } from '../link';
import { Api, type Answer, type Credentials, type Refusal } from './api';
import { arrival, loginAddress, organisationName, type Arrival } from './arrival';
import { noteDevice } from './device';
import { DECLINED, KNOWN, makePasskey, showPasskey } from './passkeys';
import { addressOf, isSection, placeAt, type Place, type Section } from './place';
import { passwordDigest } from './proof';
import { drawPassword, drawSecret, hostLink, Secrets, type Draw } from './secrets';

/** Which of the pages is shown. */
export type Phase = 'loading' | 'unreachable' | 'login' | 'factor' | 'codes' | 'rooms' | 'admin';

/** How people of an organisation log in beside a password of this server. */
export interface Ways {
  /** Their provider, and where a login by it begins. */
  readonly provider: { readonly name: string; readonly address: string } | null;
  /** The name of the server under which passkeys are used, null where it has none. */
  readonly passkeys: string | null;
  /** What there is to read before. */
  readonly texts: readonly PublicText[];
  readonly organisation: string;
}

/** The links of a room that was just made. */
export interface Made {
  /** What the room is called, if it is. */
  readonly title: string | null;
  readonly host: string;
  readonly guest: string | null;
  /** Of a room whose guests have links of their own: what these are made from. */
  readonly staff: string | null;
  readonly password: string | null;
  /** The room, where the organisation can have the password sent to a telephone. */
  readonly bySms: RoomId | null;
}

export class Desk {
  phase = $state<Phase>('loading');
  /** Which part of the administration is shown, if it is. */
  section = $state<Section>('organisation');
  session = $state.raw<SessionInfo | null>(null);
  rooms = $state.raw<readonly RoomEntry[]>([]);
  made = $state.raw<Made | null>(null);
  enrolment = $state.raw<Enrolment | null>(null);
  backupCodes = $state.raw<readonly string[]>([]);
  preferences = $state.raw() as Preferences;
  /** With what somebody comes to the login page, from their organisation's provider for instance. */
  arrival = $state.raw<Arrival>({ organisation: '', problem: null });
  /** Why the login page is shown, if there is something to say. */
  notice = $state('');
  polite = $state('');
  readonly #api: Api;
  readonly #secrets = new Secrets();
  /** Where the address led before the login page came between. */
  #goal: Place | null = null;

  constructor(preferences: Preferences, api: Api) {
    this.preferences = preferences;
    this.#api = api;
  }

  get text(): Text {
    return languages[this.preferences.language];
  }

  get t(): Text['desk'] {
    return this.text.desk;
  }

  may(action: Action): boolean {
    return this.session?.actions.includes(action) ?? false;
  }

  /** Asks the service for something, after which nobody may be logged in any more. */
  async ask<T>(what: (api: Api) => Promise<Answer<T>>): Promise<Answer<T>> {
    const answer = await what(this.#api);
    if (!answer.ok && answer.code === 'unauthorized') this.#left(this.t.sessionOver);
    return answer;
  }

  /** Goes to another of the pages, as by its address. */
  go(place: 'rooms' | Section): void {
    this.polite = '';
    history.pushState(null, '', addressOf(place));
    this.#turn(place);
  }

  /** Shows what the address says since the browser went back or forth, to whoever is logged in. */
  arriveBack(): void {
    if (this.phase !== 'rooms' && this.phase !== 'admin') return;
    this.polite = '';
    this.#show(this.#wanted());
  }

  /** Looks who is logged in. */
  async start(): Promise<void> {
    this.phase = 'loading';
    this.arrival = arrival(location.search);
    this.#aim();
    const session = await this.#api.session();
    if (session.ok) await this.#entered(session.value);
    else if (session.code === 'unauthorized') this.#show('login');
    else this.phase = 'unreachable';
  }

  prefer(change: Partial<Preferences>): void {
    this.preferences = { ...this.preferences, ...change };
    writePreferences(localStorage, this.preferences);
  }

  async logIn(credentials: Credentials): Promise<Refusal | null> {
    const session = await this.#api.logIn(credentials);
    if (!session.ok) return session;
    this.notice = '';
    await this.#entered(session.value);
    return null;
  }

  /** How an organisation's people log in beside a password; null where there is none that could have a way of its own. */
  async ways(organisation: string): Promise<Ways | null> {
    const name = organisationName(organisation);
    if (name === null) return null;
    const ways = await this.#api.ways(name);
    if (!ways.ok) return null;
    const { provider, passkeys = null, texts = [] } = ways.value;
    return { provider: provider === undefined ? null : { name: provider, address: loginAddress(name) }, passkeys, texts, organisation: name };
  }

  /** Logs in with a passkey: with one that is asked for now, or, `conditional`, with one that the browser offers. */
  async logInWithPasskey(mediation: 'optional' | 'conditional', signal: AbortSignal): Promise<Refusal | typeof DECLINED | null> {
    const asked = await this.#api.askForPasskey();
    if (!asked.ok) return asked;
    const shown = await showPasskey(asked.value.publicKey, mediation, signal);
    if (shown === DECLINED) return DECLINED;
    const session = await this.#api.logInWithPasskey(shown.credential);
    if (!session.ok) return session;
    this.notice = '';
    await this.#entered(session.value);
    return null;
  }

  /** Makes a passkey for the account. */
  async makePasskey(name: string): Promise<Refusal | typeof DECLINED | typeof KNOWN | null> {
    const asked = await this.ask((api) => api.beginPasskey());
    if (!asked.ok) return asked;
    const made = await makePasskey(asked.value.publicKey);
    if (made === DECLINED || made === KNOWN) return made;
    const kept = await this.ask((api) => api.keepPasskey(name, made.credential));
    return kept.ok ? null : kept;
  }

  /** Ends a login by a provider with a code of the second factor. */
  async giveCode(code: string): Promise<Refusal | null> {
    const session = await this.#api.giveCode(code);
    if (!session.ok) return session;
    this.arrival = { ...this.arrival, problem: null };
    await this.#entered(session.value);
    return null;
  }

  async logOut(): Promise<void> {
    const done = await this.#api.logOut();
    if (done.ok || done.code === 'unauthorized') this.#left(this.t.loggedOut);
    else this.polite = this.sentence(done);
  }

  async changePassword(current: string, password: string): Promise<Refusal | null> {
    const done = await this.#api.changePassword(current, password);
    if (!done.ok) return done;
    this.#left(this.t.passwordChanged);
    return null;
  }

  /** Begins to set up a second factor. */
  async proposeFactor(): Promise<Refusal | null> {
    const enrolment = await this.ask((api) => api.proposeFactor());
    if (!enrolment.ok) return enrolment;
    this.enrolment = enrolment.value;
    this.phase = 'factor';
    return null;
  }

  async confirmFactor(code: string): Promise<Refusal | null> {
    const codes = await this.ask((api) => api.confirmFactor(code));
    if (!codes.ok) return codes;
    this.enrolment = null;
    this.backupCodes = codes.value.codes;
    this.phase = 'codes';
    return null;
  }

  /** Leaves the setting up of a second factor, finished or not. */
  async leaveFactor(): Promise<void> {
    this.enrolment = null;
    this.backupCodes = [];
    await this.start();
  }

  /** Makes a room; with a password, whose digest alone the service is told. */
  async makeRoom(request: RoomRequest, withPassword: boolean): Promise<Refusal | null> {
    const draw: Draw = (bytes) => crypto.getRandomValues(bytes);
    const drawn = drawSecret({ password: withPassword, consultation: request.consultation !== undefined }, draw);
    const password = withPassword ? drawPassword(draw) : null;
    const digest = password === null ? undefined : await passwordDigest(drawn.secret, password);
    if (digest === null) return { ok: false, code: 'internal', wait: 0 };
    const created = await this.ask((api) => api.makeRoom(digest === undefined ? request : { ...request, password: digest }));
    if (!created.ok) return created;
    const link = this.#secrets.keep(created.value, drawn);
    // Where guests have links of their own, the room's link without the host key opens nothing.
    const open = invitation(location.origin, link);
    const [guest, staff] = request.scheduled === true ? [null, open] : [open, null];
    this.made = { title: request.title ?? null, host: hostLink(location.origin, link), guest, staff, password, bySms: created.value.passwordMessage ? link.room : null };
    await this.#readRooms();
    return null;
  }

  /** Has the organisation's service send the password of a room's links to a telephone. */
  async sendPassword(room: RoomId, to: string, password: string): Promise<Refusal | null> {
    const sent = await this.ask((api) => api.sendPassword(room, { to, password, language: this.preferences.language }));
    return sent.ok ? null : sent;
  }

  async deleteRoom(room: RoomId): Promise<Refusal | null> {
    const done = await this.ask((api) => api.deleteRoom(room));
    if (!done.ok) return done;
    this.polite = this.t.deleted;
    await this.#readRooms();
    return null;
  }

  async unlock(room: RoomId): Promise<void> {
    const done = await this.ask((api) => api.unlock(room));
    this.polite = done.ok ? this.t.unlocked : this.sentence(done);
  }

  links(room: RoomId): Promise<Answer<readonly LinkInfo[]>> {
    return this.ask((api) => api.links(room));
  }

  /** Whether a link of the room can be made without one that is pasted. */
  knows(room: RoomId): boolean {
    return this.#secrets.has(room);
  }

  /** Takes what opens the room from a link of it, the staff's or any other; whether it is one. */
  learn(room: RoomId, link: string): boolean {
    return this.#secrets.learn(room, link);
  }

  /** Makes a guest's own link for each slot, until one is refused; the last one. */
  async makeLinks(room: RoomId, requests: readonly LinkRequest[]): Promise<Answer<LinkId | null>> {
    let last: LinkId | null = null;
    for (const request of requests) {
      const made = await this.ask((api) => api.makeLink(room, request));
      if (!made.ok) return made;
      last = made.value.link;
    }
    this.polite = this.t.linksMade(requests.length);
    return { ok: true, value: last };
  }

  /** A guest's own link whole; nothing where the room's secret is not known. */
  guestLink(room: RoomId, link: LinkId): string | null {
    return this.#secrets.guestLink(location.origin, room, link);
  }

  async revoke(room: RoomId, link: LinkId): Promise<Refusal | null> {
    const done = await this.ask((api) => api.revokeLink(room, link));
    if (!done.ok) return done;
    this.polite = this.t.revoked;
    return null;
  }

  async copy(text: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      this.polite = this.t.copied;
    } catch {
      this.polite = this.t.copyFailed;
    }
  }

  /** What a refusal says. */
  sentence({ code, wait, cell }: Refusal): string {
    if (code === 'unreachable') return this.t.unreachable;
    if (cell !== undefined) return this.t.admin.tableWrong(cell.line, cell.column, codeText(this.text, code).replace(/\.$/, ''));
    if (code === 'too-many' && wait > 0) return this.t.wait(wait);
    return codeText(this.text, code);
  }

  /** A moment, in the reader's time and language. */
  moment(at: number, style: 'day' | 'minute'): string {
    const { language } = this.preferences;
    const locale = navigator.languages.find((known) => known.startsWith(language)) ?? (language === 'en' ? 'en-GB' : language);
    return new Intl.DateTimeFormat(locale, style === 'day' ? { dateStyle: 'long' } : { dateStyle: 'medium', timeStyle: 'short' }).format(at);
  }

  async #entered(session: SessionInfo): Promise<void> {
    this.session = session;
    if (session.factorNeeded) {
      const refused = await this.proposeFactor();
      if (refused !== null && this.session !== null) this.phase = 'unreachable';
      return;
    }
    // Their calls are theirs from now on, and end with the device.
    void noteDevice(this.#api, localStorage, session.account);
    if (await this.#readRooms()) this.#show(this.#wanted());
  }

  /** Where the address leads somebody who is logged in. */
  #wanted(): Place {
    const here = placeAt(location.pathname);
    const place = here === 'login' ? this.#goal : here;
    return place !== null && isSection(place) && this.may('manage-accounts') ? place : 'rooms';
  }

  async #readRooms(): Promise<boolean> {
    const rooms = await this.ask((api) => api.rooms());
    if (rooms.ok) this.rooms = rooms.value;
    else if (this.session !== null && this.phase === 'loading') this.phase = 'unreachable';
    return rooms.ok;
  }

  /** Notes where the address leads, unless it is the login page's. */
  #aim(): void {
    const here = placeAt(location.pathname);
    if (here !== 'login') this.#goal = here;
  }

  /** Nobody is logged in: nothing of what they saw stays. */
  #left(notice: string): void {
    this.session = null;
    this.rooms = [];
    this.made = null;
    this.enrolment = null;
    this.backupCodes = [];
    this.notice = notice;
    this.#secrets.forget();
    this.#aim();
    this.#show('login');
  }

  #show(place: Place): void {
    history.replaceState(null, '', addressOf(place));
    this.#turn(place);
  }

  #turn(place: Place): void {
    if (isSection(place)) this.section = place;
    this.phase = isSection(place) ? 'admin' : place;
  }
}
