// Puts a brotli copy beside every text and wasm file of a folder. The server embeds the copies and
// sends them to browsers that take them, which is all that the client runs in.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const folder = process.argv[2];
// Two steps below the slowest level, which takes ten times as long for some percent.
const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };

for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\.(html|js|css|svg|json|wasm)$/.test(name)) continue;
  const file = join(folder, name);
  writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file), { params }));
}
