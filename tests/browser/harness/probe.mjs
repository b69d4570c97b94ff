// Runs inside every page before the page's own scripts. It looks, and changes nothing that the page
// could notice.

/** @typedef {{mid: string, kind: string, frames: number, energy: number, packets: number, width: number}} Receiver */

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
  document.addEventListener('securitypolicyviolation', (event) => {
    violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
  });

  const alive = () => connections.filter((connection) => connection.connectionState !== 'closed');

  /** What every receiver of every living connection has got so far. */
  async function receivers() {
    const found = [];
    for (const connection of alive()) {
      for (const row of (await connection.getStats()).values()) {
        if (row.type !== 'inbound-rtp') continue;
        found.push({
          mid: row.mid,
          kind: row.kind,
          frames: row.framesDecoded ?? 0,
          energy: row.totalAudioEnergy ?? 0,
          packets: row.packetsReceived ?? 0,
          width: row.frameWidth ?? 0,
        });
      }
    }
    return found;
  }

  /** Where media goes: the other end of every candidate pair that was chosen. */
  async function peers() {
    const found = [];
    for (const connection of connections) {
      const stats = await connection.getStats();
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
   * @param {string} mid
   * @param {number[]} tones  hertz
   */
  async function hear(mid, tones) {
    const transceivers = alive().flatMap((connection) => connection.getTransceivers());
    const transceiver = transceivers.find((one) => one.mid === mid && one.currentDirection === 'recvonly');
    if (!transceiver) throw new Error(`nothing is received on ${mid}`);
    const recorder = new MediaRecorder(new MediaStream([transceiver.receiver.track]), { mimeType: 'audio/webm;codecs=opus' });
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

  Object.assign(window, { probe: { receivers, peers, hear, colour, violations } });
}
