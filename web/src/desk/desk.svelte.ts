/** What the pages for people with an account show, and what their buttons do. */

import { writePreferences, type Preferences } from '../preferences';
import { codeText, languages, type Text } from '../text/text';
import type { Action, Enrolment, LinkInfo, LinkRequest, LinkId, RoomEntry, RoomId, RoomRequest, SessionInfo } from '../wire';
import { invitation } from '../link';
import { Api, type Answer, type Credentials, type Refusal } from './api';
import { hostLink, Secrets } from './secrets';

/** Which of the pages is shown. */
export type Phase = 'loading' | 'unreachable' | 'login' | 'factor' | 'codes' | 'rooms';

/** The links of a room that was just made. */
export interface Made {
  readonly host: string;
  readonly guest: string | null;
}

export class Desk {
  phase = $state<Phase>('loading');
  session = $state.raw<SessionInfo | null>(null);
  rooms = $state.raw<readonly RoomEntry[]>([]);
  made = $state.raw<Made | null>(null);
  enrolment = $state.raw<Enrolment | null>(null);
  backupCodes = $state.raw<readonly string[]>([]);
  preferences = $state.raw() as Preferences;
  /** Why the login page is shown, if there is something to say. */
  notice = $state('');
  polite = $state('');
  readonly #api: Api;
  readonly #secrets = new Secrets();

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

  /** Looks who is logged in. */
  async start(): Promise<void> {
    this.phase = 'loading';
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
    const enrolment = await this.#checked(this.#api.proposeFactor());
    if (!enrolment.ok) return enrolment;
    this.enrolment = enrolment.value;
    this.phase = 'factor';
    return null;
  }

  async confirmFactor(code: string): Promise<Refusal | null> {
    const codes = await this.#checked(this.#api.confirmFactor(code));
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

  async makeRoom(request: RoomRequest): Promise<Refusal | null> {
    const created = await this.#checked(this.#api.makeRoom(request));
    if (!created.ok) return created;
    const link = this.#secrets.drawn(created.value, (bytes) => crypto.getRandomValues(bytes));
    const guest = request.scheduled === true ? null : invitation(location.origin, link);
    this.made = { host: hostLink(location.origin, link), guest };
    await this.#readRooms();
    return null;
  }

  async deleteRoom(room: RoomId): Promise<Refusal | null> {
    const done = await this.#checked(this.#api.deleteRoom(room));
    if (!done.ok) return done;
    this.polite = this.t.deleted;
    await this.#readRooms();
    return null;
  }

  async unlock(room: RoomId): Promise<void> {
    const done = await this.#checked(this.#api.unlock(room));
    this.polite = done.ok ? this.t.unlocked : this.sentence(done);
  }

  links(room: RoomId): Promise<Answer<readonly LinkInfo[]>> {
    return this.#checked(this.#api.links(room));
  }

  /** Whether a link of the room can be made without one that is pasted. */
  knows(room: RoomId): boolean {
    return this.#secrets.has(room);
  }

  learn(room: RoomId, link: string): boolean {
    return this.#secrets.learn(room, link);
  }

  /** Makes a guest's own link. */
  async makeLink(room: RoomId, request: LinkRequest): Promise<Answer<string>> {
    const made = await this.#checked(this.#api.makeLink(room, request));
    if (!made.ok) return made;
    const link = this.#secrets.guestLink(location.origin, room, made.value.link);
    return link === null ? { ok: false, code: 'internal', wait: 0 } : { ok: true, value: link };
  }

  async revoke(room: RoomId, link: LinkId): Promise<Refusal | null> {
    const done = await this.#checked(this.#api.revokeLink(room, link));
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
  sentence({ code, wait }: Refusal): string {
    if (code === 'unreachable') return this.t.unreachable;
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
    if (await this.#readRooms()) this.#show('rooms');
  }

  async #readRooms(): Promise<boolean> {
    const rooms = await this.#checked(this.#api.rooms());
    if (rooms.ok) this.rooms = rooms.value;
    else if (this.session !== null && this.phase === 'loading') this.phase = 'unreachable';
    return rooms.ok;
  }

  /** An answer, after which nobody may be logged in any more. */
  async #checked<T>(asked: Promise<Answer<T>>): Promise<Answer<T>> {
    const answer = await asked;
    if (!answer.ok && answer.code === 'unauthorized') this.#left(this.t.sessionOver);
    return answer;
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
    this.#show('login');
  }

  #show(phase: 'login' | 'rooms'): void {
    this.phase = phase;
    history.replaceState(null, '', `/${phase}`);
  }
}
