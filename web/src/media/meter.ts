/** Loudness of tracks, for the microphone's meter and the ring around who speaks. */

/** Above this loudness (RMS, 0 to 1) a voice counts as speaking: about -40 dB. */
const SPEAKING = 0.01;
/** A ring that goes out between two words flickers. */
const HOLD_MS = 600;
const EVERY_MS = 100;

interface Metered {
  readonly track: MediaStreamTrack;
  readonly node: MediaStreamAudioSourceNode;
  readonly analyser: AnalyserNode;
  readonly samples: Float32Array<ArrayBuffer>;
  level: number;
  spokeAt: number;
}

/** A context that plays nothing. What it costs to listen grows with its rate and with how often it wakes. */
function listening(): AudioContext {
  const silent = 'setSinkId' in AudioContext.prototype;
  return new AudioContext({ latencyHint: 'playback', ...(silent ? { sampleRate: 8000, sinkId: { type: 'none' } } : {}) });
}

/** Measures any number of tracks, each under a key. */
export class Meters {
  #context: AudioContext | null = null;
  readonly #metered = new Map<string, Metered>();
  #timer: ReturnType<typeof setInterval> | null = null;

  /** `changed` is called after each measurement. */
  constructor(private readonly changed: () => void) {}

  /** Measures a track under a key, or stops to. */
  set(key: string, track: MediaStreamTrack | null): void {
    const before = this.#metered.get(key);
    if (before?.track === track) return;
    before?.node.disconnect();
    this.#metered.delete(key);
    if (track !== null) {
      const context = (this.#context ??= listening());
      this.resume();
      const analyser = context.createAnalyser();
      analyser.fftSize = 1024;
      const node = context.createMediaStreamSource(new MediaStream([track]));
      node.connect(analyser);
      this.#metered.set(key, { track, node, analyser, samples: new Float32Array(1024), level: 0, spokeAt: -HOLD_MS });
    }
    if (this.#metered.size > 0) this.#timer ??= setInterval(() => this.#measure(), EVERY_MS);
    else this.#stop();
  }

  /** Stops measuring. */
  clear(): void {
    for (const key of [...this.#metered.keys()]) this.set(key, null);
  }

  /** Browsers start it only after a click. */
  resume(): void {
    if (this.#context?.state === 'suspended') void this.#context.resume();
  }

  /** The latest level, 0 to 1. */
  level(key: string): number {
    return this.#metered.get(key)?.level ?? 0;
  }

  /** Whether a voice was there just now. */
  speaks(key: string): boolean {
    const metered = this.#metered.get(key);
    return metered !== undefined && performance.now() - metered.spokeAt < HOLD_MS;
  }

  /** A short tone, to hear whether the loudspeaker works: the chosen one, where the browser lets a tone choose. */
  async beep(speaker: string | null): Promise<void> {
    const context: AudioContext & { setSinkId?: (id: string) => Promise<void> } = new AudioContext();
    // One that is gone: the system's default plays.
    if (speaker !== null) await context.setSinkId?.(speaker).catch(() => undefined);
    const tone = context.createOscillator();
    const gain = context.createGain();
    const at = context.currentTime;
    tone.frequency.setValueAtTime(523, at);
    tone.frequency.setValueAtTime(659, at + 0.2);
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.2, at + 0.02);
    gain.gain.setValueAtTime(0.2, at + 0.45);
    gain.gain.linearRampToValueAtTime(0, at + 0.6);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.65);
    tone.onended = () => void context.close();
  }

  #measure(): void {
    for (const metered of this.#metered.values()) {
      metered.analyser.getFloatTimeDomainData(metered.samples);
      let sum = 0;
      for (const sample of metered.samples) sum += sample * sample;
      const loudness = Math.sqrt(sum / metered.samples.length);
      // Speech spans about 50 dB; a linear bar would hardly move.
      const level = loudness === 0 ? 0 : Math.min(1, Math.max(0, 1 + (20 * Math.log10(loudness)) / 50));
      metered.level = Math.max(level, metered.level * 0.7);
      if (loudness > SPEAKING) metered.spokeAt = performance.now();
    }
    this.changed();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
