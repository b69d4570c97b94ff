/** What the components read: the call's state, made reactive, and the page around it. */

import type { Announcement, Event } from '../call/messages';
import { Runtime, type View } from '../call/runtime';
import type { State } from '../call/state';
import { about, askServer, consent, consentTexts, isOver, look, withdraw, type LinkName, type LinkOver, type Opens } from '../door';
import { FIRST, textsOf, type Owner } from '../legal';
import { forgetLink, invitation, ownLink, type RoomLink } from '../link';
import { listDevices, type DeviceLists } from '../media/devices';
import { writePreferences, type Preferences } from '../preferences';
import { announcementText, codeText, languages, type Text } from '../text/text';
import type { Consent, ConsentTexts, Consultation, PublicText, Source } from '../wire';
import { Passing } from './passing.svelte';
import { Sizes } from './sizes';

/** Pages without a call. */
export type Obstacle =
  | 'home'
  | 'incomplete'
  | 'no-room'
  | 'unsupported'
  | 'in-app'
  | 'unavailable'
  | 'unreachable'
  | 'early'
  | 'consent'
  | 'link-draft'
  | 'link-needed'
  | LinkOver;

const TOAST_MS = 5_000;
const TOASTS = 3;
/** A screen reader has taken up what is new in a live region long before. */
const READ_OUT_MS = 10_000;
const READ_OUTS = 16;

/** The page. */
export class App implements View {
  obstacle = $state.raw<Obstacle | null>(null);
  /** When the guest's own link opens, as long as it does not. */
  opens = $state.raw<Opens | null>(null);
  /** What the guest has to consent to before anything else. */
  consentTexts = $state.raw<ConsentTexts | null>(null);
  /** The consent that was given to the guest's link, as long as it can be withdrawn. */
  consent = $state.raw<Consent | null>(null);
  /** Of a consultation: for how many people it is, and with whom, as the room says. */
  consultation = $state.raw<Consultation | null>(null);
  /** What there is to read of who offers the call, and whose it is. */
  texts = $state.raw<readonly PublicText[]>([]);
  owner = $state.raw<Owner>(FIRST);
  /** Whether guests have links of their own, so that none can be handed on. */
  scheduled = $state(false);
  call = $state.raw<State | null>(null);
  preferences = $state.raw() as Preferences;
  devices = $state.raw<DeviceLists>({ microphones: [], cameras: [], speakers: [] });
  /** Short messages at the edge. */
  readonly toasts = new Passing(TOASTS, TOAST_MS);
  /** What the two live regions say. */
  readonly polite = new Passing(READ_OUTS, READ_OUT_MS);
  readonly assertive = new Passing(READ_OUTS, READ_OUT_MS);
  ownLevel = $state(0);
  #streams = $state(0);
  #runtime: Runtime | null = null;
  /** The link that came, as long as it is better opened elsewhere. */
  elsewhere = $state.raw<RoomLink | null>(null);
  /** The link whose standing is not settled. */
  #arriving: RoomLink | null = null;
  /** The link by which this page was opened, without its secret. */
  #link: LinkName | null = null;
  readonly #sizes = new Sizes((heights) => this.do({ type: 'shown', heights }));
  readonly #ownStreams = new Map<string, MediaStream>();

  constructor(preferences: Preferences) {
    this.preferences = preferences;
  }

  get t(): Text {
    return languages[this.preferences.language];
  }

  /** Says why this browser is not the one to open the link in; in another app's it can be tried. */
  advise(obstacle: 'unsupported' | 'in-app', link: RoomLink | null): void {
    this.obstacle = obstacle;
    this.elsewhere = link;
  }

  /** Opens the link here all the same. */
  async tryHere(): Promise<void> {
    const link = this.elsewhere;
    if (link === null) return;
    this.elsewhere = this.obstacle = null;
    await this.arrive(link);
  }

  /** Copies the link as it came, to open it in another browser. */
  async copyOwnLink(): Promise<void> {
    if (this.elsewhere === null) return;
    const text = ownLink(location.origin, this.elsewhere);
    await this.#copy(text, this.t.linkCopied, `${this.t.copyFailed} ${text}`);
  }

  /** Shows the page of who comes by no link. */
  welcome(): void {
    this.obstacle = 'home';
    void textsOf(FIRST, askServer).then((texts) => (this.texts = texts));
  }

  /**
   * Goes where a link leads. It may not open yet, or no more, or its room is gone, or the server down: then nothing is
   * asked of the devices.
   */
  async arrive(link: RoomLink): Promise<void> {
    this.#arriving = link;
    this.#link = { room: link.room, name: link.name };
    void about(link, askServer).then((found) => {
      [this.owner, this.texts] = [{ room: link.room }, found?.texts ?? []];
      if (link.consultation) this.consultation = found?.consultation ?? null;
    });
    await this.lookAgain();
  }

  /** Looks how room and link stand now. */
  async lookAgain(): Promise<void> {
    const link = this.#arriving;
    if (link === null) return;
    const standing = await look(link, askServer, Date.now);
    // Asked twice: the first answer counts.
    if (this.#arriving !== link) return;
    if ('consent' in standing) this.consent = standing.consent;
    if (standing.kind === 'early') {
      this.opens = standing.opens;
      this.obstacle = 'early';
      return;
    }
    if (standing.kind === 'consent') {
      this.consentTexts ??= await consentTexts(link, askServer);
      this.obstacle = this.consentTexts === null ? 'unreachable' : 'consent';
      return;
    }
    this.#arriving = null;
    const [waited, consented] = [this.obstacle === 'early', this.obstacle === 'consent'];
    if (standing.kind !== 'open') {
      this.obstacle = standing.kind;
      if (standing.kind !== 'unreachable' && link.name !== null) forgetLink(link.room, sessionStorage);
      return;
    }
    this.scheduled = standing.scheduled;
    this.open(link);
    if (!waited && !consented) return;
    this.obstacle = null;
    if (consented) return;
    this.say(this.t.linkOpens);
  }

  /** Consents to the texts that are shown, in the language in which they are. */
  async giveConsent(): Promise<void> {
    if (this.#link === null || this.consentTexts === null) return;
    const code = await consent(this.#link, this.consentTexts.version, this.preferences.language, askServer);
    if (code === 'consent-outdated') {
      this.consentTexts = await consentTexts(this.#link, askServer);
      this.say(this.t.consentChanged, true);
    } else if (code !== null && !isOver(code)) {
      this.say(this.t.announceActionFailed(codeText(this.t, code)), true);
    }
    await this.lookAgain();
  }

  /** Withdraws the consent: the link is closed, and a stay by it over. */
  async withdrawConsent(): Promise<void> {
    if (this.#link === null) return;
    const code = await withdraw(this.#link, askServer);
    if (code !== null) return this.say(this.t.announceActionFailed(codeText(this.t, code)), true);
    this.consent = null;
    forgetLink(this.#link.room, sessionStorage);
    this.#arriving = null;
    // Who is not in a stay is told by nobody else.
    const { phase, ending } = this.call ?? { phase: 'pre-join', ending: null };
    if (phase === 'pre-join' || (phase === 'over' && ending?.kind !== 'withdrawn')) {
      this.do({ type: 'leave' });
      this.obstacle = 'consent-withdrawn';
    }
  }

  /** A moment, in the visitor's time and language. */
  moment(at: number): string {
    const { language } = this.preferences;
    // English alone would be that of the United States.
    const locale = navigator.languages.find((known) => known.startsWith(language)) ?? (language === 'en' ? 'en-GB' : language);
    return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' }).format(at);
  }

  /** Opens the room of a link: pre-join. */
  open(link: RoomLink): void {
    const runtime = new Runtime(link, () => this.preferences, this);
    this.#runtime = runtime;
    this.call = runtime.state;
    runtime.dispatch({ type: 'switch', device: 'microphone', on: true });
    runtime.dispatch({ type: 'switch', device: 'camera', on: true });
    void this.refreshDevices();
    if ('mediaDevices' in navigator) navigator.mediaDevices.ondevicechange = () => void this.refreshDevices();
  }

  do(event: Event): void {
    this.#runtime?.dispatch(event);
  }

  /** Changes what is remembered, and what follows from it. */
  prefer(change: Partial<Preferences>): void {
    this.preferences = { ...this.preferences, ...change };
    writePreferences(localStorage, this.preferences);
    if (change.microphone !== undefined) void this.#runtime?.local.reopen('microphone');
    if (change.camera !== undefined) void this.#runtime?.local.reopen('camera');
    if (change.speaker !== undefined) void this.#runtime?.setSpeaker(change.speaker);
    if (change.quality !== undefined) this.do({ type: 'set-quality', quality: change.quality });
  }

  async refreshDevices(): Promise<void> {
    this.devices = await listDevices();
  }

  /** Watches how large a tile is shown; the result ends it. */
  watchTile(key: string, element: Element): () => void {
    return this.#sizes.watch(key, element);
  }

  /** The stream of a slot, fresh after each reconnect. */
  slotStream(slot: number): MediaStream | null {
    void this.#streams;
    return this.#runtime?.stream(slot) ?? null;
  }

  /** Our own stream of a source, or of what was chosen to be shared. */
  ownStream(source: Source | 'chosen-screen'): MediaStream | null {
    void this.#streams;
    const local = this.#runtime?.local;
    const track = source === 'chosen-screen' ? local?.chosenScreen : local?.track(source);
    if (track == null) {
      this.#ownStreams.delete(source);
      return null;
    }
    let stream = this.#ownStreams.get(source);
    if (stream?.getTracks()[0] !== track) this.#ownStreams.set(source, (stream = new MediaStream([track])));
    return stream ?? null;
  }

  beep(): void {
    void this.#runtime?.meters.beep(this.preferences.speaker);
  }

  /** Shows a message and has it read out. */
  say(text: string, urgent = false): void {
    this.#readOut(text, urgent);
    this.toasts.say(text);
  }

  /** Copies the guest's link. */
  async copyInvitation(): Promise<void> {
    if (this.call === null) return;
    const text = invitation(location.origin, this.call.link);
    await this.#copy(text, this.t.invitationCopied, `${this.t.copyFailed} ${text}`);
  }

  async copyDiagnostics(): Promise<void> {
    const text = JSON.stringify(await this.diagnose(), null, 2);
    await this.#copy(text, this.t.diagnosticsCopied, this.t.copyFailed);
  }

  diagnose(): Promise<unknown> {
    return this.#runtime?.diagnose() ?? Promise.resolve({ phase: null });
  }

  state(state: State): void {
    this.call = state;
  }

  streams(): void {
    this.#streams += 1;
    void this.refreshDevices();
  }

  levels(): void {
    this.ownLevel = this.#runtime?.meters.level('own') ?? 0;
  }

  announce(announcement: Announcement, urgent: boolean): void {
    const text = announcementText(this.t, announcement);
    // What the page shows for itself is only read out.
    if (['joined', 'left', 'actionFailed', 'sharingStopped', 'reconnected', 'caughtUp', 'linkUnlocked', 'roomLocked', 'roomOpen', 'madeHost', 'muted'].includes(announcement.key)) this.say(text, urgent);
    else this.#readOut(text, urgent);
  }

  unavailable(): void {
    this.obstacle = 'unavailable';
  }

  #readOut(text: string, urgent: boolean): void {
    (urgent ? this.assertive : this.polite).say(text);
  }

  async #copy(text: string, done: string, failed: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      this.say(done);
    } catch {
      this.say(failed, true);
    }
  }
}
