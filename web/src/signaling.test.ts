import { describe, expect, test } from 'vitest';
import { Signaling, type Answer, type Entered, type Notice, type SocketLike, type Surroundings } from './signaling';
import type { ClientFrame, Code, ServerFrame } from './wire';

class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  sent: ClientFrame[] = [];
  closed: number | undefined | null = null;
  send(data: string): void {
    this.sent.push(JSON.parse(data) as ClientFrame);
  }
  close(code?: number): void {
    this.closed = code;
  }
  receive(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

/** A world whose clock is turned by hand. */
class World implements Surroundings {
  sockets: FakeSocket[] = [];
  now = 0;
  #timers = new Set<{ at: number; then: () => void }>();
  connect(): SocketLike {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  }
  after(ms: number, then: () => void): () => void {
    const timer = { at: this.now + ms, then };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
  random(): number {
    return 0.5;
  }
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.now = Math.max(this.now, next.at);
      next.then();
    }
    this.now = until;
  }
  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket was opened');
    return socket;
  }
}

function stay(hostKey: string | null = null, password: string | null = null, link: string | null = null) {
  const world = new World();
  const told = {
    applied: 0,
    entered: [] as boolean[],
    notices: [] as Notice[],
    interrupted: 0,
    failed: [] as [Code, number | null][],
    onEntered: (): void => undefined,
  };
  const signaling = new Signaling(
    world,
    {
      applied: () => told.applied,
      entered: (_: Entered, resumed) => {
        told.entered.push(resumed);
        told.onEntered();
      },
      notice: (frame) => told.notices.push(frame),
      interrupted: () => (told.interrupted += 1),
      failed: (...why) => told.failed.push(why),
    },
    { hostKey, password, link },
  );
  signaling.open();
  return { world, told, signaling };
}

function entered(re: number): ServerFrame {
  return { type: 'entered', re, participant: 'me', token: 'token', host: false, suite: 1, standing: 'arrived', mediaLost: false };
}

function enter(hostKey: string | null = null) {
  const all = stay(hostKey);
  all.world.last.onopen?.();
  all.world.last.receive(entered(1));
  return all;
}

const types = (socket: FakeSocket): string[] => socket.sent.map(({ type }) => type);

describe('entering', () => {
  test('begins with the host key, and requests made before wait for it', () => {
    const { world, signaling } = stay('key');
    signaling.request({ type: 'start-call' }, () => undefined);
    world.last.onopen?.();
    expect(world.last.sent).toEqual([{ id: 2, type: 'enter', hostKey: 'key' }]);
    world.last.receive(entered(2));
    expect(types(world.last)).toEqual(['enter', 'start-call']);
  });

  test('shows the proof of the password, and a wrong one is told with the tries that are left', () => {
    const { world, told } = stay(null, 'proof');
    world.last.onopen?.();
    expect(world.last.sent).toEqual([{ id: 1, type: 'enter', password: 'proof' }]);
    world.last.receive({ type: 'error', re: 1, code: 'password-wrong', triesLeft: 2 });
    expect(told.failed).toEqual([['password-wrong', 2]]);
  });

  test('a refusal at the door is told once and ends it', () => {
    const { world, told } = stay();
    world.last.onopen?.();
    world.last.receive({ type: 'error', re: 1, code: 'unauthorized' } as ServerFrame);
    expect(told.failed).toEqual([['unauthorized', null]]);
    world.advance(60_000);
    expect(world.sockets).toHaveLength(1);
  });
});

describe('a lost socket', () => {
  test('resumes after the last entry and sends what was not answered again, with its numbers', () => {
    const { world, told, signaling } = enter();
    const answers: Answer[] = [];
    signaling.request({ type: 'ready', epoch: 1 }, (answer) => answers.push(answer));
    signaling.request({ type: 'live', sources: [] }, (answer) => answers.push(answer));
    world.last.receive({ type: 'ack', re: 2 });
    told.applied = 7;
    world.last.onclose?.();
    expect(told.interrupted).toBe(1);
    world.advance(250);
    expect(world.sockets).toHaveLength(2);
    world.last.onopen?.();
    expect(world.last.sent).toEqual([{ id: 4, type: 'resume', participant: 'me', token: 'token', after: 7 }]);
    world.last.receive(entered(4));
    expect(told.entered).toEqual([false, true]);
    expect(world.last.sent.slice(1)).toEqual([{ id: 3, type: 'live', sources: [] }]);
    world.last.receive({ type: 'ack', re: 3 });
    expect(answers).toEqual([{ type: 'ack' }, { type: 'ack' }]);
  });

  test('what the owner gives up on resuming is not sent again, what it asks anew once', () => {
    const { world, told, signaling } = enter();
    const abandon = signaling.request({ type: 'offer', sdp: 'old', sending: [] }, () => expect.unreachable());
    told.onEntered = () => {
      abandon();
      signaling.request({ type: 'offer', sdp: 'new', sending: [] }, () => undefined);
    };
    world.last.onclose?.();
    world.advance(250);
    world.last.onopen?.();
    world.last.receive(entered(3));
    expect(world.last.sent.slice(1)).toEqual([{ id: 4, type: 'offer', sdp: 'new', sending: [] }]);
    world.last.receive({ type: 'answer', re: 2, sdp: 'late' });
  });

  test('is tried again at growing distances, at most two seconds', () => {
    const { world } = enter();
    const opened: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const before = world.now;
      world.last.onclose?.();
      const count = world.sockets.length;
      while (world.sockets.length === count) world.advance(10);
      opened.push(world.now - before);
    }
    expect(opened).toEqual([250, 500, 1000, 2000, 2000, 2000]);
  });

  test('a stay the server has forgotten is over', () => {
    const { world, told } = enter();
    world.last.onclose?.();
    world.advance(250);
    world.last.onopen?.();
    world.last.receive({ type: 'error', re: 2, code: 'gone' } as ServerFrame);
    expect(told.failed).toEqual([['gone', null]]);
  });

  test('frames of a socket that was given up are ignored', () => {
    const { world, told } = enter();
    const old = world.last;
    const late = old.onmessage;
    old.onclose?.();
    late?.({ data: JSON.stringify({ type: 'media-lost' }) });
    expect(told.notices).toEqual([]);
  });
});

describe('a silent path', () => {
  test('is pinged every two seconds and given up after five without any frame', () => {
    const { world, told } = enter();
    world.advance(4_900);
    expect(types(world.last)).toEqual(['enter', 'ping', 'ping']);
    expect(told.interrupted).toBe(0);
    world.advance(100);
    expect(told.interrupted).toBe(1);
    // A code that does not end the stay.
    expect(world.sockets[0]?.closed).toBe(4000);
  });

  test('that was only asked late has its three seconds still', () => {
    const { world, told } = enter();
    // A background page whose timers sleep: nothing is sent, nothing comes.
    world.now += 60_000;
    world.advance(0);
    expect(types(world.last)).toEqual(['enter', 'ping']);
    world.last.receive({ type: 'ack', re: 2 });
    world.advance(1_900);
    expect(told.interrupted).toBe(0);
  });

  test('any frame keeps it', () => {
    const { world, told } = enter();
    for (let at = 0; at < 10; at += 1) {
      world.advance(2_000);
      world.last.receive({ type: 'ack', re: 1 });
    }
    expect(told.interrupted).toBe(0);
  });
});

describe('leaving', () => {
  test('says so, closes normally once that is answered, and never reconnects', () => {
    const { world, signaling } = enter();
    signaling.leave();
    expect(types(world.last)).toEqual(['enter', 'leave']);
    expect(world.last.closed).toBe(null);
    world.last.receive({ type: 'ack', re: 2 });
    expect(world.last.closed).toBe(1000);
    world.advance(120_000);
    expect(world.sockets).toHaveLength(1);
  });

  test('while the socket is lost is said on the next one, at once, and the owner hears nothing of it', () => {
    const { world, told, signaling } = enter();
    signaling.request({ type: 'lock', locked: true }, () => undefined);
    world.last.onclose?.();
    expect(told.interrupted).toBe(1);
    signaling.leave();
    world.last.onopen?.();
    world.last.receive(entered(4));
    expect(types(world.last)).toEqual(['resume', 'leave']);
    expect(world.last.sent[0]).toMatchObject({ after: 0xffff_ffff });
    world.last.receive({ type: 'knocks', knocks: [] });
    world.last.receive({ type: 'over', reason: 'ended' });
    expect(world.last.closed).toBe(1000);
    expect(told).toMatchObject({ entered: [false], notices: [], interrupted: 1, failed: [] });
    world.advance(120_000);
    expect(world.sockets).toHaveLength(2);
  });

  test('on a socket that turns out dead is said again on the next one', () => {
    const { world, told, signaling } = enter();
    signaling.leave();
    world.advance(6_000);
    expect(world.sockets).toHaveLength(2);
    world.last.onopen?.();
    world.last.receive(entered(5));
    expect(types(world.last)).toEqual(['resume', 'leave']);
    expect(told.interrupted).toBe(0);
  });

  test('is over when the service has forgotten the stay, by its word or by the time', () => {
    const { world, told, signaling } = enter();
    world.last.onclose?.();
    signaling.leave();
    world.last.onopen?.();
    world.last.receive({ type: 'error', re: 3, code: 'gone' } as ServerFrame);
    expect(world.last.closed).toBe(1000);
    expect(told.failed).toEqual([]);

    const offline = enter();
    offline.world.last.onclose?.();
    offline.signaling.leave();
    offline.world.advance(60_000);
    const tried = offline.world.sockets.length;
    expect(tried).toBeGreaterThan(3);
    offline.world.advance(60_000);
    expect(offline.world.sockets).toHaveLength(tried);
  });

  test('before the stay has begun only closes', () => {
    const { world, signaling } = stay();
    signaling.leave();
    expect(world.last.closed).toBe(1000);
    world.advance(60_000);
    expect(world.sockets).toHaveLength(1);
  });
});

test('the last frame of a stay closes it', () => {
  const { world, told } = enter();
  world.last.receive({ type: 'over', reason: 'ended' });
  expect(told.notices).toEqual([{ type: 'over', reason: 'ended' }]);
  world.advance(60_000);
  expect(world.sockets).toHaveLength(1);
});
