/**
 * Starts the worker that owns the keys. Where browsers know Trusted Types, the page's content security policy lets
 * nothing else name a script: the rule below knows one address only, and no second one of its name can be made.
 */

import workerUrl from './worker.ts?worker&url';

/** What we use of Trusted Types, which TypeScript's DOM does not describe; the result stands in for the string. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(): string }): { createScriptURL(input: string): string };
}

const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
const policy = trustedTypes?.createPolicy('conclave-worker', { createScriptURL: () => workerUrl });

/** A new worker, without keys. */
export function startWorker(): Worker {
  return new Worker(policy?.createScriptURL('') ?? workerUrl, { type: 'module', name: 'keys' });
}
