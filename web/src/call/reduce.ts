/** State and event to state and effects. Pure: no clock, no chance, no browser. */

import { isOver } from '../door';
import type { Answer, Notice } from '../signaling';
import type { Code, KnockNotice, Request } from '../wire';
import { arrive, arrived, certificateCame, recertified } from './certified';
import { askAgain, compared, confirm, confirmed, lookAtCode } from './comparing';
import {
  admit,
  advanced,
  applyEntry,
  checkRoster,
  commitAnswered,
  commitFailed,
  commitMade,
  nextCommit,
  remove,
  removalDue,
  renewalDue,
  renewLater,
  rosterSettled,
  skips,
} from './handshake';
import { becomeHost, becomePresenter, hosting, letIn, mutedBy, roomLocked } from './hosting';
import type { Effect, Event, Outcome, Timer } from './messages';
import { cameBack, checkAgain, entryWhileBehind, fallBehind, knockedAgain, longAgo, returnChecked, returnDue } from './resync';
import { openSlots, reassign, slotReported, slotSettled } from './slots';
import { initialState, liveSources, mayShare, type Ending, type OwnDevice, type OwnScreen, type State, type Visitor } from './state';
import { chain, outcome, unchanged } from './step';
import { answer, notSaid, opened, openDevices, saw, showDevices, showDevicesLater, shown, told } from './words';

/** How long a broken media connection rests before the next attempt; twice as long each time it fails again. */
const MEDIA_RETRY_MS = 300;
const MEDIA_RETRY_MAX_MS = 10_000;

/** What follows from an event. */
export function reduce(state: State, event: Event): Outcome<State> {
  // Late answers of socket, worker and devices find a call that is over.
  if (state.phase === 'over' && event.type !== 'rejoin') return unchanged(state);
  switch (event.type) {
    case 'join':
      return join(state, event.name, event.password);
    case 'derived':
      return state.phase === 'entering' ? outcome(state, { type: 'open-socket', proof: event.proof }) : unchanged(state);
    case 'no-password':
      return outcome({ ...state, phase: 'pre-join', passwordProblem: { kind: 'malformed' } });
    case 'leave':
      return end(state, { kind: state.phase === 'waiting' ? 'gave-up' : 'left' });
    case 'end-for-all':
      return outcome(state, { type: 'request', request: { type: 'end-call' } });
    case 'rejoin':
      return rejoin(state);
    case 'admit':
      return admit(state, event.participants);
    case 'refuse':
      return outcome(
        { ...state, visitors: state.visitors.filter(({ participant }) => participant !== event.participant) },
        { type: 'request', request: { type: 'refuse', participant: event.participant } },
      );
    case 'saw':
      return saw(state, event.participant);
    case 'answer':
      return answer(state, event.participant, event.word);
    case 'remove':
      return remove(state, event.participant);
    case 'switch':
      return switchDevice(state, event.device, event.on);
    case 'share-screen':
      if (state.own.screen.state !== 'off' || !mayShare(state)) return unchanged(state);
      return outcome(withScreen(state, { state: 'choosing', sound: false }), { type: 'choose-screen' });
    case 'screen-chosen':
      return event.wholeScreen
        ? outcome(withScreen(state, { state: 'confirming', sound: event.sound }))
        : sendScreen(withScreen(state, { state: 'on', sound: event.sound }));
    case 'confirm-screen':
      if (state.own.screen.state !== 'confirming') return unchanged(state);
      return event.yes ? sendScreen(withScreen(state, { ...state.own.screen, state: 'on' })) : stopScreen(state);
    case 'stop-screen':
    case 'screen-ended':
      return stopScreen(state);
    case 'shown':
      return reassign({ ...state, heights: event.heights });
    case 'pin':
      return reassign({ ...state, pinned: event.tile });
    case 'set-quality':
      return outcome({ ...state, quality: event.quality }, { type: 'apply-quality', quality: event.quality });
    case 'unlock-link':
      return outcome(state, { type: 'request', request: { type: 'unlock' } });
    case 'lock':
    case 'let-in':
    case 'mute':
    case 'make-host':
    case 'make-presenter':
      return hosting(state, event);
    case 'unlock-sound':
      return outcome({ ...state, soundBlocked: false }, { type: 'play-sound' });
    case 'compare':
      return lookAtCode(state, event.open);
    case 'compared':
      return compared(state, event.compared);
    case 'confirm-comparison':
      return confirm(state);
    case 'confirmed':
      return confirmed(state, event.tree);
    case 'takes-raw':
      return outcome({ ...state, takesRaw: true });
    case 'sound-blocked':
      return outcome({ ...state, soundBlocked: true });
    case 'entered':
      return event.resumed ? resumed(state, event.frame.mediaLost) : entered(state, event);
    case 'notice':
      return noticed(state, event.frame);
    case 'interrupted':
      return interrupted(state);
    case 'refused-by-server':
      return turnedAway(state, event.code, event.triesLeft);
    case 'answered':
      return answered(state, event.request, event.answer);
    case 'founded':
      return outcome(
        { ...state, handshake: { ...state.handshake, tree: event.tree }, order: event.tree.members.map((m) => m.participant) },
        { type: 'request', request: { type: 'start-call' } },
      );
    case 'knock-made':
      return outcome(state, { type: 'request', request: { type: 'knock', ...event.knock } });
    case 'advanced':
      if (event.joined && state.handshake.resync.behind) return cameBack(state, event.tree);
      return event.joined
        ? chain(
            state,
            (s) => outcome(s, { type: 'keys', call: { op: 'activate', epoch: event.tree.epoch } }),
            (s) => advanced(s, event.tree),
            startCall,
            renewLater,
            (s) => outcome(s, { type: 'announce', announcement: { key: 'admitted' }, urgent: false }),
          )
        : chain(state, (s) => advanced(s, event.tree), checkAgain);
    case 'return-checked':
      return returnChecked(state, event.participant, event.tag, event.check);
    case 'not-followed':
      return notFollowed(state, event.code);
    case 'knock-checked':
      return knockChecked(state, event);
    case 'word-sealed':
      return outcome(state, { type: 'request', request: { type: 'tell', participant: event.participant, word: event.word } });
    case 'told':
      return told(state, event.word);
    case 'devices-sealed':
      return outcome(state, { type: 'request', request: { type: 'show-devices', devices: event.devices } });
    case 'devices-opened':
      return outcome(opened(state, event.participant, event.sealed, event.devices));
    case 'certified':
      return arrived(state, event);
    case 'uncertified':
      if (state.marking === null || state.arriving === null) return arrived(state, null);
      return refused(state, event.listed ? 'certificate-needed' : 'not-listed');
    case 'certificate':
      return certificateCame(state, event.certificate, event.lastsMs);
    case 'recertified':
      return recertified(state, event.tree);
    case 'commit-made':
      return commitMade(state, event.commit);
    case 'commit-not-made':
      return commitFailed(state, event.code);
    case 'cut-off':
      return end(state, { kind: 'removed' });
    case 'keys-failed':
      return end(state, { kind: 'keys-failed' });
    case 'slot':
      return slotReported(state, event);
    case 'apart':
      return outcome({ ...state, apart: event.participants });
    case 'device':
      return deviceChanged(state, event.device, { state: event.state, problem: event.problem });
    case 'offered':
      return openSlots(state, event.mids);
    case 'media':
      return mediaChanged(state, event.state);
    case 'speaking':
      return reassign({
        ...state,
        speaking: event.participants,
        lastSpoke: [...event.participants, ...state.lastSpoke.filter((p) => !event.participants.includes(p))],
      });
    case 'timer':
      return timeIsUp(state, event.timer);
  }
}

function join(state: State, name: string, password: string | null): Outcome<State> {
  if (state.phase !== 'pre-join') return unchanged(state);
  const { room, secret } = state.link;
  return outcome(
    { ...state, phase: 'entering', name, passwordProblem: null },
    { type: 'keys', call: { op: 'derive', room, secret, password } },
  );
}

function entered(state: State, { frame }: Extract<Event, { type: 'entered' }>): Outcome<State> {
  const known: State = {
    ...state,
    self: frame.participant,
    host: frame.host,
    sharing: frame.sharing ?? 'all',
    suite: frame.suite,
    marking: frame.marking ?? null,
    lobby: frame.lobby ?? false,
    online: true,
    phase: frame.host ? 'entering' : 'waiting',
  };
  return arrive(known, frame.host ? 'create' : 'knock');
}

function resumed(state: State, mediaLost: boolean): Outcome<State> {
  // What is paused and wanted is told again.
  const back: State = { ...state, online: true, mismatch: '', mediaFailures: 0, paused: [], linkLocked: false, locked: false };
  if (state.phase !== 'call') return showDevices(back);
  return chain(
    back,
    (s) => outcome(s, { type: 'apply-wanted', sources: [] }),
    (s) => outcome(s, { type: 'announce', announcement: { key: 'reconnected' }, urgent: false }, live(s)),
    (s) => outcome(s, { type: 'keys', call: { op: 'said' } }),
    (s) => (mediaLost || s.media === 'broken' ? connectMedia(s) : unchanged(s)),
    nextCommit,
  );
}

function interrupted(state: State): Outcome<State> {
  if (!state.online) return unchanged(state);
  const offline: State = { ...state, online: false };
  if (state.phase !== 'call') return outcome(offline);
  return outcome(offline, { type: 'announce', announcement: { key: 'reconnecting' }, urgent: true });
}

/** The door did not open: for want of the password another can be tried, or the same again when the host has unlocked. */
function turnedAway(state: State, code: Code, triesLeft: number | null): Outcome<State> {
  if (state.phase === 'entering' && state.link.password) {
    const back = { ...state, phase: 'pre-join' } as const;
    if (code === 'password-wrong') return outcome({ ...back, passwordProblem: { kind: 'wrong', triesLeft: triesLeft ?? 0 } });
    if (code === 'link-locked') return outcome({ ...back, passwordProblem: { kind: 'locked' } });
  }
  return refused(state, code);
}

function refused(state: State, code: Code): Outcome<State> {
  return end(state, code === 'gone' ? { kind: 'lost' } : { kind: 'refused-by-server', code });
}

function noticed(state: State, frame: Notice): Outcome<State> {
  switch (frame.type) {
    case 'entry':
      if (state.handshake.resync.behind) return entryWhileBehind(state, frame);
      return skips(state, frame) ? behind({ ...state, handshake: { ...state.handshake, applied: frame.seq } }) : applyEntry(state, frame);
    case 'resyncs':
      return knockedAgain(state, frame.knocks);
    case 'activate':
      return outcome(state, { type: 'keys', call: { op: 'activate', epoch: frame.epoch } });
    case 'posted':
      return outcome(state, { type: 'keys', call: { op: 'hear', message: frame.message } });
    case 'roster': {
      const order = [...state.order];
      for (const { participant } of frame.members) if (!order.includes(participant)) order.push(participant);
      return chain({ ...state, roster: frame.members, order }, checkRoster, reassign, (s) => becomeHost(s, frame.members), (s) => becomePresenter(s, frame.members));
    }
    case 'knocks':
      return knocked(state, frame.knocks);
    case 'waiting':
      return outcome({ ...state, waiting: { callRunning: frame.callRunning, hostPresent: frame.hostPresent } });
    case 'told':
      return outcome(state, { type: 'keys', call: { op: 'told', word: frame.word } });
    case 'devices':
      return shown(state, frame.participant, frame.devices);
    case 'paused':
      return outcome({ ...state, paused: frame.slots });
    case 'wanted':
      return outcome(state, { type: 'apply-wanted', sources: frame.sources });
    case 'link-locked': {
      const key = frame.locked ? 'linkLocked' : 'linkUnlocked';
      const announce: Effect = { type: 'announce', announcement: { key }, urgent: frame.locked };
      return outcome({ ...state, linkLocked: frame.locked }, announce);
    }
    case 'room-locked':
      return roomLocked(state, frame.locked);
    case 'muted':
      return muted(state, frame.by);
    case 'media-lost':
      return state.phase === 'call' ? connectMedia(state) : unchanged(state);
    case 'over':
      return end(state, { kind: frame.reason });
  }
}

/** Entries are missing, or the worker cannot follow one. */
function behind(state: State): Outcome<State> {
  return fallBehind(state) ?? end(state, { kind: 'keys-failed' });
}

/** The worker could not process an entry's commit. */
function notFollowed(state: State, code: string): Outcome<State> {
  // What was made for where we no longer are.
  if (state.handshake.resync.behind || code === 'stale_epoch') return unchanged(state);
  if (code === 'future_epoch' || code === 'forgotten_commit') return behind(state);
  // A commit that does not follow from ours was made where another one was taken before.
  return end(state, { kind: code === 'invalid_commit' ? 'split' : 'keys-failed' });
}

function knocked(state: State, knocks: readonly KnockNotice[]): Outcome<State> {
  const effects: Effect[] = [];
  const visitors = knocks.map(({ participant, keyPackage, tag, waitingSeconds, devices }): Visitor => {
    const known = state.visitors.find((visitor) => visitor.participant === participant && visitor.tag === tag);
    if (known !== undefined) return known;
    effects.push({ type: 'keys', call: { op: 'verify', participant, keyPackage, tag } });
    const unsaid = { sealedDevices: devices ?? null, devices: null, seen: false, answered: null };
    return { participant, keyPackage, tag, waitingSeconds, check: 'checking', name: '', organisation: null, ...unsaid };
  });
  const wanted = state.handshake.admit.filter((participant) => knocks.some((knock) => knock.participant === participant));
  const said = knocks.flatMap(({ participant, devices }) => (devices === undefined ? [] : [{ participant, devices }]));
  return chain(
    { ...state, visitors, handshake: { ...state.handshake, admit: wanted } },
    (s) => outcome(s, ...effects),
    ...said.map(({ participant, devices }) => (s: State) => shown(s, participant, devices)),
  );
}

function knockChecked(state: State, { participant, tag, name, organisation }: Extract<Event, { type: 'knock-checked' }>): Outcome<State> {
  const visitors = state.visitors.map((visitor): Visitor => {
    if (visitor.participant !== participant || visitor.tag !== tag) return visitor;
    return name === null ? { ...visitor, check: 'forged' } : { ...visitor, check: 'valid', name, organisation };
  });
  const next: State = { ...state, visitors };
  if (name === null) return outcome(next);
  if (state.letsIn) return letIn(next);
  return chain(
    next,
    (s) => outcome(s, { type: 'announce', announcement: { key: 'knocking', names: [name] }, urgent: false }),
    (s) => openDevices(s, participant),
  );
}

function answered(state: State, request: Request, reply: Answer): Outcome<State> {
  switch (request.type) {
    case 'start-call':
      if (reply.type !== 'error') return chain(state, startCall, renewLater);
      if (reply.code !== 'call-running') return refused(state, reply.code);
      // Someone was faster: our group of one is thrown away, we ask to be let in.
      return arrive({ ...state, phase: 'waiting', seen: false, told: null, order: [], handshake: { ...state.handshake, tree: null } }, 'knock');
    case 'knock':
      return reply.type === 'error' ? refused(state, reply.code) : showDevices(state);
    case 'show-devices':
      return reply.type === 'error' && reply.code === 'too-many' ? showDevicesLater(state) : unchanged(state);
    case 'commit':
      return commitAnswered(state, reply);
    case 'tell':
      if (reply.type !== 'error') return unchanged(state);
      return actionFailed(notSaid(state, request.participant), reply.code);
    case 'end-call':
    case 'lock':
    case 'mute':
    case 'make-host':
    case 'make-presenter':
    case 'unlock':
    case 'refuse':
      return reply.type === 'error' ? actionFailed(state, reply.code) : unchanged(state);
    default:
      return unchanged(state);
  }
}

/** What the user wanted was refused; who has gone meanwhile is no news. */
function actionFailed(state: State, code: Code): Outcome<State> {
  if (code === 'no-such-participant') return outcome(state);
  return outcome(state, { type: 'announce', announcement: { key: 'actionFailed', code }, urgent: true });
}

function startCall(state: State): Outcome<State> {
  // What prevents a device was said before the call; from now on only what is new is.
  const { microphone, camera, screen } = state.own;
  const own = { microphone: { ...microphone, problem: null }, camera: { ...camera, problem: null }, screen };
  const inCall: State = { ...state, phase: 'call', waiting: null, own };
  return chain(inCall, (s) => outcome(s, live(s)), connectMedia, nextCommit);
}

function connectMedia(state: State): Outcome<State> {
  return outcome({ ...state, media: 'connecting' }, { type: 'connect-media' });
}

function mediaChanged(state: State, media: 'connecting' | 'connected' | 'broken'): Outcome<State> {
  const failures = state.mediaFailures;
  if (media !== 'broken') return outcome({ ...state, media, mediaFailures: media === 'connected' ? 0 : failures });
  const broken: State = { ...state, media, mediaFailures: failures + 1 };
  const ms = Math.min(MEDIA_RETRY_MS * 2 ** failures, MEDIA_RETRY_MAX_MS);
  return state.phase === 'call' ? outcome(broken, { type: 'timer', timer: { kind: 'media' }, ms }) : outcome(broken);
}

function timeIsUp(state: State, timer: Timer): Outcome<State> {
  switch (timer.kind) {
    case 'left':
      return removalDue(state, timer.participant);
    case 'return':
      return returnDue(state, timer.participant);
    case 'behind':
      // Nobody vouches for us: they were not there, or are in another call.
      return state.handshake.resync.behind ? end(state, { kind: 'keys-failed' }) : unchanged(state);
    case 'fell':
      return longAgo(state);
    case 'roster':
      return rosterSettled(state, timer.mismatch);
    case 'slot':
      return slotSettled(state, timer.slot);
    case 'comparison':
      return askAgain(state);
    case 'renewal':
      return renewalDue(state);
    case 'certificate':
      return outcome(state, { type: 'certify', again: true });
    case 'devices':
      return showDevices(state);
    case 'media':
      // Without the socket there is nobody to offer to: the resume connects.
      return state.media === 'broken' && state.online ? connectMedia(state) : unchanged(state);
  }
}

function live(state: State): Effect {
  return { type: 'request', request: { type: 'live', sources: liveSources(state) } };
}

function tellLive(state: State): Outcome<State> {
  return state.phase === 'call' ? outcome(state, live(state)) : unchanged(state);
}

function switchDevice(state: State, device: 'microphone' | 'camera', on: boolean): Outcome<State> {
  if (on) return outcome(withDevice(state, device, { state: 'starting', problem: null }), { type: 'device', device, on });
  return chain(
    state,
    (s) => outcome(s, { type: 'device', device, on }),
    (s) => deviceChanged(s, device, { state: 'off', problem: s.own[device].problem }),
  );
}

/** A host has muted us. Switching the microphone on again is our own affair. */
function muted(state: State, by: string): Outcome<State> {
  const name = mutedBy(state, by);
  if (name === null || state.own.microphone.state === 'off') return unchanged(state);
  return chain(
    state,
    (s) => switchDevice(s, 'microphone', false),
    (s) => outcome(s, { type: 'announce', announcement: { key: 'muted', by: name }, urgent: true }),
  );
}

function deviceChanged(state: State, device: 'microphone' | 'camera', own: OwnDevice): Outcome<State> {
  const before = state.own[device].state;
  const after = own.state;
  const key = device === 'microphone' ? (after === 'on' ? 'microphoneOn' : 'microphoneOff') : after === 'on' ? 'cameraOn' : 'cameraOff';
  return chain(
    withDevice(state, device, own),
    tellLive,
    showDevices,
    // Before the call the page itself shows it; in the call it must not go unnoticed.
    (s) =>
      s.phase === 'call' && before !== after && after !== 'starting'
        ? outcome(s, { type: 'announce', announcement: { key }, urgent: true })
        : unchanged(s),
  );
}

function withDevice(state: State, device: 'microphone' | 'camera', own: OwnDevice): State {
  return { ...state, own: { ...state.own, [device]: own } };
}

function withScreen(state: State, screen: OwnScreen): State {
  return { ...state, own: { ...state.own, screen } };
}

function sendScreen(state: State): Outcome<State> {
  return chain(
    state,
    (s) => outcome(s, { type: 'send-screen' }),
    tellLive,
    (s) => outcome(s, { type: 'announce', announcement: { key: 'sharing' }, urgent: true }),
  );
}

function stopScreen(state: State): Outcome<State> {
  const was = state.own.screen.state;
  if (was === 'off') return unchanged(state);
  const off = withScreen(state, { state: 'off', sound: false });
  if (was !== 'on') return outcome(off, { type: 'stop-screen' });
  return chain(
    off,
    tellLive,
    (s) => outcome(s, { type: 'stop-screen' }),
    (s) => outcome(s, { type: 'announce', announcement: { key: 'sharingStopped' }, urgent: true }),
  );
}

/** Endings after which the same link leads somewhere again. */
export function mayRejoin(ending: Ending): boolean {
  if (ending.kind === 'refused-by-server' && isOver(ending.code)) return false;
  return ['left', 'gave-up', 'lost', 'keys-failed', 'split', 'refused-by-server'].includes(ending.kind);
}

function end(state: State, ending: Ending): Outcome<State> {
  const nothing = initialState(state.link, state.name, state.quality);
  const link = mayRejoin(ending) ? state.link : { ...state.link, secret: '', hostKey: null };
  const leave = ['left', 'gave-up', 'keys-failed', 'split'].includes(ending.kind);
  return outcome({ ...nothing, link, host: state.host, phase: 'over', ending }, { type: 'hang-up', leave });
}

function rejoin(state: State): Outcome<State> {
  if (state.ending === null || !mayRejoin(state.ending)) return unchanged(state);
  return chain(
    initialState(state.link, state.name, state.quality),
    (s) => outcome(s, { type: 'keep-link' }),
    (s) => switchDevice(s, 'microphone', true),
    (s) => switchDevice(s, 'camera', true),
  );
}
