/** Bytes as the protocol writes them: base64url without padding (RFC 4648 section 5). */

/** Encodes; the inverse of {@link decode}. */
export function encode(bytes: Uint8Array): string {
  let binary = '';
  // In pieces: a Welcome is larger than the arguments a call can take.
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Decodes; `null` for anything that is not canonical base64url without padding. */
export function decode(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return encode(bytes) === text ? bytes : null;
}
