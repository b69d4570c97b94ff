import { expect, test } from 'vitest';
import { invitationFile, weekly } from './calendar';
import kept from './invitation.ics?raw';

const from = Date.UTC(2026, 10, 23, 9, 30);
const until = Date.UTC(2026, 10, 23, 10, 0);
const link = `https://conclave.example/r/${'A'.repeat(22)}#l.${'B'.repeat(22)}.p.${'C'.repeat(43)}`;

test('an invitation is an event for each appointment, in lines that calendars read', () => {
  const file = invitationFile('Jour fixe; Anna, Ben', 'Passwort kommt auf anderem Weg.\nBis dann', [{ name: 'name', from, until, link }], from);
  expect(file.endsWith('END:VCALENDAR\r\n')).toBe(true);
  const rows = file.split('\r\n');
  for (const row of rows) expect(new TextEncoder().encode(row).length, row).toBeLessThanOrEqual(75);
  const lines = file.replaceAll('\r\n ', '').split('\r\n');
  expect(lines).toContain('UID:name@conclave');
  expect(lines).toContain('DTSTART:20261123T093000Z');
  expect(lines).toContain('DTEND:20261123T100000Z');
  expect(lines).toContain('SUMMARY:Jour fixe\\; Anna\\, Ben');
  expect(lines).toContain(`URL:${link}`);
  expect(lines).toContain(`DESCRIPTION:${link}\\n\\nPasswort kommt auf anderem Weg.\\nBis dann`);
  expect(lines.filter((line) => line === 'BEGIN:VEVENT')).toHaveLength(1);
});

test('a file is the one that the command line\'s parser reads', () => {
  // src/invitation.rs reads that file; after a change here, it is written anew from what this says is made.
  const week = 7 * 24 * 3_600_000;
  const appointments = ['Q'.repeat(22), 'g'.repeat(22)].map((name, at) => ({
    name,
    from: from + at * week,
    until: until + at * week,
    link: `https://conclave.example/r/${'A'.repeat(22)}#l.${name}.p.${'A'.repeat(43)}`,
  }));
  const title = 'Sprechstunde, Dr. Weiß; bitte pünktlich \\ mit Künstlerinnen 🎻';
  expect(invitationFile(title, 'Das Passwort kommt auf anderem Weg.\nBis dann', appointments, from)).toBe(kept);
});

test('a changed appointment is the same event, written later', () => {
  const line = (file: string, name: string): string | undefined => file.split('\r\n').find((row) => row.startsWith(`${name}:`));
  const before = invitationFile('Jour fixe', '', [{ name: 'name', from, until, link }], from);
  const after = invitationFile('Jour fixe, later', '', [{ name: 'name', from: until, until: until + 1, link }], until);
  expect(line(after, 'UID')).toBe(line(before, 'UID'));
  expect(line(after, 'DTSTART')).not.toBe(line(before, 'DTSTART'));
  expect(Number(line(after, 'DTSTAMP')?.replace(/\D/g, ''))).toBeGreaterThan(Number(line(before, 'DTSTAMP')?.replace(/\D/g, '')));
});

test('long titles are folded between letters, whatever these take', () => {
  const title = 'Ärztliche Sprechstunde für Künstlerinnen 🎻 '.repeat(5).trim();
  const file = invitationFile(title, '', [{ name: 'name', from, until, link }], from);
  expect(file.replaceAll('\r\n ', '')).toContain(`SUMMARY:${title}`);
  for (const row of file.split('\r\n')) expect(new TextEncoder().encode(row).length).toBeLessThanOrEqual(75);
});

test('weeks are at the same hour of the clock, also where summer time ends', () => {
  const first = new Date(2026, 9, 20, 9, 0).getTime();
  const slots = weekly(first, first + 1_800_000, 3);
  expect(slots.map((slot) => new Date(slot.from).getHours())).toEqual([9, 9, 9]);
  expect(slots.map((slot) => new Date(slot.from).getDate())).toEqual([20, 27, 3]);
  expect(slots.map((slot) => new Date(slot.until).getMinutes())).toEqual([30, 30, 30]);
});
