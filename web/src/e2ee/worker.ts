/**
 * The worker that owns the MLS state and the media keys. They exist nowhere else, in memory only; `end` and
 * `begin` wipe them. Calls are done strictly in the order in which they arrive, frames between them.
 */

import type { Call, CallMessage, TransformOptions, WorkerMessage } from './calls';
import { codeOf } from './code';
import { KeySession, load, OpenedLink } from './session';
import { Frames, type EncodedFrame } from './transform';

/** The part of a dedicated worker's scope this needs (the DOM's types describe a page). */
interface Scope {
  onmessage: ((event: MessageEvent<CallMessage>) => void) | null;
  onrtctransform: ((event: { transformer: Transformer }) => void) | null;
  postMessage(message: WorkerMessage): void;
}

interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: TransformOptions;
}

const scope = globalThis as unknown as Scope;

/** Keys and frames whose time is over are wiped, and a split call is noticed, at most this much later. */
const TICK_MS = 500;

let session: KeySession | null = null;
let link: OpenedLink | null = null;
/** Who was last said to be apart. */
let apart = '';

const frames = new Frames(
  () => session,
  (slot) => scope.postMessage({ type: 'slot', ...slot }),
  () => performance.now(),
);

const loaded = load();
loaded.then(
  () => scope.postMessage({ type: 'loaded' }),
  () => scope.postMessage({ type: 'unavailable' }),
);

setInterval(() => {
  const tree = session?.tick() ?? null;
  if (tree !== null) scope.postMessage({ type: 'recertified', tree });
  frames.advance();
  const participants = session?.apart ?? [];
  if (participants.join() === apart) return;
  apart = participants.join();
  scope.postMessage({ type: 'apart', participants });
}, TICK_MS);

scope.onrtctransform = ({ transformer: { readable, writable, options } }) => {
  frames.begin(options);
  const writer = writable.getWriter();
  // Takes each frame at once, also while those before it wait: what the browser keeps of them itself it soon drops.
  const taken = new WritableStream<EncodedFrame>({
    write: (frame) => frames.handle(options, frame, () => void writer.write(frame).catch(ended)),
  });
  readable.pipeTo(taken).catch(ended);
};

/** A stream ends with the connection; whether by close or by error makes no difference here. */
const ended = () => undefined;

scope.onmessage = ({ data: { id, call } }) => {
  // All wait for the same promise, so they go on in their order.
  void loaded.then(() => {
    try {
      scope.postMessage({ type: 'done', id, result: perform(call) });
    } catch (error) {
      scope.postMessage({ type: 'failed', id, code: codeOf(error) });
    }
    frames.advance();
  });
};

function perform(call: Call): unknown {
  switch (call.op) {
    case 'derive':
      link?.wipe();
      link = null;
      link = new OpenedLink(call);
      return { proof: link.proof };
    case 'begin':
      if (link === null) throw { code: 'ended' };
      session?.wipe();
      session = null;
      session = new KeySession(call, link);
      return null;
    case 'end':
      session?.wipe();
      session = null;
      link?.wipe();
      link = null;
      frames.clear();
      return null;
    case 'watch':
      frames.watch(call.slot);
      return null;
    case 'diagnose':
      return { epoch: session?.epoch ?? null, sendEpoch: session?.sendEpoch ?? null, ...frames.counts() };
    default:
      if (session === null) throw { code: 'ended' };
      return session.perform(call);
  }
}
