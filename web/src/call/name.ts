/** Names as the credential takes them (docs/protocol.md section 4). */

/** A name without the spaces around it, or what is wrong with it. */
export function checkName(text: string): { readonly name: string } | { readonly problem: 'missing' | 'too-long' } {
  // Pasted control characters are nobody's intention.
  const name = text.replace(/\p{Cc}/gu, ' ').replace(/\s+/gu, ' ').trim();
  if (name === '') return { problem: 'missing' };
  if ([...name].length > 64 || new TextEncoder().encode(name).length > 128) return { problem: 'too-long' };
  return { name };
}
