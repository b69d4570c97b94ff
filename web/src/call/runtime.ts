/**
 * Runs the call: events into the reducer, effects out of it to socket, worker and media. The only place where
 * the three meet.
 */

import { Api, askService } from '../desk/api';
import { certificate } from '../desk/device';
import { Keys, KeysError } from '../e2ee/bridge';
import type { Call } from '../e2ee/calls';
import { startWorker } from '../e2ee/start';
import { forgetLink, keepLink, type RoomLink } from '../link';
import { Connection } from '../media/connection';
import { Local } from '../media/local';
import { Meters } from '../media/meter';
import { takesRaw } from '../media/raw';
import { Receive } from '../media/receive';
import type { Preferences } from '../preferences';
import { browserSurroundings, Signaling, type Answer } from '../signaling';
import type { AccountId, Blob, DeviceId, Request, Source } from '../wire';
import type { Announcement, Effect, Event, Timer } from './messages';
import { reduce } from './reduce';
import { AUDIO_SLOTS } from './slots';
import { initialState, mayShare, sendsRaw, type State } from './state';

/** Who shows the call. */
export interface View {
  state(state: State): void;
  /** Streams changed: those of the slots, or our own. */
  streams(): void;
  levels(): void;
  announce(announcement: Announcement, urgent: boolean): void;
  /** There is no encryption in this browser. */
  unavailable(): void;
}

/** Codes that say nothing of a member's knock: we were not there, or not yet, or are behind ourselves. */
const CANNOT_TELL = ['cannot_vouch', 'unknown_participant', 'not_in_group'];

/** The key of a timer: of equal ones only the last runs. */
function timerKey(timer: Timer): string {
  switch (timer.kind) {
    case 'left':
      return `left ${timer.participant}`;
    case 'return':
      return `return ${timer.participant}`;
    case 'slot':
      return `slot ${timer.slot}`;
    default:
      return timer.kind;
  }
}

/** One page's call, from pre-join to its end. */
export class Runtime {
  #state: State;
  readonly #queue: Event[] = [];
  #running = false;
  #signaling: Signaling | null = null;
  #connection: Connection | null = null;
  #abandonOffer: (() => void) | null = null;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #keys: Keys;
  readonly #received: Receive;
  readonly #api = new Api(askService);
  readonly local: Local;
  readonly meters: Meters;

  constructor(
    link: RoomLink,
    preferences: () => Preferences,
    private readonly view: View,
  ) {
    this.#state = initialState(link, preferences().name, preferences().quality);
    this.#keys = new Keys(
      startWorker(),
      (report) => this.dispatch({ ...report, type: 'slot' }),
      (participants) => this.dispatch({ type: 'apart', participants }),
      (tree) => this.dispatch({ type: 'recertified', tree }),
      () => this.view.unavailable(),
    );
    this.#received = new Receive(() => this.dispatch({ type: 'sound-blocked' }));
    this.meters = new Meters(() => this.#measured());
    this.local = new Local(
      {
        device: (device, state, problem) => this.dispatch({ type: 'device', device, state, problem }),
        screenEnded: () => this.dispatch({ type: 'screen-ended' }),
        track: (source, track) => this.#ownTrack(source, track),
      },
      preferences,
      () => this.#state.quality,
    );
    addEventListener('online', () => this.#signaling?.hurry());
    void takesRaw().then((takes) => {
      if (takes) this.dispatch({ type: 'takes-raw' });
    });
  }

  get state(): State {
    return this.#state;
  }

  /** The stream a slot carries. */
  stream(slot: number): MediaStream | null {
    return this.#received.stream(slot);
  }

  /** Sends sound to another loudspeaker. */
  setSpeaker(id: string | null): Promise<void> {
    return this.#received.setSpeaker(id);
  }

  /** Something happened. Events that follow from effects wait until this one is done. */
  dispatch(event: Event): void {
    this.#queue.push(event);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const { state, effects } = reduce(this.#state, next);
        this.#state = state;
        for (const effect of effects) this.#run(effect);
      }
    } finally {
      this.#running = false;
    }
    this.#connection?.setRaw(sendsRaw(this.#state));
    if (mayShare(this.#state)) void this.#connection?.shareScreen();
    this.view.state(this.#state);
  }

  /** States and counts for whoever looks for a fault: no name, no key, no address. */
  async diagnose(): Promise<Diagnosis> {
    const { phase, online, media, handshake, roster, slots, own } = this.#state;
    const [frames, connection] = await Promise.all([
      this.#keys.call({ op: 'diagnose' }).catch(() => null),
      this.#connection?.diagnose() ?? null,
    ]);
    return {
      phase,
      online,
      media,
      epoch: frames?.epoch ?? null,
      sendEpoch: frames?.sendEpoch ?? null,
      members: handshake.tree?.members.length ?? 0,
      roster: roster.length,
      microphone: own.microphone.state,
      camera: own.camera.state,
      screen: own.screen.state,
      connection: connection?.connection ?? null,
      ice: connection?.ice ?? null,
      sent: (connection?.sent ?? []).map((sent) => ({
        ...sent,
        ...frames?.sent.find(({ source }) => source === sent.source),
      })),
      slots: slots.map(({ carries, sender, failing, alarm }, slot) => ({
        ...connection?.received.find((received) => received.slot === slot),
        slot,
        participant: carries?.participant ?? null,
        source: carries?.source ?? null,
        verified: sender?.participant ?? null,
        failing,
        alarm,
        opened: 0,
        dropped: {},
        ...frames?.slots.find((counts) => counts.slot === slot),
      })),
    };
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case 'open-socket':
        return this.#openSocket(effect.proof);
      case 'request':
        return this.#request(effect.request);
      case 'keys':
        return void this.#callKeys(effect.call);
      case 'certify':
        return void this.#certify(effect.again);
      case 'connect-media':
        return void this.#connectMedia();
      case 'device':
        return void this.local.switch(effect.device, effect.on);
      case 'choose-screen':
        return void this.#chooseScreen();
      case 'send-screen':
        return this.local.sendScreen();
      case 'stop-screen':
        return this.local.stopScreen();
      case 'apply-quality':
        void this.#connection?.setQuality(effect.quality);
        return void this.local.reopen('camera');
      case 'apply-wanted':
        return void this.#connection?.setWanted(effect.sources);
      case 'play-sound':
        this.meters.resume();
        return this.#received.play();
      case 'timer':
        return this.#setTimer(effect.timer, effect.ms);
      case 'announce':
        return this.view.announce(effect.announcement, effect.urgent);
      case 'keep-link':
        return keepLink(this.#state.link, sessionStorage);
      case 'hang-up':
        return this.#hangUp(effect.leave);
    }
  }

  #openSocket(password: Blob | null): void {
    this.meters.resume();
    const { room, name, hostKey } = this.#state.link;
    const scheme = location.protocol === 'http:' ? 'ws:' : 'wss:';
    this.#signaling = new Signaling(
      browserSurroundings(`${scheme}//${location.host}/api/v1/rooms/${room}/socket`),
      {
        applied: () => this.#state.handshake.applied,
        entered: (frame, resumed) => this.dispatch({ type: 'entered', frame, resumed }),
        notice: (frame) => this.dispatch({ type: 'notice', frame }),
        interrupted: () => this.dispatch({ type: 'interrupted' }),
        failed: (code, triesLeft) => this.dispatch({ type: 'refused-by-server', code, triesLeft }),
      },
      { hostKey, password, link: name },
    );
    this.#signaling.open();
  }

  #request(request: Request): void {
    this.#signaling?.request(request, (answer) => this.dispatch({ type: 'answered', request, answer }));
  }

  async #callKeys(call: Call): Promise<void> {
    try {
      switch (call.op) {
        case 'derive':
          return this.dispatch({ type: 'derived', ...(await this.#keys.call(call)) });
        case 'create':
          return this.dispatch({ type: 'founded', tree: await this.#keys.call(call) });
        case 'knock':
        case 'resync':
          return this.dispatch({ type: 'knock-made', knock: await this.#keys.call(call) });
        case 'join':
          return this.dispatch({ type: 'advanced', tree: await this.#keys.call(call), joined: true });
        case 'process': {
          const tree = await this.#keys.call(call);
          return this.dispatch(tree === null ? { type: 'cut-off' } : { type: 'advanced', tree, joined: false });
        }
        case 'verify': {
          const known = await this.#keys.call(call);
          return this.dispatch({ type: 'knock-checked', participant: call.participant, tag: call.tag, ...known });
        }
        case 'answer':
          return this.dispatch({ type: 'word-sealed', participant: call.participant, word: await this.#keys.call(call) });
        case 'told':
          return this.dispatch({ type: 'told', word: await this.#keys.call(call) });
        case 'show-devices':
          return this.dispatch({ type: 'devices-sealed', devices: await this.#keys.call(call) });
        case 'devices': {
          const devices = await this.#keys.call(call);
          return this.dispatch({ type: 'devices-opened', participant: call.participant, sealed: call.devices, devices });
        }
        case 'verify-return': {
          await this.#keys.call(call);
          return this.dispatch({ type: 'return-checked', participant: call.participant, tag: call.tag, check: 'proven' });
        }
        case 'compare':
        case 'hear':
        case 'said':
          return this.dispatch({ type: 'compared', compared: await this.#keys.call(call) });
        case 'confirm':
          return this.dispatch({ type: 'confirmed', tree: await this.#keys.call(call) });
        case 'admit':
        case 'remove':
        case 'readmit':
        case 'update':
        case 'renew':
          return this.dispatch({ type: 'commit-made', commit: await this.#keys.call(call) });
        default:
          await this.#keys.call(call);
      }
    } catch (error) {
      this.#keysFailed(call, error instanceof KeysError ? error.code : 'internal');
    }
  }

  #keysFailed(call: Call, code: string): void {
    switch (call.op) {
      case 'verify':
        return this.dispatch({ type: 'knock-checked', participant: call.participant, tag: call.tag, name: null, organisation: null });
      case 'verify-return': {
        const check = CANNOT_TELL.includes(code) ? 'open' : 'refused';
        return this.dispatch({ type: 'return-checked', participant: call.participant, tag: call.tag, check });
      }
      case 'admit':
      case 'remove':
      case 'readmit':
      case 'update':
      case 'renew':
        return this.dispatch({ type: 'commit-not-made', code });
      case 'derive':
        return this.dispatch(code === 'invalid_password' ? { type: 'no-password' } : { type: 'keys-failed', code });
      case 'begin':
      case 'create':
      case 'knock':
      case 'join':
      case 'resync':
        return this.dispatch({ type: 'keys-failed', code });
      case 'process':
        return this.dispatch({ type: 'not-followed', code });
      default:
      // Nothing to discard, an epoch that is over, words that nobody said who may: as wanted.
    }
  }

  /** Has our organisation vouch for us: when we come in, or `again` while the stay lasts. */
  async #certify(again: boolean): Promise<void> {
    const stay = this.#signaling?.stay ?? null;
    const { room } = this.#state.link;
    const prove = (account: AccountId, device: DeviceId) => this.#keys.call({ op: 'prove', account, device });
    const answer = stay === null ? null : await certificate({ api: this.#api, storage: localStorage, prove }, { room, ...stay });
    const issued = answer === 'not-listed' ? null : answer;
    const ours = issued === null || again ? null : await this.#keys.call({ op: 'certify', ...issued }).catch(() => null);
    // It is for that stay and for no other.
    if (stay !== (this.#signaling?.stay ?? null)) return;
    const lastsMs = (issued?.until ?? 0) - Date.now();
    if (again) this.dispatch({ type: 'certificate', certificate: issued, lastsMs });
    else this.dispatch(ours === null ? { type: 'uncertified', listed: answer !== 'not-listed' } : { type: 'certified', name: ours.name, lastsMs });
  }

  async #connectMedia(): Promise<void> {
    this.#abandonOffer?.();
    this.#connection?.close();
    const connection = new Connection(
      {
        transform: (options) => this.#keys.transform(options),
        negotiate: (sdp, sending) => this.#offer({ type: 'offer', sdp, sending }),
        changed: (state) => {
          if (this.#connection === connection) this.dispatch({ type: 'media', state });
        },
      },
      this.#state.quality,
      this.#state.takesRaw,
      this.#state.link.consultation,
      mayShare(this.#state),
    );
    this.#connection = connection;
    connection.setRaw(sendsRaw(this.#state));
    this.#received.take(connection.tracks);
    connection.tracks.slice(0, AUDIO_SLOTS).forEach((track, slot) => this.meters.set(`slot ${slot}`, track));
    this.view.streams();
    for (const source of ['microphone', 'camera', 'screen', 'screen-audio'] as const) {
      void connection.send(source, this.local.track(source));
    }
    const mids = await connection.negotiate();
    if (mids !== null && this.#connection === connection) this.dispatch({ type: 'offered', mids });
  }

  #offer(request: Request): Promise<string | null> {
    return new Promise((resolve) => {
      const signaling = this.#signaling;
      if (signaling === null) return resolve(null);
      const abandon = signaling.request(request, (answer: Answer) => resolve(answer.type === 'answer' ? answer.sdp : null));
      this.#abandonOffer = () => {
        abandon();
        resolve(null);
      };
    });
  }

  async #chooseScreen(): Promise<void> {
    const chosen = await this.local.chooseScreen();
    this.dispatch(chosen === null ? { type: 'screen-ended' } : { type: 'screen-chosen', ...chosen });
    this.view.streams();
  }

  #ownTrack(source: Source, track: MediaStreamTrack | null): void {
    if (source === 'microphone') this.meters.set('own', track);
    void this.#connection?.send(source, track);
    this.view.streams();
  }

  #setTimer(timer: Timer, ms: number): void {
    const key = timerKey(timer);
    clearTimeout(this.#timers.get(key));
    this.#timers.set(
      key,
      setTimeout(() => {
        this.#timers.delete(key);
        this.dispatch({ type: 'timer', timer });
      }, ms),
    );
  }

  /** Measures the slots that carry a voice, and tells who speaks when that changes. */
  #measured(): void {
    const speaking: string[] = [];
    this.#state.slots.forEach(({ sender }, slot) => {
      if (sender?.source === 'microphone' && this.meters.speaks(`slot ${slot}`)) speaking.push(sender.participant);
    });
    const { self } = this.#state;
    if (self !== null && this.meters.speaks('own')) speaking.push(self);
    speaking.sort();
    if (speaking.join() !== this.#state.speaking.join()) this.dispatch({ type: 'speaking', participants: speaking });
    this.view.levels();
  }

  #hangUp(leave: boolean): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#abandonOffer?.();
    this.#connection?.close();
    this.#connection = null;
    this.#received.clear();
    this.local.stop();
    this.meters.clear();
    void this.#keys.call({ op: 'end' }).catch(() => undefined);
    if (leave) this.#signaling?.leave();
    else this.#signaling?.close();
    this.#signaling = null;
    forgetLink(this.#state.link.room, sessionStorage);
    this.view.streams();
  }
}

/** The answer of `conclaveDiagnostics()` and of *Copy diagnostics*. */
export interface Diagnosis {
  readonly [field: string]: unknown;
}
