import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { encode } from '../bytes';
import type { AuditLine, AuditList } from '../wire';
import { COLUMNS, hex, row, table, verify } from './audit';

const TENANT = new Uint8Array(16).fill(1);

/** The digest of a line, written down once more from docs/protocol.md. */
function digest(before: Buffer, line: Omit<AuditLine, 'digest'>): Buffer {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    return bytes;
  };
  const bytes = (id: string | undefined): Buffer | null => (id === undefined ? null : Buffer.from(id, 'base64url'));
  const hash = createHash('sha256').update(before).update(TENANT).update(number(line.seq)).update(number(line.at));
  const text = line.detail === undefined ? null : Buffer.from(line.detail);
  for (const part of [bytes(line.actor), Buffer.from(line.act), bytes(line.object), text]) {
    hash.update(Buffer.of(part === null ? 0 : 1)).update(number(part?.length ?? 0)).update(part ?? Buffer.alloc(0));
  }
  return hash.digest();
}

/** A whole log of some lines, from the first on, each with a number and a moment. */
function log(count: number, numbered = (line: number) => line, began = 1_700_000_000_000): AuditList {
  let head: Buffer = Buffer.alloc(32);
  const before = encode(head) as AuditList['before'];
  const lines: AuditLine[] = [];
  for (let at = 1; at <= count; at += 1) {
    const seq = numbered(at);
    const who = seq % 2 === 0 ? {} : { actor: encode(new Uint8Array(16).fill(2)) as NonNullable<AuditLine['actor']> };
    const what = seq % 3 === 0 ? { object: encode(new Uint8Array(16).fill(5)) as NonNullable<AuditLine['object']> } : { detail: 'guest-links=no' };
    const line = { seq, at: began + at, act: 'policies.set', ...who, ...what } as const;
    head = digest(head, line);
    lines.push({ ...line, digest: encode(head) as AuditLine['digest'] });
  }
  const tenant = encode(TENANT) as AuditList['tenant'];
  return { tenant, before, lines, more: false, first: 1, last: numbered(count), head: encode(head) as AuditList['head'] };
}

const START = { seq: 0, digest: null };

/** A part of a log, as it is given behind a line. */
function part(whole: AuditList, after: number, count: number): AuditList {
  const lines = whole.lines.slice(after, after + count);
  return { ...whole, lines, before: whole.lines[after - 1]?.digest ?? whole.before, more: after + count < whole.last };
}

test('a log that nobody touched is whole, at once and part by part', async () => {
  const whole = log(5);
  const at = await verify(whole, START);
  expect(at.whole && [at.end.seq, hex(at.end.digest)]).toEqual([5, Buffer.from(whole.head, 'base64url').toString('hex')]);
  const first = await verify(part(whole, 0, 2), START);
  expect(first.whole && first.end.seq).toBe(2);
  if (!first.whole) return;
  expect((await verify(part(whole, 2, 3), first.end)).whole).toBe(true);
  // The oldest lines are forgotten in time.
  expect((await verify({ ...part(whole, 2, 3), first: 3 }, START)).whole).toBe(true);
  expect((await verify({ ...log(0), first: 1 }, START)).whole).toBe(true);
});

test('whatever of a line is changed shows, and so does one that is missing', async () => {
  const changes: ((line: AuditLine) => AuditLine)[] = [
    (line) => ({ ...line, at: line.at + 1 }),
    (line) => ({ ...line, actor: encode(new Uint8Array(16).fill(9)) as NonNullable<AuditLine['actor']> }),
    (line) => ({ ...line, act: 'room.deleted' }),
    (line) => ({ ...line, object: encode(new Uint8Array(16)) as NonNullable<AuditLine['object']> }),
    (line) => ({ ...line, detail: 'guest-links=yes' }),
    ({ detail: _, ...line }) => line,
    (line) => ({ ...line, detail: '' }),
    (line) => ({ ...line, seq: 7 }),
    (line) => ({ ...line, actor: 'no identifier!' as NonNullable<AuditLine['actor']> }),
  ];
  for (const [number, change] of changes.entries()) {
    const whole = log(4);
    const lines = whole.lines.map((line) => (line.seq === 2 ? change(line) : line));
    expect(await verify({ ...whole, lines }, START), `change ${number}`).toEqual({ whole: false, line: 2 });
  }
  const whole = log(4);
  const without = (seq: number): AuditLine[] => whole.lines.filter((line) => line.seq !== seq);
  expect(await verify({ ...whole, lines: without(2) }, START)).toEqual({ whole: false, line: 2 });
  expect(await verify({ ...whole, lines: without(4) }, START)).toEqual({ whole: false, line: 4 });
  expect(await verify({ ...whole, head: encode(new Uint8Array(32)) as AuditList['head'] }, START)).toEqual({ whole: false, line: 5 });
  // Nor does it help to work the digests out anew, for all or for what comes later.
  expect(await verify(log(3, (line) => (line < 3 ? line : line + 1)), START)).toEqual({ whole: false, line: 3 });
  const first = await verify(part(whole, 0, 2), START);
  const anew = log(4, undefined, 1_600_000_000_000);
  expect(first.whole && (await verify(part(anew, 2, 2), first.end))).toEqual({ whole: false, line: 3 });
  expect(first.whole && (await verify(part(whole, 1, 3), first.end))).toEqual({ whole: false, line: 3 });
});

test('as a table no cell is a formula, and each is read as it was', () => {
  const [line] = log(1).lines;
  if (line === undefined) throw new Error('no line');
  expect(table([COLUMNS, row(line)])).toBe(
    'number,time,actor,act,object,detail\r\n1,2023-11-14T22:13:20.001Z,AgICAgICAgICAgICAgICAg,policies.set,,guest-links=no\r\n',
  );
  expect(table([['=1', '+a', '-a', '@a', "'a", 'a,b', 'a"b', 'a\nb']])).toBe(`'=1,'+a,'-a,'@a,''a,"a,b","a""b","a\nb"\r\n`);
});
