/**
 * The one media connection: four sections to send on, and the receive slots, all opened at once. Who may not share a
 * screen has two, and gets the others when that changes. Else only the path is ever negotiated again (an ICE restart,
 * when the network changes or is gone). A lost connection is replaced by a new one of the same shape.
 */

import { AUDIO_SLOTS, VIDEO_SLOTS } from '../call/slots';
import type { TransformOptions } from '../e2ee/calls';
import type { Quality } from '../preferences';
import type { Sending, Source, Wanted } from '../wire';
import { discreet, isDiscreet } from './discreet';
import { describe, describes, encodings } from './layers';
import { keepsRaw, mayBeRaw, setCodec, withRaw } from './raw';
import { LOOK_EVERY_MS, Silence, countsOf } from './silence';
import { limit } from './wanted';

/** ICE may lose the path for so long before the connection is given up. */
const DISCONNECTED_MS = 3_000;
/** A connection that has not come up by then is given up. */
const CONNECT_WITHIN_MS = 10_000;

const OF_PERSON: readonly Source[] = ['microphone', 'camera'];
const OF_SCREEN: readonly Source[] = ['screen', 'screen-audio'];

/** Whether this browser can encrypt frames at all. */
export function canEncrypt(): boolean {
  return typeof RTCRtpScriptTransform === 'function' && typeof RTCPeerConnection === 'function';
}

/** What a connection is given. */
export interface ConnectionNeeds {
  transform(options: TransformOptions): RTCRtpScriptTransform;
  /** Sends the offer; the answer's SDP, or `null` if there is none to be had now. */
  negotiate(sdp: string, sending: Sending[]): Promise<string | null>;
  changed(state: 'connected' | 'broken'): void;
}

function kindOf(source: Source): 'audio' | 'video' {
  return source === 'microphone' || source === 'screen-audio' ? 'audio' : 'video';
}

/** Only what every browser can encrypt whole: Opus, and VP9 profile 0 with its retransmissions. */
function accepted({ mimeType, sdpFmtpLine }: RTCRtpCodec): boolean {
  switch (mimeType.toLowerCase()) {
    case 'audio/opus':
    case 'video/rtx':
      return true;
    case 'video/vp9':
      return sdpFmtpLine === undefined || !/profile-id=[1-9]/.test(sdpFmtpLine);
    default:
      return false;
  }
}

function preferCodecs(transceiver: RTCRtpTransceiver, kind: 'audio' | 'video', sends: boolean, raw: boolean): void {
  // Firefox has it since 128. Before, the server's answer alone decides; it takes nothing else either.
  if (typeof transceiver.setCodecPreferences !== 'function') return;
  const capabilities = (sends ? RTCRtpSender : RTCRtpReceiver).getCapabilities(kind);
  const codecs = capabilities?.codecs ?? [];
  transceiver.setCodecPreferences([...codecs.filter(accepted), ...(raw ? codecs.filter(mayBeRaw) : [])]);
}

/** One PeerConnection. */
export class Connection {
  readonly #pc: RTCPeerConnection;
  readonly #senders = new Map<Source, RTCRtpTransceiver>();
  readonly #slots: RTCRtpTransceiver[] = [];
  #wanted: readonly Wanted[] = [];
  #raw = false;
  #adjusted: Promise<void> = Promise.resolve();
  #closed = false;
  #end: () => void = () => undefined;
  /** Settled once it is closed: what the browser was asked before then it may never answer. */
  readonly #ended = new Promise<null>((resolve) => (this.#end = () => resolve(null)));
  #restarting = false;
  #offering: Promise<boolean> = Promise.resolve(true);
  #type = network()?.type;
  #timer: ReturnType<typeof setTimeout>;
  readonly #silence = new Silence();
  #lastCame = 0;
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly needs: ConnectionNeeds,
    private quality: Quality,
    private readonly takesRaw: boolean,
    private readonly isConsultation: boolean,
    private sharesScreen: boolean,
  ) {
    this.#pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.#timer = setTimeout(() => this.#broken(), CONNECT_WITHIN_MS);
    this.#pc.oniceconnectionstatechange = () => this.#iceChanged();
    this.#pc.onconnectionstatechange = () => {
      if (this.#pc.connectionState === 'failed') this.#broken();
      if (this.#pc.connectionState === 'connected') this.#up();
    };
    network()?.addEventListener('change', this.#typeChanged);
    window.addEventListener('online', this.#networkChanged);
    this.#addSenders(OF_PERSON);
    if (sharesScreen) this.#addSenders(OF_SCREEN);
    for (let slot = 0; slot < AUDIO_SLOTS + VIDEO_SLOTS; slot += 1) {
      const kind = slot < AUDIO_SLOTS ? 'audio' : 'video';
      const transceiver = this.#pc.addTransceiver(kind, { direction: 'recvonly' });
      if (kind === 'video') describe(transceiver);
      preferCodecs(transceiver, kind, false, takesRaw);
      transceiver.receiver.transform = needs.transform({ direction: 'receive', slot });
      this.#slots.push(transceiver);
    }
  }

  #addSenders(sources: readonly Source[]): void {
    for (const source of sources) {
      const kind = kindOf(source);
      const transceiver = this.#pc.addTransceiver(kind, {
        direction: 'sendonly',
        sendEncodings: encodings(source, this.quality),
      });
      if (kind === 'video') describe(transceiver);
      preferCodecs(transceiver, kind, true, this.takesRaw);
      transceiver.sender.transform = this.needs.transform({ direction: 'send', source, constant: this.isConsultation && kind === 'audio' });
      this.#senders.set(source, transceiver);
    }
  }

  /** Opens the sections of a screen, which it may be sent on from now on. */
  async shareScreen(): Promise<void> {
    if (this.sharesScreen || this.#closed) return;
    this.sharesScreen = true;
    this.#addSenders(OF_SCREEN);
    // What is being negotiated now may have been offered without them.
    await this.#offering;
    if (this.#closed) return;
    await this.negotiate();
  }

  /** The track of each slot; they exist, silent and black, from the start. */
  get tracks(): MediaStreamTrack[] {
    return this.#slots.map(({ receiver }) => receiver.track);
  }

  /** Offers and takes the answer. The mids of the slots, or `null` if nothing came of it. */
  async negotiate(): Promise<string[] | null> {
    try {
      if (await this.#offer()) {
        void this.#adjust();
        return this.#slots.map(({ mid }) => mid ?? '');
      }
    } catch {
      // Said below.
    }
    this.#broken();
    return null;
  }

  /** Looks for a path anew. Keys and slots stay, and the old path serves while there is no other. */
  async #restart(): Promise<void> {
    if (this.#closed || this.#restarting || this.#pc.signalingState !== 'stable') return;
    this.#restarting = true;
    try {
      this.#pc.restartIce();
      // Without an answer (the socket is gone as well) the browser may still find a path under the old
      // credentials; it goes back to them.
      if (!(await this.#offer()) && !this.#closed) await this.#pc.setLocalDescription({ type: 'rollback' });
    } catch {
      // If the path is gone for good, the timer says so.
    } finally {
      this.#restarting = false;
    }
  }

  /** Whether the offer was answered as it was meant. One after the other. */
  #offer(): Promise<boolean> {
    const offered = this.#offering.then(() => this.#offerNow());
    this.#offering = offered.catch(() => false);
    return offered;
  }

  async #offerNow(): Promise<boolean> {
    if (this.takesRaw) {
      const { sdp } = await this.#pc.createOffer();
      await this.#pc.setLocalDescription({ type: 'offer', sdp: withRaw(sdp ?? '') });
    } else await this.#pc.setLocalDescription();
    const sdp = this.#pc.localDescription?.sdp;
    if (this.#closed || sdp === undefined) return false;
    const sending = [...this.#senders].map(([source, { mid }]) => ({ mid: mid ?? '', source }));
    const answer = await this.needs.negotiate(this.isConsultation ? discreet(sdp) : sdp, sending);
    if (this.#closed || answer === null || !keepsRaw(sdp, answer)) return false;
    if (this.isConsultation && !isDiscreet(answer)) return false;
    await this.#pc.setRemoteDescription({ type: 'answer', sdp: answer });
    return true;
  }

  /** Sends a track, or nothing. */
  async send(source: Source, track: MediaStreamTrack | null): Promise<void> {
    try {
      await this.#senders.get(source)?.sender.replaceTrack(track);
    } catch {
      // Closed meanwhile: its successor is given the tracks.
    }
    if (source === 'camera' && this.#isNegotiated) await this.#adjust();
  }

  /** Fits what the camera is sent in. */
  setQuality(quality: Quality): Promise<void> {
    this.quality = quality;
    return this.#adjust();
  }

  /** Sends no more of a source than is received; what is not named is received whole. */
  setWanted(sources: readonly Wanted[]): Promise<void> {
    this.#wanted = sources;
    return this.#adjust();
  }

  /** Sends pictures raw, or in the format that every browser takes. */
  setRaw(raw: boolean): void {
    if (raw === this.#raw) return;
    this.#raw = raw;
    if (this.#isNegotiated) void this.#adjust();
  }

  /** Before, a sender can be told neither its codec nor, with that, anything else. */
  get #isNegotiated(): boolean {
    return this.#pc.currentRemoteDescription !== null;
  }

  /** One change after the other: parameters that changed between get and set are refused. */
  #adjust(): Promise<void> {
    return (this.#adjusted = this.#adjusted.then(() => this.#adjustNow()));
  }

  async #adjustNow(): Promise<void> {
    for (const [source, { sender }] of this.#senders) {
      if (kindOf(source) === 'audio') continue;
      const wanted = this.#wanted.find((named) => named.source === source);
      const parameters = sender.getParameters();
      const full = encodings(source, this.quality, sender.track?.getSettings());
      const limited = limit(parameters.encodings, full, wanted === undefined ? Infinity : wanted.spatial);
      const changed = this.takesRaw && setCodec(parameters.encodings, this.#raw);
      if (limited || changed) await sender.setParameters(parameters).catch(() => undefined);
    }
  }

  /** Numbers about what flows; neither addresses nor keys. Gathered once for all: each gathering stops the media. */
  async diagnose(): Promise<ConnectionDiagnosis> {
    const report = await Promise.race([this.#pc.getStats(), this.#ended]);
    const flows = flowsOf(report?.values() ?? []);
    const of = ({ mid }: RTCRtpTransceiver) => flows.get(mid ?? '') ?? {};
    return {
      connection: this.#pc.connectionState,
      ice: this.#pc.iceConnectionState,
      sent: [...this.#senders].map(([source, transceiver]) => ({ source, ...of(transceiver) })),
      received: this.#slots.map((transceiver, slot) => ({ slot, ...of(transceiver) })),
    };
  }

  /** Ends it. */
  close(): void {
    this.#closed = true;
    this.#end();
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
    network()?.removeEventListener('change', this.#typeChanged);
    window.removeEventListener('online', this.#networkChanged);
    this.#pc.close();
  }

  readonly #networkChanged = (): void => {
    // While it is being set up there is nothing to restart.
    if (this.#pc.connectionState === 'connected') void this.#restart();
  };

  readonly #typeChanged = (): void => {
    // The event also tells of every new estimate of the network's speed.
    if (network()?.type === this.#type) return;
    this.#type = network()?.type;
    this.#networkChanged();
  };

  #iceChanged(): void {
    switch (this.#pc.iceConnectionState) {
      case 'disconnected':
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#broken(), DISCONNECTED_MS);
        void this.#restart();
        return;
      case 'failed':
        return this.#broken();
      case 'connected':
      case 'completed':
        if (this.#pc.connectionState === 'connected') this.#up();
        return;
      default:
    }
  }

  #up(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    // Firefox takes too long to gather its counts.
    if (describes) this.#looking ??= setInterval(() => void this.#look(), LOOK_EVERY_MS);
    this.needs.changed('connected');
  }

  /** Restarts a path that no longer answers, sooner than the browser notices. */
  async #look(): Promise<void> {
    if (this.#mediaCame()) return this.#silence.alive();
    const stats = await this.#senders.get('microphone')?.sender.getStats();
    const counts = stats && countsOf(stats.values());
    if (counts && this.#silence.look(counts, performance.now())) this.#networkChanged();
  }

  /** Whether any slot got media since this was last asked. */
  #mediaCame(): boolean {
    const since = this.#lastCame;
    const came = ({ receiver }: RTCRtpTransceiver) => {
      for (const { timestamp } of receiver.getSynchronizationSources()) this.#lastCame = Math.max(this.#lastCame, timestamp);
      return this.#lastCame > since;
    };
    return this.#slots.some(came);
  }

  #broken(): void {
    if (this.#closed) return;
    this.close();
    this.needs.changed('broken');
  }
}

/** What tells of a change from one kind of network to another, where the browser has it. */
function network(): (EventTarget & { readonly type?: string }) | undefined {
  return (navigator as Navigator & { connection?: EventTarget & { readonly type?: string } }).connection;
}

/** Numbers of `getStats`, those that are there. */
export type Flow = Readonly<Record<string, number | string>>;

/** What {@link Connection.diagnose} tells. */
export interface ConnectionDiagnosis {
  readonly connection: string;
  readonly ice: string;
  readonly sent: readonly ({ readonly source: Source } & Flow)[];
  readonly received: readonly ({ readonly slot: number } & Flow)[];
}

const TOLD = [
  'packetsSent',
  'bytesSent',
  'framesEncoded',
  'keyFramesEncoded',
  'packetsReceived',
  'bytesReceived',
  'packetsLost',
  'jitter',
  'framesReceived',
  'framesDecoded',
  'keyFramesDecoded',
  'framesDropped',
  'framesPerSecond',
  'frameWidth',
  'frameHeight',
  'freezeCount',
  'totalFreezesDuration',
  'totalAudioEnergy',
  'totalSamplesDuration',
  'audioLevel',
  'concealedSamples',
  'totalSamplesReceived',
  'nackCount',
  'pliCount',
  'qualityLimitationReason',
] as const;

/** The numbers of each section, by its mid. Of several streams of one section, the last. */
function flowsOf(stats: Iterable<Record<string, unknown>>): Map<string, Flow> {
  const flows = new Map<string, Flow>();
  for (const stat of stats) {
    if ((stat['type'] !== 'inbound-rtp' && stat['type'] !== 'outbound-rtp') || typeof stat['mid'] !== 'string') continue;
    const told: Record<string, number | string> = {};
    for (const key of TOLD) {
      const value = stat[key];
      if (typeof value === 'number' || typeof value === 'string') told[key] = value;
    }
    flows.set(stat['mid'], told);
  }
  return flows;
}
