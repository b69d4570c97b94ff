// Runs inside every page before the page's own scripts. It looks, and changes nothing that the page
// could notice.

/** Sets up `window.probe`. Must stand alone: it is sent to the page as text. */
export function installProbe() {
  /** @type {RTCPeerConnection[]} */
  const connections = [];
  /** @type {string[]} */
  const violations = [];
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
      super(configuration);
      connections.push(this);
    }
  };

  /** What the page asked for, in order. @type {('audio' | 'video' | 'screen')[]} */
  const asked = [];
  /** What it was given. @type {MediaStreamTrack[]} */
  const given = [];
  if ('MediaDevices' in window) {
    const { getUserMedia, getDisplayMedia } = MediaDevices.prototype;
    /** @param {Promise<MediaStream>} giving */
    const note = async (giving) => {
      const stream = await giving;
      given.push(...stream.getTracks());
      return stream;
    };
    MediaDevices.prototype.getUserMedia = function (constraints) {
      asked.push(.../** @type {const} */ (['audio', 'video']).filter((kind) => constraints?.[kind]));
      return note(getUserMedia.call(this, constraints));
    };
    MediaDevices.prototype.getDisplayMedia = function (options) {
      asked.push('screen');
      return note(getDisplayMedia.call(this, options));
    };
  }

  /** What was asked for, and how much of what was given is still open: a light that is on. */
  const devices = () => ({ asked: [...asked], open: given.filter(({ readyState }) => readyState === 'live').length });

  /** What the page gave the browser to save. @type {Blob[]} */
  const saving = [];
  const { createObjectURL } = URL;
  URL.createObjectURL = (thing) => {
    if (thing instanceof Blob) saving.push(thing);
    return createObjectURL(thing);
  };
  const saved = () => Promise.all(saving.map((blob) => blob.text()));

  /** What goes to the loudspeakers, tapped. @type {AnalyserNode[]} */
  const taps = [];
  const { connect } = AudioNode.prototype;
  AudioNode.prototype.connect = /** @type {any} */ (
    /** @this {AudioNode} @param {any} to @param {number[]} ports */
    function (to, ...ports) {
      if (to instanceof AudioDestinationNode) {
        const tap = new AnalyserNode(this.context, { fftSize: 4096 });
        connect.call(this, tap);
        taps.push(tap);
      }
      return /** @type {any} */ (connect).call(this, to, ...ports);
    }
  );
  let loudest = { hertz: 0, level: 0 };
  setInterval(() => {
    for (const tap of taps) {
      const samples = new Float32Array(tap.fftSize);
      tap.getFloatTimeDomainData(samples);
      const level = Math.max(...samples.map(Math.abs));
      if (level <= loudest.level) continue;
      const bins = new Float32Array(tap.frequencyBinCount);
      tap.getFloatFrequencyData(bins);
      loudest = { hertz: (bins.indexOf(Math.max(...bins)) * tap.context.sampleRate) / tap.fftSize, level };
    }
  }, 50);
  /** How many ways there were to the loudspeakers, and the loudest that they were given: 0 to 1. */
  const loudspeaker = () => ({ ...loudest, tapped: taps.length });

  document.addEventListener('securitypolicyviolation', (event) => {
    violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
  });

  /** The page's connection; a lost one is replaced by another. */
  const connection = () => connections.findLast((one) => one.connectionState !== 'closed');

  const connected = () => connection() !== undefined;

  const slots = () => (connection()?.getTransceivers() ?? []).filter(({ direction }) => direction === 'recvonly');

  /**
   * When each receiver first played something, by the machine's clock; Firefox may count from what first came. Noted
   * in the page: to ask it from outside takes seconds where the machine is busy.
   *
   * @type {WeakMap<RTCRtpReceiver, number>}
   */
  const played = new WeakMap();
  setInterval(() => {
    for (const { receiver } of slots()) {
      if (receiver.track.muted || played.has(receiver) || receiver.getSynchronizationSources().length === 0) continue;
      played.set(receiver, Date.now());
    }
  }, 50);

  /** By the number of the slot. @returns {(number | null)[]} */
  const playedAt = () => slots().map(({ receiver }) => played.get(receiver) ?? null);

  /** The heights of the camera's pictures that are being sent. @returns {Promise<number[]>} */
  async function sizes() {
    const camera = (connection()?.getTransceivers() ?? []).find(({ direction, sender }) => direction === 'sendonly' && sender.track?.kind === 'video');
    const rows = [...((await camera?.sender.getStats())?.values() ?? [])];
    return rows.filter((row) => row.type === 'outbound-rtp' && row.active !== false).map((row) => row.frameHeight ?? 0);
  }

  /** The format of the pictures that the page sends now, like `video/VP9`; of all its streams. */
  async function formats() {
    const stats = await connection()?.getStats();
    const rows = [...(stats?.values() ?? [])].filter(({ type, kind, active }) => type === 'outbound-rtp' && kind === 'video' && active !== false);
    const codecs = rows.filter(({ framesEncoded, codecId }) => framesEncoded > 0 && codecId);
    return [...new Set(codecs.map(({ codecId }) => stats?.get(codecId).mimeType))];
  }

  /** The user fragment that the page's ICE checks carry. */
  function fragment() {
    return connection()?.localDescription?.sdp.match(/^a=ice-ufrag:(\S+)/m)?.[1] ?? '';
  }

  /** Where media goes: the other end of every candidate pair that was chosen. */
  async function peers() {
    const found = [];
    for (const one of connections) {
      const stats = await one.getStats();
      for (const row of stats.values()) {
        if (row.type !== 'candidate-pair' || !row.nominated) continue;
        const remote = stats.get(row.remoteCandidateId);
        found.push(`${remote.address ?? remote.ip}:${remote.port}`);
      }
    }
    return found;
  }

  /**
   * How loud each tone is in what a receiver plays during the next second: 0 to 1.
   * Recorded and decoded again, for an AudioContext does not run where there is no sound card.
   *
   * @param {number} slot
   * @param {number[]} tones  hertz
   */
  async function hear(slot, tones) {
    const track = slots()[slot]?.receiver.track;
    if (!track) throw new Error(`there is no slot ${slot}`);
    const recorder = new MediaRecorder(new MediaStream([track]), { mimeType: 'audio/webm;codecs=opus' });
    /** @type {Blob[]} */
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((done) => {
      recorder.onstop = done;
    });
    recorder.start();
    await new Promise((done) => setTimeout(done, 1000));
    recorder.stop();
    await stopped;
    const rate = 48_000;
    const sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await new Blob(parts).arrayBuffer());
    const samples = sound.getChannelData(0);
    const window_ = 2400;
    // Goertzel's algorithm, the loudest window.
    return tones.map((hertz) => {
      const factor = 2 * Math.cos((2 * Math.PI * hertz) / rate);
      let loudest = 0;
      for (let start = 0; start + window_ <= samples.length; start += window_) {
        let a = 0;
        let b = 0;
        for (let n = start; n < start + window_; n += 1) [a, b] = [(samples[n] ?? 0) + factor * a - b, a];
        loudest = Math.max(loudest, (2 / window_) * Math.sqrt(a * a + b * b - factor * a * b));
      }
      return loudest;
    });
  }

  /** The colour in the middle of the upper left quarter of a video element. @param {HTMLVideoElement} video */
  function colour(video) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 4;
    const paint = canvas.getContext('2d');
    if (!paint || video.videoWidth === 0) return null;
    paint.drawImage(video, 0, 0, 4, 4);
    const [red = 0, green = 0, blue = 0] = paint.getImageData(1, 1, 1, 1).data;
    return { red, green, blue };
  }

  Object.assign(window, { probe: { connected, playedAt, sizes, formats, fragment, peers, devices, saved, loudspeaker, hear, colour, violations } });
}

/**
 * Lets the client find choices of an earlier visit. Must stand alone.
 *
 * @param {Record<string, unknown>} preferences
 */
export function remember(preferences) {
  const key = 'conclave.preferences';
  try {
    if (localStorage.getItem(key) === null) localStorage.setItem(key, JSON.stringify(preferences));
  } catch {
    // about:blank has no storage.
  }
}
