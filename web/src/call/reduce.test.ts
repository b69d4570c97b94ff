import { describe, expect, test } from 'vitest';
import type { Tree } from '../e2ee/calls';
import type { Answer, Entered } from '../signaling';
import type { LogEntry, Member, Request, Source } from '../wire';
import type { Effect, Event } from './messages';
import { reduce } from './reduce';
import { AUDIO_SLOTS, VIDEO_SLOTS } from './slots';
import { initialState, type State } from './state';
import { tiles } from './tiles';

const link = { room: 'room', secret: 'secret', name: null, hostKey: null, password: false, consultation: false };

/** A page whose effects are recorded. */
class Page {
  state: State = initialState(link, '', 'standard');
  effects: Effect[] = [];

  /** What followed from the event. */
  do(event: Event): Effect[] {
    const { state, effects } = reduce(this.state, event);
    this.state = state;
    this.effects.push(...effects);
    return [...effects];
  }

  enter(host: boolean): Effect[] {
    this.do({ type: 'join', name: 'Me', password: null });
    this.do({ type: 'derived', proof: null });
    const effects = this.do({ type: 'entered', resumed: false, frame: entered(host) });
    return [...effects, ...this.do({ type: 'uncertified', listed: true })];
  }

  /** In a call as its host, with the others in the tree and the roster, nothing on its way. */
  inCall(...others: string[]): this {
    this.enter(true);
    this.do({ type: 'founded', tree: tree(0, 'me') });
    this.answer({ type: 'start-call' }, { type: 'ack' });
    this.entry(1, { type: 'started', by: 'me' });
    if (others.length > 0) this.do({ type: 'advanced', joined: false, tree: tree(1, 'me', ...others) });
    this.roster(...['me', ...others].map((participant) => member(participant)));
    return this;
  }

  answer(request: Request, answer: Answer): Effect[] {
    return this.do({ type: 'answered', request, answer });
  }

  entry(seq: number, event: LogEntry['event']): Effect[] {
    return this.do({ type: 'notice', frame: { type: 'entry', seq, event } });
  }

  roster(...members: Member[]): Effect[] {
    return this.do({ type: 'notice', frame: { type: 'roster', members } });
  }

  knock(...participants: string[]): Effect[] {
    const knocks = participants.map((participant) => ({ participant, keyPackage: 'kp', tag: `tag ${participant}`, waitingSeconds: 0 }));
    const effects = this.do({ type: 'notice', frame: { type: 'knocks', knocks } });
    for (const participant of participants) {
      this.do({ type: 'knock-checked', participant, tag: `tag ${participant}`, name: participant.toUpperCase(), organisation: null });
    }
    return effects;
  }
}

function entered(host: boolean, mediaLost = false): Entered {
  return { type: 'entered', re: 1, participant: 'me', token: 't', host, suite: 0x4e, standing: 'arrived', mediaLost };
}

function tree(epoch: number, ...participants: string[]): Tree {
  return {
    epoch,
    members: participants.map((participant, leaf) => ({
      leaf,
      participant,
      name: participant.toUpperCase(),
      rawVideo: false,
      trust: 'guest',
      organisation: null,
    })),
    marking: null,
  };
}

function member(participant: string, live: Source[] = [], present = true): Member {
  return { participant, host: participant === 'me', present, live };
}

function commit(epoch: number, by: string, adds: string[], removes: string[] = []): LogEntry['event'] {
  return { type: 'commit', epoch, by, message: `commit ${epoch} by ${by}`, adds, removes };
}

const requests = (effects: readonly Effect[]): Request[] => effects.flatMap((effect) => (effect.type === 'request' ? [effect.request] : []));
const keys = (effects: readonly Effect[]): string[] => effects.flatMap((effect) => (effect.type === 'keys' ? [effect.call.op] : []));
const timers = (effects: readonly Effect[]) => effects.flatMap((effect) => (effect.type === 'timer' ? [effect] : []));

describe('coming in', () => {
  test('a host makes a group of one, and is in the call once the server has started it', () => {
    const page = new Page();
    expect(keys(page.enter(true))).toEqual(['begin', 'create']);
    expect(requests(page.do({ type: 'founded', tree: tree(0, 'me') }))).toEqual([{ type: 'start-call' }]);
    expect(page.state.phase).toBe('entering');
    const effects = page.answer({ type: 'start-call' }, { type: 'ack' });
    expect(page.state.phase).toBe('call');
    expect(effects.map(({ type }) => type)).toContain('connect-media');
  });

  test('a host who comes second throws the group away and knocks', () => {
    const page = new Page();
    page.enter(true);
    page.do({ type: 'founded', tree: tree(0, 'me') });
    const effects = page.answer({ type: 'start-call' }, { type: 'error', code: 'call-running', missed: [] });
    expect(keys(effects)).toEqual(['begin']);
    expect(keys(page.do({ type: 'uncertified', listed: true }))).toEqual(['knock']);
    expect(page.state.phase).toBe('waiting');
    expect(page.state.handshake.tree).toBeNull();
  });

  test('a guest knocks, waits, joins by the welcome and is in the call', () => {
    const page = new Page();
    expect(keys(page.enter(false))).toEqual(['begin', 'knock']);
    expect(requests(page.do({ type: 'knock-made', knock: { keyPackage: 'kp', tag: 'tag' } }))).toEqual([
      { type: 'knock', keyPackage: 'kp', tag: 'tag' },
    ]);
    expect(page.state.phase).toBe('waiting');
    const event = { ...commit(4, 'host', ['me']), welcome: 'welcome' } as LogEntry['event'];
    expect(keys(page.entry(9, event))).toEqual(['join']);
    const effects = page.do({ type: 'advanced', joined: true, tree: tree(5, 'host', 'me') });
    expect(keys(effects)).toEqual(['activate']);
    expect(requests(effects).map(({ type }) => type)).toEqual(['ready', 'live']);
    expect(page.state.phase).toBe('call');
  });

  test.each(['refused', 'ended', 'removed'] as const)('%s is the end, and the link is forgotten', (reason) => {
    const page = new Page();
    page.enter(false);
    const effects = page.do({ type: 'notice', frame: { type: 'over', reason } });
    expect(page.state.ending).toEqual({ kind: reason });
    expect(page.state.link.secret).toBe('');
    expect(effects).toEqual([{ type: 'hang-up', leave: false }]);
  });

  test('the keys of link and password come first, and what proves the password goes with the socket', () => {
    const page = new Page();
    const effects = page.do({ type: 'join', name: 'Me', password: 'k7dm' });
    const derive = { op: 'derive', room: 'room', secret: 'secret', password: 'k7dm' };
    expect(effects).toEqual([{ type: 'keys', call: derive }]);
    expect(page.do({ type: 'derived', proof: 'proof' })).toEqual([{ type: 'open-socket', proof: 'proof' }]);
    expect(JSON.stringify(page.state)).not.toMatch(/k7dm|proof/);
  });

  describe('by a link with a password', () => {
    const entering = (): Page => {
      const page = new Page();
      page.state = { ...page.state, link: { ...link, password: true, consultation: false } };
      page.do({ type: 'join', name: 'Me', password: 'typed' });
      page.do({ type: 'derived', proof: 'proof' });
      return page;
    };

    test('a wrong one can be corrected, with the devices as they are', () => {
      const page = entering();
      const { own } = page.state;
      expect(page.do({ type: 'refused-by-server', code: 'password-wrong', triesLeft: 3 })).toEqual([]);
      expect(page.state).toMatchObject({ phase: 'pre-join', passwordProblem: { kind: 'wrong', triesLeft: 3 }, own });
      page.do({ type: 'join', name: 'Me', password: 'another' });
      expect(page.state).toMatchObject({ phase: 'entering', passwordProblem: null });
    });

    test('a locked link can be tried again later', () => {
      const page = entering();
      page.do({ type: 'refused-by-server', code: 'link-locked', triesLeft: null });
      expect(page.state).toMatchObject({ phase: 'pre-join', passwordProblem: { kind: 'locked' } });
    });

    test('what cannot be a password is not sent', () => {
      const page = new Page();
      page.do({ type: 'join', name: 'Me', password: 'short' });
      expect(page.do({ type: 'no-password' })).toEqual([]);
      expect(page.state).toMatchObject({ phase: 'pre-join', passwordProblem: { kind: 'malformed' } });
    });
  });

  test('a server that wants a password for a link without one is refused', () => {
    const page = new Page();
    page.do({ type: 'join', name: 'Me', password: null });
    page.do({ type: 'refused-by-server', code: 'password-needed', triesLeft: null });
    expect(page.state.ending).toEqual({ kind: 'refused-by-server', code: 'password-needed' });
  });

  test('a host is told that the link is locked and can unlock it', () => {
    const page = new Page().inCall();
    const effects = page.do({ type: 'notice', frame: { type: 'link-locked', locked: true } });
    expect(effects).toEqual([{ type: 'announce', announcement: { key: 'linkLocked' }, urgent: true }]);
    expect(page.state.linkLocked).toBe(true);
    expect(requests(page.do({ type: 'unlock-link' }))).toEqual([{ type: 'unlock' }]);
    page.do({ type: 'notice', frame: { type: 'link-locked', locked: false } });
    expect(page.state.linkLocked).toBe(false);
  });

  test('one who leaves can come again by the same link', () => {
    const page = new Page().inCall();
    expect(page.do({ type: 'leave' })).toEqual([{ type: 'hang-up', leave: true }]);
    const again = page.do({ type: 'rejoin' });
    expect(again[0]).toEqual({ type: 'keep-link' });
    expect(page.state).toMatchObject({ phase: 'pre-join', link, name: 'Me', self: null });
  });

  test('what comes after the end changes nothing', () => {
    const page = new Page().inCall();
    page.do({ type: 'leave' });
    const state = page.state;
    expect(page.do({ type: 'founded', tree: tree(0, 'me') })).toEqual([]);
    expect(page.state).toBe(state);
  });
});

describe('the door', () => {
  test('a knock that does not verify cannot be admitted', () => {
    const page = new Page().inCall();
    page.do({ type: 'notice', frame: { type: 'knocks', knocks: [{ participant: 'x', keyPackage: 'kp', tag: 't', waitingSeconds: 0 }] } });
    page.do({ type: 'knock-checked', participant: 'x', tag: 't', name: null, organisation: null });
    expect(keys(page.do({ type: 'admit', participants: ['x'] }))).toEqual([]);
  });

  test('a knock that was checked is not checked again, a new one of the same visitor is', () => {
    const page = new Page().inCall();
    expect(keys(page.knock('a'))).toEqual(['verify']);
    expect(keys(page.knock('a'))).toEqual([]);
    const renewed = { participant: 'a', keyPackage: 'kp2', tag: 'other', waitingSeconds: 0 };
    expect(keys(page.do({ type: 'notice', frame: { type: 'knocks', knocks: [renewed] } }))).toEqual(['verify']);
  });

  test('an admission counts when it comes back, and then the next one follows', () => {
    const page = new Page().inCall();
    page.knock('a', 'b');
    expect(keys(page.do({ type: 'admit', participants: ['a'] }))).toEqual(['admit']);
    page.do({ type: 'admit', participants: ['b'] });
    const offered = page.do({ type: 'commit-made', commit: { epoch: 0, message: 'm', welcome: 'w' } });
    expect(requests(offered)).toEqual([{ type: 'commit', epoch: 0, message: 'm', adds: ['a'], removes: [], welcome: 'w' }]);
    page.answer(requests(offered)[0] as Request, { type: 'ack' });
    expect(page.state.handshake.admit).toEqual(['a', 'b']);
    expect(keys(page.entry(2, commit(0, 'me', ['a'])))).toEqual(['process', 'admit']);
    expect(page.state.handshake.pending).toMatchObject({ adds: ['b'] });
    expect(requests(page.do({ type: 'advanced', joined: false, tree: tree(1, 'me', 'a') }))).toEqual([{ type: 'ready', epoch: 1 }]);
    page.entry(3, commit(1, 'me', ['b']));
    expect(page.state.handshake).toMatchObject({ pending: null, admit: [] });
  });

  test('all who are let in at once are added by one commit, at most 32 by each', () => {
    const page = new Page().inCall();
    const many = Array.from({ length: 40 }, (_, at) => `guest ${at}`);
    page.knock(...many);
    const [call] = page.do({ type: 'admit', participants: many });
    expect(call).toMatchObject({ type: 'keys', call: { op: 'admit', knocks: { length: 32 } } });
    page.do({ type: 'commit-made', commit: { epoch: 0, message: 'm', welcome: 'w' } });
    page.entry(2, commit(0, 'me', many.slice(0, 32)));
    expect(page.state.handshake.pending).toMatchObject({ adds: many.slice(32) });
  });

  test('when a commit of several is refused, each is tried once alone, and only who is refused again is given up', () => {
    const page = new Page().inCall();
    page.knock('a', 'b', 'c');
    const refused = () => {
      const request = requests(page.do({ type: 'commit-made', commit: { epoch: page.state.handshake.tree?.epoch ?? 0, message: 'm', welcome: 'w' } }))[0];
      return page.answer(request as Request, { type: 'error', code: 'no-such-participant', missed: [] });
    };
    page.do({ type: 'admit', participants: ['a', 'b'] });
    expect(keys(refused())).toEqual(['discard', 'admit']);
    expect(page.state.handshake.pending).toMatchObject({ adds: ['a'] });
    const again = refused();
    expect(again.some(({ type }) => type === 'announce')).toBe(true);
    expect(page.state.handshake.pending).toMatchObject({ adds: ['b'] });
    page.entry(2, commit(0, 'me', ['b']));
    expect(page.state.handshake).toMatchObject({ pending: null, admit: [] });
  });

  test('the knock of a member keeps nobody else out', () => {
    const page = new Page().inCall('h');
    page.knock('h', 'a');
    page.do({ type: 'admit', participants: ['h', 'a'] });
    expect(page.state.handshake.pending).toMatchObject({ adds: ['a'] });
  });

  test('a stale commit is discarded, what was missed is processed, and it is tried again', () => {
    const page = new Page().inCall('h');
    page.knock('a', 'b');
    page.do({ type: 'admit', participants: ['a'] });
    const request = requests(page.do({ type: 'commit-made', commit: { epoch: 1, message: 'm', welcome: 'w' } }))[0] as Request;
    const missed: LogEntry[] = [{ seq: 2, event: commit(1, 'h', ['b']) }];
    expect(keys(page.answer(request, { type: 'error', code: 'stale-epoch', missed }))).toEqual(['discard', 'process', 'admit']);
    // The same entry by the ordinary way.
    expect(keys(page.entry(2, commit(1, 'h', ['b'])))).toEqual([]);
  });

  test('a stale commit is not tried again when the other one did the same', () => {
    const page = new Page().inCall('h');
    page.knock('a');
    page.do({ type: 'admit', participants: ['a'] });
    const request = requests(page.do({ type: 'commit-made', commit: { epoch: 1, message: 'm', welcome: 'w' } }))[0] as Request;
    const missed: LogEntry[] = [{ seq: 2, event: commit(1, 'h', ['a']) }];
    expect(keys(page.answer(request, { type: 'error', code: 'stale-epoch', missed }))).toEqual(['discard', 'process']);
  });

  test('an entry that skips others is not followed: something is kept back', () => {
    const page = new Page().inCall('h');
    expect(keys(page.entry(2, commit(1, 'h', ['a'])))).toEqual(['process']);
    expect(keys(page.entry(4, commit(2, 'h', ['b'])))).toEqual(['resync']);
    expect(page.state).toMatchObject({ phase: 'call', handshake: { applied: 4, resync: { behind: true } } });
  });

  test('what was missed is not taken with a gap: it comes by the log, too', () => {
    const page = new Page().inCall('h');
    page.knock('a');
    page.do({ type: 'admit', participants: ['a'] });
    const request = requests(page.do({ type: 'commit-made', commit: { epoch: 1, message: 'm', welcome: 'w' } }))[0] as Request;
    const missed: LogEntry[] = [{ seq: 3, event: commit(2, 'h', ['b']) }];
    expect(keys(page.answer(request, { type: 'error', code: 'stale-epoch', missed }))).toEqual(['discard', 'admit']);
    expect(page.state.handshake.applied).toBe(1);
  });

  test('a commit that is refused otherwise is given up and said', () => {
    const page = new Page().inCall();
    page.knock('a');
    page.do({ type: 'admit', participants: ['a'] });
    const request = requests(page.do({ type: 'commit-made', commit: { epoch: 0, message: 'm', welcome: 'w' } }))[0] as Request;
    const effects = page.answer(request, { type: 'error', code: 'no-such-participant', missed: [] });
    expect(keys(effects)).toEqual(['discard']);
    expect(effects.some(({ type }) => type === 'announce')).toBe(true);
  });

  test('only one commit is on its way at a time, removals first', () => {
    const page = new Page().inCall('h');
    page.knock('a');
    page.do({ type: 'admit', participants: ['a'] });
    expect(keys(page.do({ type: 'remove', participant: 'h' }))).toEqual([]);
    page.do({ type: 'commit-made', commit: { epoch: 1, message: 'm', welcome: 'w' } });
    page.entry(2, commit(1, 'me', ['a']));
    expect(page.state.handshake.pending).toMatchObject({ removes: ['h'] });
  });
});

describe('one who left', () => {
  test('is removed by the lowest present leaf at once, by the next 400 ms later', () => {
    const lowest = new Page().inCall('b', 'c');
    expect(timers(lowest.entry(2, { type: 'left', participant: 'c' }))).toMatchObject([{ ms: 0 }]);
    const next = new Page().inCall('b', 'c');
    next.do({ type: 'advanced', joined: false, tree: { ...tree(2), members: [...tree(2, 'b', 'me', 'c').members] } });
    expect(timers(next.entry(2, { type: 'left', participant: 'c' }))).toMatchObject([{ ms: 400 }]);
    next.roster(member('me'), member('b', [], false));
    expect(timers(next.entry(3, { type: 'left', participant: 'x' }))).toMatchObject([{ ms: 0 }]);
  });

  test('is removed when it is our turn and nobody has done it', () => {
    const page = new Page().inCall('b');
    page.entry(2, { type: 'left', participant: 'b' });
    expect(keys(page.do({ type: 'timer', timer: { kind: 'left', participant: 'b' } }))).toEqual(['remove']);
  });

  test('is left alone when another member was faster', () => {
    const page = new Page().inCall('b', 'c');
    page.entry(2, { type: 'left', participant: 'b' });
    page.entry(3, commit(1, 'c', [], ['b']));
    expect(keys(page.do({ type: 'timer', timer: { kind: 'left', participant: 'b' } }))).toEqual([]);
  });
});

describe('roster and tree', () => {
  test('a difference that stays is an alarm, until it is gone', () => {
    const page = new Page().inCall('a');
    const effects = page.roster(member('me'), member('a'), member('ghost'));
    expect(timers(effects)).toMatchObject([{ ms: 3000 }]);
    expect(page.state.rosterAlarm).toBe(false);
    page.do({ type: 'timer', timer: { kind: 'roster', mismatch: '+ghost' } });
    expect(page.state.rosterAlarm).toBe(true);
    page.roster(member('me'), member('a'));
    expect(page.state.rosterAlarm).toBe(false);
  });

  test('a difference that has changed meanwhile gets its own time', () => {
    const page = new Page().inCall('a');
    page.roster(member('me'), member('a'), member('x'));
    page.roster(member('me'), member('a'), member('y'));
    page.do({ type: 'timer', timer: { kind: 'roster', mismatch: '+x' } });
    expect(page.state.rosterAlarm).toBe(false);
  });

  test('one whom only the server names has no tile', () => {
    const page = new Page().inCall('a');
    page.roster(member('me'), member('a'), member('ghost', ['camera']));
    expect(tiles(page.state).map(({ name }) => name)).toEqual(['A', 'ME']);
  });
});

describe('a split call', () => {
  test('whose frames do not open is known until they do', () => {
    const page = new Page().inCall('a', 'b');
    page.do({ type: 'apart', participants: ['a'] });
    expect(page.state.apart).toEqual(['a']);
    page.do({ type: 'apart', participants: [] });
    expect(page.state.apart).toEqual([]);
  });

  test('a commit that does not follow from ours ends the call as a split one', () => {
    const ended = (code: string) => {
      const page = new Page().inCall('a');
      page.do({ type: 'not-followed', code });
      return page.state.ending?.kind;
    };
    expect(ended('invalid_commit')).toBe('split');
    expect(ended('wrong_group')).toBe('keys-failed');
  });
});

describe('connections', () => {
  test('a resume without the media connection offers anew, one with it does not', () => {
    const page = new Page().inCall('a');
    page.do({ type: 'media', state: 'connected' });
    page.do({ type: 'interrupted' });
    expect(page.state.online).toBe(false);
    const kept = page.do({ type: 'entered', resumed: true, frame: entered(true) });
    expect(kept.map(({ type }) => type)).not.toContain('connect-media');
    page.do({ type: 'interrupted' });
    const lost = page.do({ type: 'entered', resumed: true, frame: entered(true, true) });
    expect(lost.map(({ type }) => type)).toContain('connect-media');
    expect(page.state.phase).toBe('call');
  });

  test('broken media is connected again, once there is a server to offer to', () => {
    const page = new Page().inCall('a');
    expect(timers(page.do({ type: 'media', state: 'broken' }))).toHaveLength(1);
    page.do({ type: 'interrupted' });
    expect(page.do({ type: 'timer', timer: { kind: 'media' } })).toEqual([]);
    const back = page.do({ type: 'entered', resumed: true, frame: entered(true) });
    expect(back.map(({ type }) => type)).toContain('connect-media');
  });
});

test('media that stays broken is tried at growing distances', () => {
  const page = new Page().inCall('a');
  const waits = Array.from({ length: 7 }, () => timers(page.do({ type: 'media', state: 'broken' }))[0]?.ms);
  expect(waits).toEqual([300, 600, 1200, 2400, 4800, 9600, 10_000]);
  page.do({ type: 'media', state: 'connected' });
  expect(timers(page.do({ type: 'media', state: 'broken' }))[0]?.ms).toBe(300);
});

describe('our own sources', () => {
  test('what is on is told to the roster, and only then', () => {
    const page = new Page().inCall();
    page.do({ type: 'switch', device: 'microphone', on: true });
    const on = page.do({ type: 'device', device: 'microphone', state: 'on', problem: null });
    expect(requests(on)).toEqual([{ type: 'live', sources: ['microphone'] }]);
    const off = page.do({ type: 'switch', device: 'microphone', on: false });
    expect(requests(off)).toEqual([{ type: 'live', sources: [] }]);
    expect(page.state.own.microphone.state).toBe('off');
  });

  test('a whole screen is confirmed before anything of it is sent', () => {
    const page = new Page().inCall();
    page.do({ type: 'share-screen' });
    expect(page.do({ type: 'screen-chosen', wholeScreen: true, sound: false })).toEqual([]);
    const sent = page.do({ type: 'confirm-screen', yes: true });
    expect(sent[0]).toEqual({ type: 'send-screen' });
    expect(requests(sent)).toEqual([{ type: 'live', sources: ['screen'] }]);
    expect(requests(page.do({ type: 'screen-ended' }))).toEqual([{ type: 'live', sources: [] }]);
  });

  test('a blocked device does not block joining', () => {
    const page = new Page();
    page.do({ type: 'device', device: 'camera', state: 'off', problem: 'blocked' });
    expect(page.enter(false).length).toBeGreaterThan(0);
    expect(page.state.phase).toBe('waiting');
  });
});

describe('slots', () => {
  const mids = Array.from({ length: AUDIO_SLOTS + VIDEO_SLOTS }, (_, index) => `m${index}`);

  function open(...others: string[]): Page {
    const page = new Page().inCall(...others);
    page.do({ type: 'offered', mids });
    return page;
  }

  const assigned = (effects: Effect[]) => requests(effects).flatMap((request) => (request.type === 'assign' ? request.slots : []));

  test('microphones have theirs even while muted, cameras only while they are live', () => {
    const page = open('a');
    expect(page.state.slots[0]?.carries).toEqual({ participant: 'a', source: 'microphone' });
    expect(page.state.slots[AUDIO_SLOTS]?.carries).toBeNull();
    const changes = assigned(page.roster(member('me'), member('a', ['camera'])));
    expect(changes).toEqual([{ mid: `m${AUDIO_SLOTS}`, carries: { participant: 'a', source: 'camera' } }]);
    expect(assigned(page.roster(member('me'), member('a')))).toEqual([{ mid: `m${AUDIO_SLOTS}`, carries: null }]);
  });

  test('who is shown keeps the slot when others come and go', () => {
    const page = open('a', 'b');
    page.roster(member('me'), member('a', ['camera']), member('b', ['camera']));
    const before = page.state.slots;
    page.roster(member('me'), member('b', ['camera']));
    page.roster(member('me'), member('b', ['camera', 'screen']));
    expect(page.state.slots[AUDIO_SLOTS + 1]).toBe(before[AUDIO_SLOTS + 1]);
    expect(page.state.slots[AUDIO_SLOTS]?.carries).toEqual({ participant: 'b', source: 'screen' });
  });

  test('with more cameras than slots: pinned, then screens, then who spoke last', () => {
    const many = Array.from({ length: VIDEO_SLOTS + 3 }, (_, index) => `p${index}`);
    const page = open(...many);
    page.roster(member('me'), ...many.map((participant) => member(participant, ['camera'])));
    const shown = () => page.state.slots.slice(AUDIO_SLOTS).map(({ carries }) => `${carries?.participant} ${carries?.source}`);
    const last = many.at(-1) ?? '';
    const beforeLast = many.at(-2) ?? '';
    expect(shown()).not.toContain(`${last} camera`);
    page.do({ type: 'pin', tile: `${last}/camera` });
    expect(shown()).toContain(`${last} camera`);
    page.do({ type: 'speaking', participants: [beforeLast] });
    expect(shown()).toContain(`${beforeLast} camera`);
    page.roster(member('me'), ...many.map((participant) => member(participant, participant === 'p0' ? ['camera', 'screen'] : ['camera'])));
    expect(shown()).toContain('p0 screen');
    expect(shown()).toContain(`${last} camera`);
  });

  test('with more microphones than slots, the slots carry whoever is heard', () => {
    const many = Array.from({ length: AUDIO_SLOTS }, (_, index) => `p${index}`);
    const few = many.map((participant) => member(participant));
    const page = open(...many);
    const before = page.state.slots;
    const floating = { carries: null, show: { height: 0, as: 'speaker' } };
    const changes = assigned(page.roster(member('me'), ...few, member('last')));
    expect(changes).toEqual(before.slice(0, AUDIO_SLOTS).map(({ mid }) => ({ mid, ...floating })));
    expect(assigned(page.roster(member('me'), ...few, member('last')))).toEqual([]);
    page.do({ type: 'slot', slot: 3, sender: { participant: 'last', name: 'LAST', source: 'microphone' }, failing: false });
    expect(page.state.slots[3]).toMatchObject({ sender: { participant: 'last' }, alarm: false, suspect: false });
    const sharing = assigned(page.roster(member('me'), ...few, member('last', ['screen-audio'])));
    expect(sharing).toEqual([{ mid: 'm0', carries: { participant: 'last', source: 'screen-audio' } }]);
    const back = assigned(page.roster(member('me'), ...few));
    expect(back.map(({ carries, show }) => [carries?.participant, show])).toEqual(many.map((participant) => [participant, undefined]));
  });

  test('a new connection is told everything again', () => {
    const page = open('a');
    page.roster(member('me'), member('a', ['camera']));
    expect(assigned(page.do({ type: 'offered', mids }))).toHaveLength(2);
  });

  const from = (participant: string) => ({ participant, name: participant.toUpperCase(), source: 'camera' as const });

  test('a straggler of the source before is no alarm, frames of another are', () => {
    const page = open('a', 'b');
    page.roster(member('me'), member('a', ['camera']), member('b'));
    const slot = AUDIO_SLOTS;
    const first = page.do({ type: 'slot', slot, sender: from('b'), failing: false });
    expect(timers(first)).toMatchObject([{ timer: { kind: 'slot', slot } }]);
    expect(page.state.slots[slot]?.alarm).toBe(false);
    expect(tiles(page.state).find(({ participant }) => participant === 'a')?.picture).toBe('coming');
    expect(keys(page.do({ type: 'timer', timer: { kind: 'slot', slot } }))).toEqual(['watch']);
    page.do({ type: 'slot', slot, sender: from('b'), failing: false });
    expect(page.state.slots[slot]?.alarm).toBe(true);
    // The picture is shown under the name of whom it is from.
    expect(tiles(page.state).find(({ participant }) => participant === 'a')).toMatchObject({ name: 'B', alarm: true });
    page.do({ type: 'slot', slot, sender: from('a'), failing: false });
    expect(page.state.slots[slot]?.alarm).toBe(false);
  });

  test('a picture is shown once frames of the right member have opened, and never while they fail', () => {
    const page = open('a');
    page.roster(member('me'), member('a', ['camera']));
    const picture = () => tiles(page.state).find(({ participant }) => participant === 'a')?.picture;
    expect(picture()).toBe('coming');
    page.do({ type: 'slot', slot: AUDIO_SLOTS, sender: from('a'), failing: false });
    expect(picture()).toBe('shown');
    page.do({ type: 'slot', slot: AUDIO_SLOTS, sender: from('a'), failing: true });
    expect(picture()).toBe('failing');
  });

  test('the server is told how slots are shown, in steps and once', () => {
    const page = open('a', 'b');
    page.roster(member('me'), member('a', ['camera']), member('b', ['camera']));
    const shown = (a: number, b: number) =>
      assigned(page.do({ type: 'shown', heights: new Map([['a/camera', a], ['b/camera', b]]) })).map(({ mid, show }) => [mid, show]);
    const [a, b] = [`m${AUDIO_SLOTS}`, `m${AUDIO_SLOTS + 1}`];
    const first = page.do({ type: 'shown', heights: new Map([['a/camera', 300], ['b/camera', 0]]) });
    expect(keys(first)).toEqual([]);
    expect(assigned(first)).toMatchObject([
      { mid: a, show: { height: 360, as: 'tile' } },
      { mid: b, show: { height: 0, as: 'hidden' } },
    ]);
    expect(shown(340, 0)).toEqual([]);
    expect(shown(361, 100)).toEqual([
      [a, { height: 540, as: 'tile' }],
      [b, { height: 180, as: 'tile' }],
    ]);
    expect(assigned(page.do({ type: 'speaking', participants: ['b'] }))).toMatchObject([{ mid: b, show: { as: 'speaker' } }]);
    expect(assigned(page.do({ type: 'speaking', participants: [] }))).toEqual([]);
    expect(assigned(page.do({ type: 'pin', tile: 'a/camera' }))).toMatchObject([{ mid: a, show: { as: 'pinned' } }]);
  });

  test('a paused picture is shown as paused until it is told otherwise, and after a resume until told again', () => {
    const page = open('a');
    page.roster(member('me'), member('a', ['camera']));
    page.do({ type: 'slot', slot: AUDIO_SLOTS, sender: from('a'), failing: false });
    const picture = () => tiles(page.state).find(({ participant }) => participant === 'a')?.picture;
    page.do({ type: 'notice', frame: { type: 'paused', slots: [`m${AUDIO_SLOTS}`] } });
    expect(picture()).toBe('paused');
    page.do({ type: 'notice', frame: { type: 'paused', slots: [] } });
    expect(picture()).toBe('shown');
    page.do({ type: 'notice', frame: { type: 'paused', slots: [`m${AUDIO_SLOTS}`] } });
    page.do({ type: 'offered', mids });
    expect(page.state.paused).toEqual([]);
  });

  test('what the server says is wanted is applied, and everything after a resume', () => {
    const page = open('a');
    const sources = [{ source: 'camera' as const, spatial: null }];
    expect(page.do({ type: 'notice', frame: { type: 'wanted', sources } })).toEqual([{ type: 'apply-wanted', sources }]);
    const back = page.do({ type: 'entered', resumed: true, frame: entered(true) });
    expect(back).toContainEqual({ type: 'apply-wanted', sources: [] });
  });

  test('a shared screen has a tile while it is live, and its end takes it away', () => {
    const page = open('a');
    page.roster(member('me'), member('a', ['camera', 'screen']));
    expect(tiles(page.state).filter(({ source }) => source === 'screen')).toHaveLength(1);
    page.roster(member('me'), member('a', ['camera']));
    expect(tiles(page.state).filter(({ source }) => source === 'screen')).toHaveLength(0);
  });
});

describe('renewing keys', () => {
  const renewal = { type: 'timer', timer: { kind: 'renewal' } } as const;
  const due = (effects: readonly Effect[]) => timers(effects).filter(({ timer }) => timer.kind === 'renewal').map(({ ms }) => ms);
  const commitOf = (by: string, epoch: number) => ({ type: 'notice', frame: { type: 'entry', seq: 1 + epoch, event: commit(epoch, by, []) } }) as const;

  test('ten minutes after the last commit of ours, each member a little before the next', () => {
    const page = new Page().inCall('you', 'they');
    const { tree: members } = page.state.handshake;
    expect(due(page.do(commitOf('you', 1)))).toEqual([]);
    expect(due(page.do(commitOf('me', 2)))).toEqual([600_000 - 3 * 400]);
    expect(members?.members).toHaveLength(3);
    expect(keys(page.do(renewal))).toEqual(['update']);
    const [request] = requests(page.do({ type: 'commit-made', commit: { epoch: 3, message: 'update', welcome: null } }));
    expect(request).toEqual({ type: 'commit', epoch: 3, message: 'update', adds: [], removes: [] });
    const effects = page.do(commitOf('me', 3));
    expect(due(effects)).toHaveLength(1);
    expect(keys(effects)).toEqual(['process']);
  });

  test('not by one who is alone, and in large calls not as often', () => {
    const alone = new Page().inCall();
    expect(due(alone.do(renewal))).toHaveLength(1);
    expect(alone.state.handshake.pending).toBeNull();
    const many = new Page().inCall(...Array.from({ length: 199 }, (_, n) => `p${n}`));
    expect(due(many.do(commitOf('me', 1)))).toEqual([1_200_000 - 200 * 400]);
  });

  test('a comparison puts it off, once', () => {
    const page = new Page().inCall('you');
    page.do({ type: 'compared', compared: { epoch: 1, said: [], state: { kind: 'agreed', code: '1234 5678' } } });
    const first = page.do(renewal);
    expect([keys(first), due(first)]).toEqual([[], [120_000]]);
    expect(keys(page.do(renewal))).toEqual(['update']);
  });

  test('one that lost the race is made again, one that is refused ten minutes later', () => {
    const page = new Page().inCall('you');
    const offer = (epoch: number) => requests(page.do({ type: 'commit-made', commit: { epoch, message: 'update', welcome: null } }))[0];
    page.do(renewal);
    const lost = offer(1);
    expect(lost).toBeDefined();
    if (lost === undefined) return;
    const missed = [{ seq: 2, event: commit(1, 'you', []) }];
    expect(keys(page.answer(lost, { type: 'error', code: 'stale-epoch', missed }))).toEqual(['discard', 'process', 'update']);
    const refused = offer(2);
    if (refused === undefined) return;
    const effects = page.answer(refused, { type: 'error', code: 'forbidden', missed: [] });
    expect([keys(effects), due(effects)]).toEqual([['discard'], [600_000 - 2 * 400]]);
    expect(effects.filter(({ type }) => type === 'announce')).toEqual([]);
  });
});
