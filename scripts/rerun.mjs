// Of what cargo says in JSON that it has built, the integration tests with the names given: a line each, its
// package's folder and the program.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';

const names = new Set(process.argv.slice(2));
for (const line of readFileSync(0, 'utf8').split('\n')) {
  if (!line.startsWith('{')) continue;
  const { target, executable, manifest_path: manifest } = JSON.parse(line);
  if (executable && target.kind[0] === 'test' && names.has(target.name)) console.log(`${dirname(manifest)}\t${executable}`);
}
