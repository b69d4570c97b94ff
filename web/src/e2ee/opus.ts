/**
 * Packets of Opus, made to one size before they are sealed: some browsers go on encoding at a variable rate when the
 * SDP asks for a constant one, and sizes of what is said would then tell of what is said. Padding is part of Opus
 * (RFC 6716 section 3.2.5): every decoder takes it, and the service cannot see it.
 */

/**
 * The size that packets begin with, bytes: 20 ms of one voice at 28 kbit/s, and a margin. A louder one makes it larger
 * by steps, for good: it is then the size of all that follow, so that the few steps say how loud it was at most.
 */
export const SIZE = 96;
const STEP = 32;

const CODE = 3;
const VARIABLE = 0x80;
const PADDED = 0x40;
const COUNT = 0x3f;

/** The packet, padded to `size`, or to the next step where it is longer; as it is, if it is none that can be padded. */
export function padded(packet: Uint8Array, size: number): Uint8Array {
  const parts = split(packet);
  if (parts === null) return packet;
  const { toc, count, content } = parts;
  const length = Math.max(size, STEP * Math.ceil((2 + content.length) / STEP));
  const padding = length - 2 - content.length;
  const whole = new Uint8Array(length);
  whole[0] = toc | CODE;
  whole[1] = padding > 0 ? count | PADDED : count;
  let at = 2;
  if (padding > 0) {
    // Each byte of 255 stands for 254 of padding behind the packet, and says that another byte follows.
    const long = Math.floor((padding - 1) / 255);
    whole.fill(255, at, at + long);
    whole[at + long] = padding - 1 - 255 * long;
    at += long + 1;
  }
  whole.set(content, at);
  return whole;
}

/** What a packet is of, without its padding: the first byte without the code, how many frames of what kind, and they. */
function split(packet: Uint8Array): { toc: number; count: number; content: Uint8Array } | null {
  const [first, count] = packet;
  if (first === undefined) return null;
  const toc = first & ~CODE;
  switch (first & CODE) {
    case 0:
      return { toc, count: 1, content: packet.subarray(1) };
    case 1:
      return { toc, count: 2, content: packet.subarray(1) };
    case 2:
      return { toc, count: 2 | VARIABLE, content: packet.subarray(1) };
  }
  if (count === undefined || (count & COUNT) === 0) return null;
  let from = 2;
  let padding = 0;
  if ((count & PADDED) !== 0) {
    for (let length = 255; length === 255; from += 1) {
      const next = packet[from];
      if (next === undefined) return null;
      length = next;
      padding += Math.min(length, 254);
    }
  }
  if (from + padding > packet.length) return null;
  return { toc, count: count & ~PADDED, content: packet.subarray(from, packet.length - padding) };
}
