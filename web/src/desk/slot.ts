/** Times as a `datetime-local` field has them: of the reader's own zone, to the minute. */

const two = (value: number): string => String(value).padStart(2, '0');

export function localTime(at: number): string {
  const when = new Date(at);
  const day = `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
  return `${day}T${two(when.getHours())}:${two(when.getMinutes())}`;
}
