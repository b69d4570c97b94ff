/** An invitation for calendars (iCalendar, RFC 5545): the links, which open the room, and never the password. */

/** A slot and the link that opens in it. */
export interface Appointment {
  /** The link's name: another file with it moves the same event. */
  readonly name: string;
  /** Milliseconds since the Unix epoch. */
  readonly from: number;
  readonly until: number;
  readonly link: string;
}

/** RFC 5545 section 3.1: longest line, in octets, before it is folded. */
const LINE = 75;

/** The file, in which `made` is now. `note` stands below each link. */
export function invitationFile(title: string, note: string, appointments: readonly Appointment[], made: number): string {
  const lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Conclave//Conclave//EN', 'METHOD:PUBLISH'];
  for (const { name, from, until, link } of appointments) {
    lines.push(
      'BEGIN:VEVENT',
      `UID:${name}@conclave`,
      `DTSTAMP:${utc(made)}`,
      `DTSTART:${utc(from)}`,
      `DTEND:${utc(until)}`,
      `SUMMARY:${escaped(title)}`,
      `LOCATION:${escaped(link)}`,
      `URL:${link}`,
      `DESCRIPTION:${escaped(note === '' ? link : `${link}\n\n${note}`)}`,
      'END:VEVENT',
    );
  }
  lines.push('END:VCALENDAR');
  return lines.map((line) => `${folded(line)}\r\n`).join('');
}

/** Section 3.3.5, form 2. */
function utc(at: number): string {
  return new Date(at).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** Section 3.3.11. */
function escaped(text: string): string {
  return text.replace(/[\\;,]/g, '\\$&').replace(/\r?\n/g, '\\n');
}

function folded(line: string): string {
  const rows: string[] = [];
  let [row, octets] = ['', 0];
  for (const symbol of line) {
    const length = new TextEncoder().encode(symbol).length;
    // A row that goes on begins with a space.
    if (octets + length > LINE) {
      rows.push(row);
      [row, octets] = [' ', 1];
    }
    row += symbol;
    octets += length;
  }
  return [...rows, row].join('\r\n');
}

/** Slots at the same local time of as many weeks, the first as it is given: an hour stays what the clock shows. */
export function weekly(from: number, until: number, weeks: number): readonly { readonly from: number; readonly until: number }[] {
  const later = (at: number, week: number): number => {
    const when = new Date(at);
    when.setDate(when.getDate() + 7 * week);
    return when.getTime();
  };
  return Array.from({ length: weeks }, (_, week) => ({ from: later(from, week), until: later(until, week) }));
}
