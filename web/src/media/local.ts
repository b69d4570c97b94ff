/** Our own tracks: opened, switched, exchanged when a device goes, and handed to whatever connection there is. */

import type { Device, DeviceProblem, Switch } from '../call/state';
import type { Quality } from '../preferences';
import type { Source } from '../wire';
import { DeviceError, openCamera, openMicrophone, openScreen } from './devices';

/** The remembered devices. */
export interface DeviceChoices {
  readonly microphone: string | null;
  readonly camera: string | null;
}

/** Who is told about tracks. */
export interface LocalListener {
  device(device: Device, state: Switch, problem: DeviceProblem | null): void;
  screenEnded(): void;
  /** A source's track is another now; `null`: nothing is to be sent. */
  track(source: Source, track: MediaStreamTrack | null): void;
}

/** Camera, microphone and screen of this participant. */
export class Local {
  readonly #tracks = new Map<Source, MediaStreamTrack>();
  /** A switch that was turned again while its device was still opening wins. */
  readonly #turn: Record<Device, number> = { microphone: 0, camera: 0 };
  /** A muted microphone stays open, silenced and connected to nothing, so that unmuting loses no word. */
  #muted: MediaStreamTrack | null = null;
  #chosenScreen: { video: MediaStreamTrack; audio: MediaStreamTrack | null } | null = null;

  constructor(
    private readonly listener: LocalListener,
    private readonly choices: () => DeviceChoices,
    private readonly quality: () => Quality,
  ) {}

  /** What is sent of a source. */
  track(source: Source): MediaStreamTrack | null {
    return this.#tracks.get(source) ?? null;
  }

  /** What was chosen in the picker, to show before it is sent. */
  get chosenScreen(): MediaStreamTrack | null {
    return this.#chosenScreen?.video ?? null;
  }

  /** Turns a device on or off. A camera that is off is closed: its light goes out. */
  async switch(device: Device, on: boolean): Promise<void> {
    const turn = (this.#turn[device] += 1);
    if (!on) {
      if (device === 'microphone') this.#mute();
      this.#set(device, null);
      return;
    }
    if (device === 'microphone' && this.#unmute()) return;
    try {
      const { microphone, camera } = this.choices();
      const track = await (device === 'microphone' ? openMicrophone(microphone) : openCamera(camera, this.quality()));
      if (turn !== this.#turn[device]) return track.stop();
      track.onended = () => void this.#unplugged(device, track);
      this.#set(device, track);
      this.listener.device(device, 'on', null);
    } catch (error) {
      if (turn !== this.#turn[device]) return;
      this.#set(device, null);
      this.listener.device(device, 'off', error instanceof DeviceError ? error.problem : 'failed');
    }
  }

  /** Opens a device that is on anew, as after another was chosen. */
  async reopen(device: Device): Promise<void> {
    if (device === 'microphone') this.#closeMuted();
    if (this.#tracks.has(device)) await this.switch(device, true);
  }

  /** Lets the user choose a screen, window or tab. `null`: nothing was chosen. */
  async chooseScreen(): Promise<{ wholeScreen: boolean; sound: boolean } | null> {
    const chosen = await openScreen().catch(() => null);
    if (chosen === null) return null;
    this.#chosenScreen = chosen;
    chosen.video.onended = () => this.listener.screenEnded();
    return { wholeScreen: chosen.wholeScreen, sound: chosen.audio !== null };
  }

  /** Sends what was chosen. */
  sendScreen(): void {
    if (this.#chosenScreen === null) return;
    this.#set('screen', this.#chosenScreen.video);
    this.#set('screen-audio', this.#chosenScreen.audio);
    this.#chosenScreen = null;
  }

  /** Stops sharing, or gives up what was chosen. */
  stopScreen(): void {
    this.#chosenScreen?.video.stop();
    this.#chosenScreen?.audio?.stop();
    this.#chosenScreen = null;
    this.#set('screen', null);
    this.#set('screen-audio', null);
  }

  /** Closes every device. */
  stop(): void {
    this.#turn.microphone += 1;
    this.#turn.camera += 1;
    this.#set('microphone', null);
    this.#set('camera', null);
    this.#closeMuted();
    this.stopScreen();
  }

  #mute(): void {
    const track = this.#tracks.get('microphone');
    if (track === undefined) return;
    track.enabled = false;
    this.#muted = track;
  }

  #unmute(): boolean {
    const track = this.#muted;
    this.#muted = null;
    if (track === null || track.readyState !== 'live') return false;
    track.enabled = true;
    this.#set('microphone', track);
    this.listener.device('microphone', 'on', null);
    return true;
  }

  #closeMuted(): void {
    this.#muted?.stop();
    this.#muted = null;
  }

  #set(source: Source, track: MediaStreamTrack | null): void {
    const before = this.#tracks.get(source);
    if (before === undefined && track === null) return;
    if (track === null) this.#tracks.delete(source);
    else this.#tracks.set(source, track);
    this.listener.track(source, track);
    if (before !== undefined && before !== track && before !== this.#muted) {
      before.onended = null;
      before.stop();
    }
  }

  /** The device is gone; the system's default takes its place, if there is one. */
  async #unplugged(device: Device, track: MediaStreamTrack): Promise<void> {
    if (this.#tracks.get(device) === track) await this.switch(device, true);
  }
}
