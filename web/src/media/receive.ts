/** What is received: a stream for each video slot, and an audio element for each audio slot. */

import { AUDIO_SLOTS } from '../call/slots';

/** Plays the audio slots and keeps the video slots' streams. */
export class Receive {
  readonly #audio: HTMLAudioElement[] = [];
  #streams: MediaStream[] = [];
  #speaker = '';

  /** `blocked`: the browser wants a click before it plays. */
  constructor(private readonly blocked: () => void) {}

  /** Takes the tracks of a new connection, in the order of the slots. */
  take(tracks: readonly MediaStreamTrack[]): void {
    this.#streams = tracks.map((track) => new MediaStream([track]));
    for (let slot = 0; slot < AUDIO_SLOTS; slot += 1) {
      const element = (this.#audio[slot] ??= this.#element());
      element.srcObject = this.#streams[slot] ?? null;
      this.#play(element);
    }
  }

  /** A slot's stream. */
  stream(slot: number): MediaStream | null {
    return this.#streams[slot] ?? null;
  }

  /** Plays everything, called from a click. */
  play(): void {
    for (const element of this.#audio) this.#play(element);
  }

  /** Sends sound to another loudspeaker. */
  async setSpeaker(id: string | null): Promise<void> {
    this.#speaker = id ?? '';
    await Promise.all(this.#audio.map((element) => this.#sink(element)));
  }

  /** Stops. */
  clear(): void {
    for (const element of this.#audio.splice(0)) {
      element.srcObject = null;
      element.remove();
    }
    this.#streams = [];
  }

  #element(): HTMLAudioElement {
    const element = document.createElement('audio');
    element.autoplay = true;
    element.hidden = true;
    document.body.append(element);
    void this.#sink(element);
    return element;
  }

  async #sink(element: HTMLAudioElement): Promise<void> {
    if (!('setSinkId' in element)) return;
    // A loudspeaker that is gone: the system's default plays.
    await element.setSinkId(this.#speaker).catch(() => undefined);
  }

  #play(element: HTMLAudioElement): void {
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.blocked();
    });
  }
}
