// Where the browsers are.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @param {string} file */
function executable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The program the environment variable names, or the first of `names` in PATH.
 *
 * @param {string} variable
 * @param {...string} names
 */
export function which(variable, ...names) {
  const set = process.env[variable];
  if (set) return set;
  for (const name of names) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      const file = join(folder, name);
      if (executable(file)) return file;
    }
  }
  throw new Error(`none of ${names.join(', ')} is installed; set ${variable}`);
}
