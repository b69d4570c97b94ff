/**
 * Packets of Opus, made to one size before they are sealed: some browsers go on encoding at a variable rate when the
 * SDP asks for a constant one, and sizes of what is said would then tell of what is said. Padding is part of Opus
 * (RFC 6716 section 3.2.5): every decoder takes it, and the service cannot see it.
 */

/**
 * The size of a packet, bytes: more than 20 ms of one channel at 28 kbit/s take at their loudest, by a wide margin. What
 * is longer in spite of that becomes twice as long, and so on.
 */
export const PACKET = 128;

const CODE = 3;
const VARIABLE = 0x80;
const PADDED = 0x40;
const COUNT = 0x3f;

/** The packet, padded to the next multiple of {@link PACKET}; as it is, if it is none that can be padded. */
export function padded(packet: Uint8Array): Uint8Array {
  const parts = split(packet);
  if (parts === null) return packet;
  const { toc, count, content } = parts;
  const size = PACKET * Math.ceil((2 + content.length) / PACKET);
  const padding = size - 2 - content.length;
  const whole = new Uint8Array(size);
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
