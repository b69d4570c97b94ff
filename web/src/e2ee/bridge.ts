/** The page's side of the worker: each call a promise, reports by callback. Calls are done in their order. */

import type { ParticipantId } from '../wire';
import type { Call, CallMessage, Operations, SlotReport, TransformOptions, Tree, WorkerMessage } from './calls';

/** An operation failed; `code` is the stable one of the e2ee crate. */
export class KeysError extends Error {
  constructor(readonly code: string) {
    super(`the keys' worker refused: ${code}`);
  }
}

interface Asked {
  readonly done: (result: never) => void;
  readonly failed: (error: KeysError) => void;
}

/** The worker that owns the MLS state and the media keys. */
export class Keys {
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  #next = 1;
  #loaded = false;

  /**
   * `report` is told who a slot's frames come from, `apart` whose frames do not open, `recertified` that members'
   * certificates have run out or are good again, `unavailable` that there is no encryption here.
   */
  constructor(
    worker: Worker,
    report: (slot: SlotReport) => void,
    apart: (participants: readonly ParticipantId[]) => void,
    recertified: (tree: Tree) => void,
    unavailable: () => void,
  ) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      switch (data.type) {
        case 'slot':
          return report(data);
        case 'apart':
          return apart(data.participants);
        case 'recertified':
          return recertified(data.tree);
        case 'unavailable':
          return unavailable();
        case 'loaded':
          this.#loaded = true;
          return;
        default: {
          const asked = this.#asked.get(data.id);
          this.#asked.delete(data.id);
          if (data.type === 'done') asked?.done(data.result as never);
          else asked?.failed(new KeysError(data.code));
        }
      }
    };
    worker.onerror = () => {
      if (!this.#loaded) unavailable();
    };
  }

  /** Asks for an operation. Rejects with a {@link KeysError}. */
  call<C extends Call>(call: C): Promise<Operations[C['op']]['result']> {
    const id = this.#next++;
    return new Promise((done, failed) => {
      this.#asked.set(id, { done, failed });
      this.#worker.postMessage({ id, call } satisfies CallMessage);
    });
  }

  /** A transform that seals or opens in the worker. */
  transform(options: TransformOptions): RTCRtpScriptTransform {
    return new RTCRtpScriptTransform(this.#worker, options);
  }
}
