/** The device that this browser is for an account, and the certificate of a stay in a call. */

import type { AccountId, Blob, DeviceId, ParticipantId, RoomId } from '../wire';
import type { Api } from './api';

const KEY = 'conclave.devices';

/** So many people share one browser at most; who comes after them is on a new device each time. */
const MOST = 8;

/** The part of `localStorage` this needs. */
export type Remembered = Pick<Storage, 'getItem' | 'setItem'>;

/** Which device this browser is for each account that was used here, the last one first. */
export function knownDevices(storage: Remembered): readonly (readonly [AccountId, DeviceId])[] {
  try {
    const parsed: unknown = JSON.parse(storage.getItem(KEY) ?? '[]');
    if (!Array.isArray(parsed)) return [];
    return parsed.filter((pair): pair is [AccountId, DeviceId] => Array.isArray(pair) && pair.length === 2 && pair.every((id) => typeof id === 'string'));
  } catch {
    // Nobody's, or a browser that refuses storage: a new device each time.
    return [];
  }
}

function remember(storage: Remembered, account: AccountId, device: DeviceId): void {
  const others = knownDevices(storage).filter(([other]) => other !== account);
  try {
    storage.setItem(KEY, JSON.stringify([[account, device], ...others].slice(0, MOST)));
  } catch {
    // As above.
  }
}

/** What people know a browser by: its name and its system's. */
export function deviceName(userAgent: string): string {
  const first = (names: readonly (readonly [string, RegExp])[]): string | null => names.find(([, known]) => known.test(userAgent))?.[0] ?? null;
  const browser = first([['Edge', /Edg\//], ['Firefox', /Firefox\/|FxiOS\//], ['Chrome', /Chrom(e|ium)\/|CriOS\//], ['Safari', /Safari\//]]);
  const system = first([['Android', /Android/], ['iPhone', /iPhone/], ['iPad', /iPad/], ['Windows', /Windows/], ['macOS', /Mac OS X/], ['Linux', /Linux/]]);
  return [browser ?? 'Browser', ...(system === null ? [] : [system])].join(', ');
}

/** Says on which device somebody is logged in, and remembers which that is. Nothing if the service will not have it. */
export async function noteDevice(api: Api, storage: Remembered, account: AccountId): Promise<DeviceId | null> {
  const known = knownDevices(storage).find(([whose]) => whose === account);
  const noted = await api.noteDevice({ name: deviceName(navigator.userAgent), ...(known === undefined ? {} : { device: known[1] }) });
  if (!noted.ok) return null;
  remember(storage, account, noted.value.device);
  return noted.value.device;
}

/** A stay in a room, and the token that shows it is ours. */
export interface OwnStay {
  readonly room: RoomId;
  readonly participant: ParticipantId;
  readonly token: Blob;
}

/** Who asks for a certificate. */
export interface Applicant {
  readonly api: Api;
  readonly storage: Remembered;
  /** Proves that the stay's keys are on the account's device. */
  prove(account: AccountId, device: DeviceId): Promise<{ key: Blob; proof: Blob }>;
}

/** What an organisation issues for a stay. */
export interface Issued {
  readonly certificate: Blob;
  readonly root: Blob;
  /** Milliseconds since the Unix epoch. */
  readonly until: number;
}

/**
 * The certificate of a stay for who is logged in here, if the room is one of their organisation. Where nobody has ever
 * logged in nothing is asked: guests tell the service no more than before.
 */
export async function certificate({ api, storage, prove }: Applicant, { room, participant, token }: OwnStay): Promise<Issued | 'not-listed' | null> {
  if (knownDevices(storage).length === 0) return null;
  const session = await api.session();
  if (!session.ok) return null;
  const { account } = session.value;
  const device = await noteDevice(api, storage, account);
  if (device === null) return null;
  const proof = await prove(account, device).catch(() => null);
  if (proof === null) return null;
  const issued = await api.certify({ ...proof, room, participant, token });
  if (!issued.ok) return issued.code === 'not-listed' ? 'not-listed' : null;
  return { certificate: issued.value.certificate, root: issued.value.root, until: issued.value.until };
}
