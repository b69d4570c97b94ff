/** English. The other languages have exactly these texts: a missing one is a type error. */

import { deskEn } from './desk.en';

const list = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;

export const en = {
  languageName: 'English',
  appName: 'Conclave',
  tagline: 'Conversations that stay among you',

  // Before the call
  joinTitle: 'Ready to join?',
  hostTitle: 'Ready to start?',
  yourName: 'Your name',
  nameHint: 'Shown to everyone in the call',
  nameMissing: 'Enter a name so that the others know who you are.',
  nameTooLong: 'This name is too long.',
  password: 'Password',
  passwordHint: 'Twelve letters and digits that reached you another way than the link',
  passwordMissing: 'Enter the password. You get it from the person who invited you, not in the message with the link.',
  passwordMalformed: 'This cannot be the password: it has twelve letters and digits. Nothing was sent.',
  passwordWrong: (tries: number) =>
    tries === 1
      ? 'This is not the password. One more wrong try locks the link.'
      : `This is not the password. ${tries} more wrong tries lock the link.`,
  passwordLocked: 'Too many wrong passwords have locked this link. Ask the host to unlock it, then try again.',
  showPassword: 'Show',
  showPasswordLabel: 'Show password',
  askToJoin: 'Ask to join',
  enterAsHost: 'Enter as host',
  connecting: 'Connecting…',
  devices: 'Camera and sound',
  microphone: 'Microphone',
  camera: 'Camera',
  speaker: 'Loudspeaker',
  systemDefault: 'System default',
  testSpeaker: 'Play a test tone',
  microphoneLevel: 'Microphone level',
  cameraPreview: 'Your camera preview',
  cameraIsOff: 'Your camera is off',
  cameraStarting: 'Starting the camera…',
  askingPermission: 'Your browser asks whether Conclave may use them. You can join without, too.',
  encryptedNote: 'End-to-end encrypted. Nothing is recorded.',

  // Devices
  deviceProblem: {
    microphone: {
      blocked: 'The browser blocks the microphone. Allow it with the icon in the address bar, then switch it on. You can join without it.',
      'blocked-by-system': 'Your system blocks the microphone for this browser. Allow it in the system settings under Privacy. You can join without it.',
      missing: 'No microphone was found. You can join without one, and listen.',
      busy: 'Another program uses the microphone. Close it and switch the microphone on again.',
      failed: 'The microphone could not be opened. You can join without it.',
    },
    camera: {
      blocked: 'The browser blocks the camera. Allow it with the icon in the address bar, then switch it on. You can join without it.',
      'blocked-by-system': 'Your system blocks the camera for this browser. Allow it in the system settings under Privacy. You can join without it.',
      missing: 'No camera was found. You can join without one.',
      busy: 'Another program uses the camera. Close it and switch the camera on again.',
      failed: 'The camera could not be opened. You can join without it.',
    },
  },

  // Waiting
  waitingTitle: 'Please wait to be let in',
  waitingTold: 'The host has been told that you are here.',
  waitingMembers: 'The people in the call have been told that you are here.',
  waitingSeen: 'The host has seen that you are waiting.',
  toldTitle: 'Message from the host',
  phrases: {
    soon: 'It is your turn in a moment.',
    'five-minutes': 'Five more minutes, please.',
    'ten-minutes': 'Ten more minutes, please.',
    'check-devices': 'Please check your camera and microphone.',
    'by-telephone': 'I will call you by telephone.',
  },
  waitingNobody: 'Nobody is here yet. As soon as the host comes, they are told that you are here.',
  waitingKeep: 'Keep this page open. You can test your devices meanwhile.',
  waitingOffline: 'Connection lost. Your place is kept while we reconnect…',
  stopWaiting: 'Stop waiting',

  // Buttons of the call: each names what it will do
  muteMicrophone: 'Mute microphone',
  unmuteMicrophone: 'Unmute microphone',
  stopCamera: 'Turn camera off',
  startCamera: 'Turn camera on',
  shareScreen: 'Share screen',
  stopSharing: 'Stop sharing',
  leave: 'Leave',
  leaveCall: 'Leave the call',
  endForAll: 'End for everyone',
  people: 'People',
  showPeople: (count: number) => `Show people (${count})`,
  hidePeople: 'Hide people',
  settings: 'Settings',
  copyInvitation: 'Copy invitation',
  invitationCopied: 'Invitation copied. Send it to whomever you want to meet.',
  copyFailed: 'Copying was refused by the browser. This is the link:',
  toolbar: 'Call controls',
  notices: 'Notices',
  close: 'Close',
  cancel: 'Cancel',

  // Leaving
  leaveTitle: 'Leave the call?',
  leaveText: 'You can leave and let the others go on, or end the call for everyone.',

  // Screen
  wholeScreenTitle: 'Share your whole screen?',
  wholeScreenText: 'Everyone in the call will see everything on it: notifications, messages and other windows too. A single window or tab shows less.',
  shareWholeScreen: 'Share whole screen',
  youShare: 'You are sharing your screen',
  youShareSound: 'You are sharing your screen with sound',

  // Tiles
  you: 'You',
  nameYou: (name: string) => `${name} (you)`,
  screenOf: (name: string) => `${name}'s screen`,
  isMuted: 'muted',
  isSpeaking: 'speaking',
  reconnecting: 'Reconnecting…',
  videoPaused: 'Video paused: weak connection',
  waitingForVideo: 'Video is coming…',
  cannotDecrypt: 'Cannot be decrypted',
  wrongSender: 'Warning: this picture is not from whom the server says',
  pin: (name: string) => `Enlarge ${name}`,
  unpin: (name: string) => `Stop enlarging ${name}`,
  participants: 'Participants',
  aloneTitle: 'You are the only one here',
  aloneText: 'Send the invitation. Whoever opens it asks to join, and you let them in.',
  aloneScheduledText: 'Your guests come by links of their own. As soon as one asks to join, you see it here.',

  // The door
  knocking: (names: readonly string[]) => `${list(names)} ${names.length === 1 ? 'asks' : 'ask'} to join`,
  waitsFor: (minutes: number) => `for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`,
  devicesOf: (microphone: boolean, camera: boolean) =>
    microphone && camera
      ? 'Camera and microphone ready'
      : microphone
        ? 'Microphone ready, camera off'
        : camera
          ? 'Camera ready, microphone off'
          : 'Camera and microphone off',
  answer: 'Answer',
  answerName: (name: string) => `Answer ${name}`,
  answersTo: (name: string) => `Answers to ${name}`,
  ownAnswer: 'Your own words',
  sendAnswer: 'Send',
  answered: (text: string) => `You said: “${text}”`,
  consultationWith: (name: string) => `Consultation with ${name}`,
  checklistTitle: (name: string) => `Before you admit ${name}`,
  checkAlone: 'Nobody is in my room who does not belong to this consultation, and nobody can listen in.',
  checkExpected: (name: string) => `I expect ${name}, and the time and the name fit the appointment.`,
  checkIntroduce: 'I will introduce everybody who is present on my side, and ask who is on the other.',
  admit: 'Admit',
  admitName: (name: string) => `Admit ${name}`,
  admitting: 'Admitting…',
  refuse: 'Refuse',
  refuseName: (name: string) => `Refuse ${name}`,
  admitAll: (count: number) => `Admit all (${count})`,
  forgedKnock: 'Someone knocked without knowing the link. They cannot be let in.',
  atTheDoor: 'At the door',

  // People
  inTheCall: 'In the call',
  isHost: 'Host',
  isGuest: 'Guest',
  isAbsent: 'Connection lost',
  remove: (name: string) => `Remove ${name}`,
  removeTitle: (name: string) => `Remove ${name}?`,
  removeText: 'They are cut off at once and cannot decrypt anything that follows.',
  removeConfirm: 'Remove',

  // Security
  encrypted: 'End-to-end encrypted',
  encryptionChip: 'End-to-end encrypted. Compare the code',
  codeTitle: 'Compare the code',
  codeText: 'Read these digits to each other. If everyone has the same, nobody is between you, and the server has neither swapped nor added anyone.',
  codeChanges: 'The digits change whenever someone joins or leaves.',
  codeDiffers: 'If they differ or do not appear, end the call and meet by a new link.',
  codeAlone: 'Nobody else is here. As soon as someone is, the digits to compare appear here.',
  codeWaiting: 'All devices in the call are agreeing on digits…',
  codeMissing: (names: readonly string[]) =>
    `No answer from the ${names.length === 1 ? 'device' : 'devices'} of ${list(names)}. The digits appear once every device has answered.`,
  codeHeld: 'There were many codes within a short time. The next one takes up to two minutes.',
  codeBroken: (name: string) =>
    `The device of ${name} did not keep to the rules for the digits. There are none until someone joins or leaves. Do not say anything confidential.`,
  codeSame: 'Everyone has the same digits',
  codeDone: 'Compared: everyone in the call is marked on this device, for as long as they stay.',
  trust: { guest: 'not compared', compared: 'compared' },
  notCompared: (names: readonly string[]) =>
    `Not compared: ${list(names)}. Whoever comes, or comes back, has new keys. Compare the digits again.`,
  notComparedShort: (names: readonly string[]) => `Not compared: ${list(names)}`,
  compareNow: 'Compare',
  rosterAlarmTitle: 'The list of people does not match the encryption',
  rosterAlarmText: 'The server names other people than those who hold the keys. Do not say anything confidential; end the call and try a new link.',
  splitTitle: 'The server may have split this call',
  splitText: (names: readonly string[]) =>
    `What ${list(names)} ${names.length === 1 ? 'sends' : 'send'} reaches you but cannot be decrypted. Compare the digits with each other and hang up if they differ or do not appear.`,
  splitEndText: 'It sent a change that does not follow from those before, as if this were two calls. To be safe the call was left. If it happens again, meet by a new link.',

  // The link's password
  linkLocked: 'Somebody has tried five wrong passwords. Nobody can join by the link until you unlock it.',
  unlockLink: 'Unlock link',
  announceLinkUnlocked: 'The link is unlocked',

  // Connection
  connectionLost: 'Connection lost. Reconnecting…',
  mediaLost: 'Sound and picture are interrupted. Reconnecting…',
  soundBlocked: 'Your browser has not turned the sound on.',
  turnSoundOn: 'Turn on sound',

  // Settings
  language: 'Language',
  videoQuality: 'Video quality you send',
  qualityStandard: 'Standard (720p)',
  qualitySaver: 'Data saver (180p)',
  shortcuts: 'Keyboard shortcuts: Ctrl+D microphone, Ctrl+E camera',
  copyDiagnostics: 'Copy diagnostics',
  diagnosticsCopied: 'Diagnostics copied. They hold no names and no keys.',

  // Endings
  endedTitle: 'The call has ended',
  endedText: 'Ended; nothing was recorded. The keys have been wiped.',
  leftTitle: 'You have left the call',
  leftText: 'Nothing was recorded. Your keys have been wiped.',
  gaveUpTitle: 'You are no longer waiting',
  gaveUpText: 'Your request to join was withdrawn.',
  refusedTitle: 'You were not let in',
  refusedText: 'The host has turned your request down. Talk to whoever sent you the link.',
  removedTitle: 'You were removed from the call',
  removedText: 'A host has removed you. Your keys no longer open anything.',
  replacedTitle: 'The call goes on elsewhere',
  replacedText: 'It was taken over by another page or device.',
  lostTitle: 'Your place in the call is gone',
  lostText: 'You were away for too long, or the call has ended meanwhile.',
  keysFailedTitle: 'The encryption could not go on',
  keysFailedText: 'To be safe the call was left. Join again to start with fresh keys.',
  serverRefusedTitle: 'The server did not let you in',
  rejoin: 'Rejoin',
  errorCode: (code: string) => `Code: ${code}`,

  // Pages without a call
  homeTitle: 'Conclave',
  homeText: 'To join a call, open the invitation link you were sent.',
  incompleteTitle: 'This link is incomplete',
  incompleteText: 'The part after # is missing; it holds the key of the room and is never sent to the server. Open the whole link from your invitation again, or ask for it to be sent anew.',
  noRoomTitle: 'This room does not exist',
  noRoomText: 'The link is mistyped, or the room was closed. Ask whoever sent it to you for a new one.',
  earlyTitle: 'You are early',
  earlyText: (moment: string) => `This link opens on ${moment}.`,
  earlyKeep: 'Keep this page open: it goes on by itself.',
  countdownLabel: 'Time until the link opens',
  countdown: (days: number, clock: string) => (days === 0 ? clock : `${days} ${days === 1 ? 'day' : 'days'} ${clock}`),
  linkOpens: 'The link is open. You can ask to join now.',
  draftTitle: 'This link is not ready yet',
  draftText: 'It has not been handed out. Ask whoever sent it to you.',
  consentTitle: 'Your consent',
  consentLead: 'Before you can join, please read the following. Nothing of your devices is used yet.',
  privacyNotice: 'Privacy notice',
  consentHeading: 'Consent',
  consentBox: 'I have read this and I consent.',
  consentKept: (version: number) => `What is kept: that it was version ${version} of this text, its language and the time. Not your name.`,
  consentMissing: 'Tick the box if you consent.',
  consentButton: 'Continue',
  consentRefuse: 'If you do not consent, close this page: nothing is kept, and the appointment can take place another way.',
  consentChanged: 'The text has changed meanwhile. Please read it again.',
  consentGiven: (moment: string) => `You consented on ${moment}.`,
  withdraw: 'Withdraw consent',
  withdrawTitle: 'Withdraw your consent?',
  withdrawText: 'The link is closed and cannot be opened again. If you are in the call, it ends for you at once.',
  withdrawnTitle: 'Consent withdrawn',
  withdrawnText: 'The link is closed, you are not connected, and nothing was recorded. Another appointment can be made with whoever sent you the link.',
  linkExpiredTitle: 'The time of this link is over',
  linkUsedTitle: 'This link has been used',
  linkRevokedTitle: 'This link was taken back',
  noLinkTitle: 'This link is not valid',
  linkOverText: 'Nobody can join by it any more. If you need another appointment, ask whoever sent it to you.',
  revokedText: 'You are no longer connected; nothing was recorded. If that is a mistake, ask whoever sent you the link.',
  unsupportedTitle: 'This browser cannot encrypt calls',
  unsupportedText: 'Every call here is end-to-end encrypted, and this browser lacks what that takes. Use Chromium, Chrome or Edge from version 141, or Firefox from version 117.',
  unavailableTitle: 'The encryption could not be loaded',
  unavailableText: 'Reload the page. If that does not help, another browser may.',
  unreachableTitle: 'The server cannot be reached',
  unreachableText: 'Check your connection and try again.',
  tryAgain: 'Try again',

  // Announcements
  announceJoined: (names: readonly string[]) => `${list(names)} joined`,
  announceLeft: (names: readonly string[]) => `${list(names)} left`,
  announceMicrophoneOn: 'Your microphone is on',
  announceMicrophoneOff: 'Your microphone is off',
  announceCameraOn: 'Your camera is on',
  announceCameraOff: 'Your camera is off',
  announceSharing: 'You are sharing your screen',
  announceSharingStopped: 'Screen sharing has stopped',
  announceReconnecting: 'Connection lost, reconnecting',
  announceReconnected: 'Connected again',
  announceBehind: 'Parts of the encryption are missing. Nothing of yours is sent until they are renewed.',
  announceCaughtUp: 'The encryption is renewed, the call goes on.',
  announceAdmitted: 'You are in the call',
  announceActionFailed: (code: string) => `That did not work: ${code}`,

  // The server's refusals
  desk: deskEn,

  codes: {
    'bad-message': 'The server did not understand this client. Reload the page.',
    'too-large': 'A message was too large.',
    'too-many': 'Too much at once. Wait a moment and try again.',
    'no-such-room': 'This room does not exist.',
    unauthorized: 'The host key in the link is not valid for this room.',
    'password-needed': 'This link needs a password, and your link does not say so. Ask for the whole link.',
    'password-wrong': 'This is not the password.',
    'link-locked': 'Too many wrong passwords have locked this link.',
    'link-needed': 'In this room every guest has a link of their own. Open the one you were sent.',
    'factor-needed': 'The code of the second factor is missing.',
    'factor-wrong': 'This code is wrong or was used before.',
    'factor-set': 'The account has a second factor already.',
    'password-unfit': 'The new password needs 12 characters or more, and may not be too long.',
    'no-such-account': 'There is no such account.',
    'no-such-tenant': 'There is no such organisation.',
    'name-taken': 'This name is taken.',
    'tenant-in-use': 'This organisation still has rooms, or is the one that always stays.',
    'quota-reached': 'The organisation has as many as it may have.',
    'no-such-link': 'This link is not valid.',
    'link-early': 'This link does not open yet.',
    'link-expired': 'The time of this link is over.',
    'link-used': 'This link has been used.',
    'link-revoked': 'This link was taken back.',
    'link-draft': 'This link is not handed out yet.',
    'consent-needed': 'This link opens once you have consented. Reload the page to do so.',
    'consent-withdrawn': 'The consent to this link was withdrawn.',
    'consent-outdated': 'The text has changed meanwhile.',
    'no-consent-needed': 'This link needs no consent.',
    'no-consent-text': 'There is no text to consent to.',
    'not-scheduled': 'This room has no links for single guests.',
    forbidden: 'You may not do this.',
    gone: 'Your place in the call is gone.',
    'no-call': 'There is no call yet.',
    'call-running': 'The call is running already.',
    'stale-epoch': 'The call has moved on.',
    'no-such-participant': 'This person is not here any more.',
    full: 'The call is full.',
    'people-limit': 'This consultation is for no more people.',
    'bad-offer': 'The media connection was refused.',
    'unsupported-media': 'This browser’s media formats are not supported.',
    'media-unavailable': 'The media server cannot be reached. Try another network or turn a VPN off.',
    'not-found': 'Not found.',
    'method-not-allowed': 'Not allowed.',
    internal: 'The server had a fault.',
  },
} as const;

type Widen<T> = T extends string
  ? string
  : T extends (...args: infer A) => string
    ? (...args: A) => string
    : { readonly [K in keyof T]: Widen<T[K]> };

/** What every language has to say. */
export type Text = Widen<typeof en>;
