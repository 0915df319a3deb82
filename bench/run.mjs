// `npm run bench` runs every benchmark, `npm run bench -- upload` those named. Each prints one JSON line a figure:
// {"bench", "metric", "value", "unit", "rival", "ratio"}. Rivals run on the same machine in the same run.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const files = readdirSync(folder).filter((file) => /\.(ts|py)$/.test(file));
const known = new Map(files.map((file) => [file.replace(/\.(ts|py)$/, ''), file]));
const words = process.argv.slice(2);
// Names come first, then options: in `trainer --part data` the last word is no benchmark, though there is one of that name.
const count = words.findIndex((word) => !known.has(word));
const named = count < 0 ? words : words.slice(0, count);
const options = words.slice(named.length);
if (words.length > 0 && named.length === 0) {
  console.error(`There is no benchmark "${words[0]}"; there are ${[...known.keys()].join(', ')}.`);
  process.exit(2);
}
let failed = 0;
for (const name of named.length > 0 ? named : known.keys()) {
  const file = known.get(name);
  const command = file.endsWith('.py') ? process.env.PT_PYTHON : process.execPath;
  const { status } = spawnSync(command, [join(folder, file), ...options], { stdio: 'inherit' });
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
