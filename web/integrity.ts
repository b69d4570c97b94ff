/**
 * Subresource integrity: the page says which bytes its script and style have, the worker which its module has.
 * Not so the worker itself: `new Worker` takes no hash, and a blob of checked bytes would need a policy that
 * lets blobs be workers. That file is the server's word alone; `conclave verify-web` compares it.
 */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** What an `integrity` attribute says of a file. */
export function integrity(file: string): string {
  return `sha256-${createHash('sha256').update(readFileSync(file)).digest('base64')}`;
}

/** Writes the attribute beside every script and style that the built page names. */
export function hashesInPage(): Plugin {
  return {
    name: 'conclave-hashes-in-page',
    apply: 'build',
    // Only now are the files as they will be served.
    writeBundle({ dir }) {
      if (dir === undefined) return this.error('the client is built into a folder');
      const page = join(dir, 'index.html');
      const named = / (?:src|href)="\/([^"]+\.(?:js|css))"/g;
      const sign = (attribute: string, file: string): string => `${attribute} integrity="${integrity(join(dir, file))}"`;
      writeFileSync(page, readFileSync(page, 'utf8').replace(named, sign));
    },
  };
}
