/**
 * The socket to the signaling service: requests and their answers, a ping that notices a dead path, and the
 * resume of a stay on a new socket without losing or repeating anything (docs/protocol.md section 3.5).
 */

import type { Blob, ClientFrame, Code, LinkId, LogEntry, ParticipantId, Request, ServerFrame } from './wire';

/** What answers a request. */
export type Answer =
  | { readonly type: 'ack' }
  | { readonly type: 'answer'; readonly sdp: string }
  | { readonly type: 'error'; readonly code: Code; readonly missed: readonly LogEntry[] };

/** The `entered` frame. */
export type Entered = Extract<ServerFrame, { type: 'entered' }>;

/** Frames that answer nothing. */
export type Notice = Exclude<ServerFrame, { type: 'entered' | 'ack' | 'answer' | 'error' }>;

/** The part of a WebSocket this needs. */
export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

/** What the surroundings give: sockets, timers, chance. */
export interface Surroundings {
  connect(): SocketLike;
  /** Runs `then` after `ms` milliseconds; the result cancels. */
  after(ms: number, then: () => void): () => void;
  /** 0 ≤ x < 1. */
  random(): number;
}

/** What is told to the owner. */
export interface Listener {
  /** The last log entry that was applied. */
  applied(): number;
  /** The stay has begun or goes on. */
  entered(frame: Entered, resumed: boolean): void;
  notice(frame: Notice): void;
  /** The socket is gone, a new one is being tried. */
  interrupted(): void;
  /** The stay cannot go on: refused at the door, or forgotten by the server. */
  failed(code: Code, triesLeft: number | null): void;
}

/** What the first frame shows to be let in. */
export interface Ticket {
  readonly hostKey: Blob | null;
  /** Proves the link's password. */
  readonly password: Blob | null;
  /** Which of the guests' links it is, if it is one of those. */
  readonly link: LinkId | null;
}

/** A stay, and what proves to the service that it is ours. */
export interface Stay {
  readonly participant: ParticipantId;
  readonly token: Blob;
}

const FIRST_BACKOFF_MS = 250;
const LAST_BACKOFF_MS = 2_000;
const PING_EVERY_MS = 2_000;
/** Without any frame for so long after a ping, the path is dead whatever the socket says. */
const DEAD_AFTER_MS = 3_000;
/** A socket that does not open within this time is tried anew. */
const OPEN_WITHIN_MS = 8_000;
/** So long the service keeps the stay of one whose socket it lost; nobody need be told of its end any more then. */
const FORGOTTEN_AFTER_MS = 60_000;
/** No log entry has a higher number: who leaves is sent none of those that were missed. */
const NO_ENTRIES = 0xffff_ffff;

interface Unanswered {
  readonly frame: ClientFrame;
  readonly then: (answer: Answer) => void;
}

/** One stay. */
export class Signaling {
  #socket: SocketLike | null = null;
  #ready = false;
  #closed = false;
  /** Left, as far as the owner goes; the service may not have it yet. */
  #leaving = false;
  #nextId = 1;
  #greeting: number | null = null;
  #stay: Stay | null = null;
  #backoff = FIRST_BACKOFF_MS;
  readonly #unanswered = new Map<number, Unanswered>();
  #cancelRetry: (() => void) | null = null;
  #cancelPing: (() => void) | null = null;
  #cancelDeadline: (() => void) | null = null;
  #cancelFarewell: (() => void) | null = null;

  constructor(
    private readonly surroundings: Surroundings,
    private readonly listener: Listener,
    private readonly ticket: Ticket,
  ) {}

  /** The stay and the token that resumes it, once it has begun. */
  get stay(): Stay | null {
    return this.#stay;
  }

  /** Opens the first socket. */
  open(): void {
    this.#connect();
  }

  /**
   * Sends a request now, or as soon as the stay goes on, again with the same number until it is answered.
   * The result gives it up: it is not sent again and its answer is ignored.
   */
  request(request: Request, then: (answer: Answer) => void): () => void {
    const frame: ClientFrame = { id: this.#nextId++, ...request };
    this.#unanswered.set(frame.id, { frame, then });
    if (this.#ready) this.#send(frame);
    return () => this.#unanswered.delete(frame.id);
  }

  /** Tries at once instead of waiting, as when the network has come back. */
  hurry(): void {
    if (this.#closed || this.#socket !== null) return;
    this.#cancelRetry?.();
    this.#connect();
  }

  /**
   * Ends the stay. The owner hears nothing any more; the service is told until it answers, on a new socket if this one is
   * lost: others would see a member for another minute who has left.
   */
  leave(): void {
    if (this.#closed || this.#leaving) return;
    if (this.#stay === null) return this.close();
    this.#leaving = true;
    this.#unanswered.clear();
    this.request({ type: 'leave' }, () => this.close());
    this.#cancelFarewell = this.surroundings.after(FORGOTTEN_AFTER_MS, () => this.close());
    this.hurry();
  }

  /** Closes for good. */
  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelFarewell?.();
    this.#drop(1000);
    this.#unanswered.clear();
  }

  #connect(): void {
    const socket = this.surroundings.connect();
    this.#socket = socket;
    this.#deadline(OPEN_WITHIN_MS);
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      this.#greeting = this.#nextId++;
      const greeting: Request =
        this.#stay === null
          ? this.#enter()
          : { type: 'resume', ...this.#stay, after: this.#leaving ? NO_ENTRIES : this.listener.applied() };
      this.#send({ id: this.#greeting, ...greeting });
      this.#deadline(DEAD_AFTER_MS + PING_EVERY_MS);
      this.#ping();
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket || typeof data !== 'string') return;
      this.#cancelDeadline?.();
      this.#cancelDeadline = null;
      let frame: ServerFrame;
      try {
        frame = JSON.parse(data) as ServerFrame;
      } catch {
        return this.#lost();
      }
      this.#receive(frame);
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #enter(): Request {
    const { hostKey, password, link } = this.ticket;
    return {
      type: 'enter',
      ...(hostKey === null ? {} : { hostKey }),
      ...(password === null ? {} : { password }),
      ...(link === null ? {} : { link }),
    };
  }

  #send(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  #receive(frame: ServerFrame): void {
    switch (frame.type) {
      case 'entered': {
        const resumed = this.#stay !== null;
        this.#stay = { participant: frame.participant, token: frame.token };
        this.#backoff = FIRST_BACKOFF_MS;
        // The owner first: it may give requests up that the new situation has made pointless.
        if (!this.#leaving) this.listener.entered(frame, resumed);
        this.#ready = !this.#closed;
        if (this.#ready) for (const { frame: waiting } of this.#unanswered.values()) this.#send(waiting);
        return;
      }
      case 'ack':
        return this.#answered(frame.re, { type: 'ack' });
      case 'answer':
        return this.#answered(frame.re, { type: 'answer', sdp: frame.sdp });
      case 'error':
        if (frame.re !== undefined && frame.re === this.#greeting && !this.#ready) {
          this.close();
          if (!this.#leaving) this.listener.failed(frame.code, frame.triesLeft ?? null);
          return;
        }
        if (frame.re === undefined) return;
        return this.#answered(frame.re, { type: 'error', code: frame.code, missed: frame.missed ?? [] });
      case 'over':
        this.close();
        if (!this.#leaving) this.listener.notice(frame);
        return;
      default:
        if (!this.#leaving) this.listener.notice(frame);
    }
  }

  #answered(id: number, answer: Answer): void {
    const asked = this.#unanswered.get(id);
    this.#unanswered.delete(id);
    asked?.then(answer);
  }

  #ping(): void {
    this.#cancelPing?.();
    this.#cancelPing = this.surroundings.after(PING_EVERY_MS, () => {
      if (this.#ready) {
        this.#send({ id: this.#nextId++, type: 'ping' });
        // Counted from the ping: the timers of a page in the background may run once a minute only.
        if (this.#cancelDeadline === null) this.#deadline(DEAD_AFTER_MS);
      }
      this.#ping();
    });
  }

  #deadline(ms: number): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.surroundings.after(ms, () => this.#lost());
  }

  #drop(code?: number): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    this.#cancelPing?.();
    this.#cancelDeadline?.();
    this.#cancelDeadline = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  #lost(): void {
    // A code of our own: 1000 would end the stay.
    this.#drop(4000);
    if (this.#closed) return;
    const wait = this.#backoff * (0.75 + 0.5 * this.surroundings.random());
    this.#backoff = Math.min(this.#backoff * 2, LAST_BACKOFF_MS);
    if (!this.#leaving) this.listener.interrupted();
    this.#cancelRetry = this.surroundings.after(wait, () => this.#connect());
  }
}

/** Sockets and timers of a browser. */
export function browserSurroundings(url: string): Surroundings {
  return {
    connect: () => new WebSocket(url, 'conclave.v1') as unknown as SocketLike,
    after: (ms, then) => {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  };
}
