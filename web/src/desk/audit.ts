/** The audit log: whether it is whole, and as a table. What a digest is made of: docs/protocol.md, section 2. */

import { decode } from '../bytes';
import type { AuditLine, AuditList } from '../wire';

/** Where a log stands: the number of a line, and its digest, where that is known. */
export interface End<D = Uint8Array<ArrayBuffer>> {
  readonly seq: number;
  readonly digest: D;
}

/** What looking at a part of a log came to: where it ends, or the first line that is missing or was changed. */
export type Verdict = { readonly whole: true; readonly end: End } | { readonly whole: false; readonly line: number };

const text = new TextEncoder();

function number(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** A part of a line: whether it is there, its length, its bytes. */
function part(bytes: Uint8Array<ArrayBuffer> | null): Uint8Array<ArrayBuffer>[] {
  return [Uint8Array.of(bytes === null ? 0 : 1), number(bytes?.length ?? 0), bytes ?? new Uint8Array()];
}

/** The digest of a line; nothing where it holds what is no identifier. */
async function digest(before: Uint8Array<ArrayBuffer>, tenant: Uint8Array<ArrayBuffer>, line: AuditLine): Promise<Uint8Array<ArrayBuffer> | null> {
  const actor = line.actor === undefined ? null : decode(line.actor);
  const object = line.object === undefined ? null : decode(line.object);
  if ((actor === null) !== (line.actor === undefined) || (object === null) !== (line.object === undefined)) return null;
  const parts = [actor, text.encode(line.act), object, line.detail === undefined ? null : text.encode(line.detail)];
  const pieces = [before, tenant, number(line.seq), number(line.at), ...parts.flatMap(part)];
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(pieces).arrayBuffer()));
}

const same = (one: Uint8Array, other: Uint8Array | null): boolean => other !== null && one.length === other.length && one.every((byte, at) => byte === other[at]);

/**
 * Looks whether each line of a part follows from the one before it, and the last of all is the log's newest.
 *
 * @param from behind which line the part is; its digest where the part before this one was looked at
 */
export async function verify(list: AuditList, from: End<Uint8Array | null>): Promise<Verdict> {
  const tenant = decode(list.tenant);
  const before = decode(list.before);
  let seq = Math.max(from.seq, list.first - 1);
  if (tenant === null || before === null || (from.digest !== null && !same(from.digest, before))) return { whole: false, line: seq + 1 };
  let head = before;
  for (const line of list.lines) {
    seq += 1;
    const own = await digest(head, tenant, line);
    if (line.seq !== seq || own === null || !same(own, decode(line.digest))) return { whole: false, line: seq };
    head = own;
  }
  const isEnd = seq === list.last && same(head, decode(list.head));
  return list.more || isEnd ? { whole: true, end: { seq, digest: head } } : { whole: false, line: seq + 1 };
}

/** A digest as `conclave audit verify` prints it. */
export function hex(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What begins a cell that a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r']/;

/** A table for spreadsheets (RFC 4180); no cell of it is a formula. */
export function table(rows: readonly (readonly string[])[]): string {
  const cell = (value: string): string => {
    const shown = FORMULA.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
  };
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** The columns of the log as a table, those of `conclave audit list --csv`. */
export const COLUMNS = ['number', 'time', 'actor', 'act', 'object', 'detail'] as const;

/** A line of the log as a row of the table. */
export function row({ seq, at, actor, act, object, detail }: AuditLine): string[] {
  return [String(seq), new Date(at).toISOString(), actor ?? 'operator', act, object ?? '', detail ?? ''];
}
