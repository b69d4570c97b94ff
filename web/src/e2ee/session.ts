/** The wasm module's session in the page's words: bytes as base64url, results as plain data. */

import init, { LinkKeys, Session, type Compared as Said, type Opened, type Pending, type VerifiedKnock } from './pkg/conclave_e2ee_wasm.js';
import wasmUrl from './pkg/conclave_e2ee_wasm_bg.wasm?url';
import { decode, encode } from '../bytes';
import type { Blob } from '../wire';
import { Outside, OUTSIDE_FROM } from './outside';
import type { Call, Commit, Compared, Knock, Operations, Tree, Word } from './calls';
import type { ParticipantId } from '../wire';
import type { FrameSession, OpenedFrame, SenderKey } from './transform';

/** The hash of the module (SRI), by the build. */
declare const __WASM_INTEGRITY__: string;

/** Loads the module, once. The browser hands over no other bytes than those this script was built with. */
export async function load(): Promise<void> {
  await init({ module_or_path: fetch(wasmUrl, { integrity: __WASM_INTEGRITY__ }) });
}

function bytes(text: string): Uint8Array {
  const decoded = decode(text);
  if (decoded === null) throw { code: 'malformed' };
  return decoded;
}

/** What a link, and its password if it has one, open. Deriving it from a password takes up to a second. */
export class OpenedLink {
  readonly keys: LinkKeys;

  constructor({ room, secret, password }: Operations['derive']['args']) {
    this.keys = new LinkKeys(bytes(room), secret, password ?? undefined);
  }

  /** Proves the password to the server. */
  get proof(): Blob | null {
    const { proof } = this.keys;
    return proof === undefined ? null : encode(proof);
  }

  /** Wipes it. */
  wipe(): void {
    this.keys.free();
  }
}

/** One participant's keys for one stay. */
export class KeySession implements FrameSession {
  readonly #session: Session;
  readonly #outside: Outside;

  constructor({ suite, participant, name, rawVideo }: Operations['begin']['args'], { keys }: OpenedLink) {
    this.#session = new Session(suite, bytes(participant), name, keys, rawVideo);
    this.#session.tellTime(Date.now());
    this.#outside = new Outside(this.#session, () => performance.now());
  }

  /** The epoch the group is in. */
  get epoch(): number | null {
    return this.#session.epoch ?? null;
  }

  /** The epoch frames are sealed with. */
  get sendEpoch(): number | null {
    return this.#session.sendEpoch ?? null;
  }

  seal(context: number, payload: Uint8Array): Uint8Array {
    return this.#session.seal(context, payload);
  }

  open(frame: Uint8Array, known: SenderKey | null): OpenedFrame | Promise<OpenedFrame> {
    if (frame.length >= OUTSIDE_FROM) return this.#outside.open(frame).then(({ data, opened }) => of(opened, data, known));
    const opened = this.#session.open(frame, performance.now());
    return of(opened, opened.payload ?? new Uint8Array(), known);
  }

  /** Members whose frames come and do not open. */
  get apart(): readonly ParticipantId[] {
    return this.#session.apart().map(encode);
  }

  /** Wipes keys whose time is over; gives the members if their certificates have run out, or are good again. */
  tick(): Tree | null {
    this.#session.tick(performance.now());
    this.#outside.tick();
    return this.#session.tellTime(Date.now()) ? this.#tree() : null;
  }

  /** Wipes everything; the session is of no use afterwards. */
  wipe(): void {
    this.#outside.wipe();
    this.#session.free();
  }

  /** Does what the page asks for. Throws errors with a `code`. */
  perform(call: Exclude<Call, { op: 'derive' | 'begin' | 'end' | 'watch' | 'diagnose' }>): Operations[typeof call.op]['result'] {
    const session = this.#session;
    const now = performance.now();
    switch (call.op) {
      case 'prove': {
        const { key, proof } = session.proof(bytes(call.account), bytes(call.device));
        return { key: encode(key), proof: encode(proof) };
      }
      case 'certify':
        return { name: session.certify(bytes(call.certificate), bytes(call.root)) };
      case 'renew':
        return commit(session.renew(bytes(call.certificate), bytes(call.root)));
      case 'create':
        session.createGroup(now, call.marking ?? undefined);
        return this.#tree();
      case 'knock': {
        const { keyPackage, tag } = session.knock();
        return { keyPackage: encode(keyPackage), tag: encode(tag) };
      }
      case 'verify':
        return this.#knocking(call, ({ name, organisation }) => ({ name, organisation: organisation ?? null }));
      case 'answer': {
        const { said, text } = call.word;
        return this.#knocking(call, (knock) => encode(session.answer(knock, said, text ?? undefined)));
      }
      case 'told':
        return session.told(bytes(call.word)) as Word;
      case 'show-devices':
        return encode(session.showDevices(call.devices.microphone, call.devices.camera));
      case 'devices':
        return this.#knocking(call, (knock) => session.devices(knock, bytes(call.devices)));
      case 'join':
        session.join(bytes(call.welcome));
        return this.#tree();
      case 'admit':
        return commit(session.admit(this.#verified(call.knocks)));
      case 'resync': {
        const { keyPackage, tag } = session.resync(now);
        return { keyPackage: encode(keyPackage), tag: encode(tag) };
      }
      case 'verify-return':
        session.verifyReturn(bytes(call.participant), bytes(call.keyPackage), bytes(call.tag));
        return null;
      case 'readmit':
        return commit(session.readmit(bytes(call.participant), bytes(call.keyPackage), bytes(call.tag)));
      case 'remove':
        return commit(session.remove(call.participants.map(bytes)));
      case 'update':
        return commit(session.update());
      case 'discard':
        session.discardPending();
        return null;
      case 'process':
        return session.process(bytes(call.message), now).kind === 'selfRemoved' ? null : this.#tree();
      case 'activate':
        session.activate(call.epoch, now);
        return null;
      case 'compare':
        return this.#compared(session.compare(now));
      case 'hear':
        return this.#compared(session.hear(bytes(call.message), now));
      case 'said':
        return this.#compared(session.said(now));
      case 'confirm':
        session.confirmComparison(call.epoch, now);
        return this.#tree();
    }
  }

  /** Does something with a knock that verifies. */
  #knocking<T>({ participant, keyPackage, tag }: Knock, use: (knock: VerifiedKnock) => T): T {
    const knock = this.#session.verifyKnock(bytes(participant), bytes(keyPackage), bytes(tag));
    try {
      return use(knock);
    } finally {
      knock.free();
    }
  }

  #verified(knocks: readonly Knock[]): VerifiedKnock[] {
    const verified: VerifiedKnock[] = [];
    try {
      for (const { participant, keyPackage, tag } of knocks) {
        verified.push(this.#session.verifyKnock(bytes(participant), bytes(keyPackage), bytes(tag)));
      }
    } catch (error) {
      for (const knock of verified) knock.free();
      throw error;
    }
    return verified;
  }

  #tree(): Tree {
    return {
      epoch: this.#session.epoch ?? 0,
      marking: this.#session.marking ?? null,
      members: this.#session
        .members()
        .map(({ participant, ...member }) => ({ ...member, participant: encode(participant) })),
    };
  }

  #compared({ said, state }: Said): Compared {
    return { epoch: this.#session.epoch ?? 0, said: said.map((message) => encode(message)), state };
  }
}

function of(opened: Opened, data: Uint8Array, known: SenderKey | null): OpenedFrame {
  try {
    const { leaf, epoch, context } = opened;
    // Each of these crosses into wasm and copies: not for every frame.
    const same = known !== null && known.leaf === leaf && known.epoch === epoch && known.context === context;
    const sender = same ? null : { participant: encode(opened.participant), name: opened.name };
    return { data, key: { leaf, epoch, context }, sender };
  } finally {
    opened.free();
  }
}

function commit({ commit: message, welcome, epoch }: Pending): Commit {
  return { epoch, message: encode(message), welcome: welcome === null ? null : encode(welcome) };
}
