// Run by `npm publish` before anything leaves this machine: what a registry shows of a package and only its owner knows must be there.
// `npm pack` and `npm install ./FILE.tgz` do without.
import { readFileSync } from 'node:fs';

const WANTED = {
  repository: '{ "type": "git", "url": "git+https://HOST/OWNER/NAME.git" }',
  homepage: '"https://HOST/OWNER/NAME#readme"',
  bugs: '{ "url": "https://HOST/OWNER/NAME/issues" }',
};

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const missing = Object.keys(WANTED).filter((field) => manifest[field] === undefined);
if (missing.length > 0) {
  process.stderr.write(`package.json does not say where pt is developed (${missing.join(', ')}):\n`);
  for (const field of missing) process.stderr.write(`  → "${field}": ${WANTED[field]}\n`);
  process.exit(1);
}
