/** The languages, and sentences that are made of several texts. */

import type { Announcement } from '../call/messages';
import type { Word } from '../e2ee/calls';
import type { Language } from '../preferences';
import type { Code } from '../wire';
import { de } from './de';
import { en, type Text } from './en';

export type { Text };

/** Every language the client speaks. */
export const languages: Readonly<Record<Language, Text>> = { de, en };

/** The sentence for a server's code; an unknown one of a newer server stands for itself. */
export function codeText(t: Text, code: string): string {
  return code in t.codes ? t.codes[code as Code] : code;
}

/** What was said to one who waits; that they were seen is shown otherwise. */
export function wordText(t: Text, word: Word): string {
  return word.said === 'text' ? word.text : word.said === 'seen' ? t.waitingSeen : t.phrases[word.said];
}

/** What an announcement says. */
export function announcementText(t: Text, announcement: Announcement): string {
  switch (announcement.key) {
    case 'joined':
      return t.announceJoined(announcement.names);
    case 'left':
      return t.announceLeft(announcement.names);
    case 'notCompared':
      return t.notCompared(announcement.names);
    case 'notCertified':
      return t.notCertified(announcement.names);
    case 'compared':
      return t.codeDone;
    case 'knocking':
      return t.knocking(announcement.names);
    case 'microphoneOn':
      return t.announceMicrophoneOn;
    case 'microphoneOff':
      return t.announceMicrophoneOff;
    case 'cameraOn':
      return t.announceCameraOn;
    case 'cameraOff':
      return t.announceCameraOff;
    case 'sharing':
      return t.announceSharing;
    case 'sharingStopped':
      return t.announceSharingStopped;
    case 'reconnecting':
      return t.announceReconnecting;
    case 'reconnected':
      return t.announceReconnected;
    case 'behind':
      return t.announceBehind;
    case 'caughtUp':
      return t.announceCaughtUp;
    case 'admitted':
      return t.announceAdmitted;
    case 'linkLocked':
      return t.linkLocked;
    case 'linkUnlocked':
      return t.announceLinkUnlocked;
    case 'roomLocked':
      return t.announceRoomLocked;
    case 'roomOpen':
      return t.announceRoomOpen;
    case 'askedAgain':
      return t.announceAskedAgain;
    case 'madePresenter':
      return t.announceMadePresenter;
    case 'madeHost':
      return t.announceMadeHost;
    case 'muted':
      return t.announceMuted(announcement.by);
    case 'actionFailed':
      return t.announceActionFailed(codeText(t, announcement.code));
  }
}
