// Writes what is generated from the code and the lock file: schemas/ (of --json output, and of what pt and the trainer say to each other), docs/commands.md, docs/licences.md, and the snapshot of commands,
// flags and exit codes that a test guards. Run after a build: `npm run generate`.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventSchema } from '../dist/bridge/events.js';
import { loadConstants, profileNamed } from '../dist/constants.js';
import { readManifest } from '../dist/manifest.js';
import { jsonSchemas } from '../dist/output/index.js';
import { commandReference, interfaceSnapshot } from '../dist/reference.js';
import { profilePage } from '../dist/rules/index.js';
import { runSchema } from '../dist/training/run-schema.js';
import { currentPage } from './licences.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const json = (value) => `${JSON.stringify(value, null, 2)}\n`;
const manifest = readManifest(root);

const schemas = join(root, 'schemas');
mkdirSync(schemas, { recursive: true });
for (const file of readdirSync(schemas)) rmSync(join(schemas, file), { recursive: true });
for (const [file, schema] of jsonSchemas()) writeFileSync(join(schemas, file), json(schema));
const contract = join(schemas, 'run-folder');
mkdirSync(contract);
writeFileSync(join(contract, 'events.json'), json(eventSchema()));
writeFileSync(join(contract, 'run.json'), json(runSchema()));
const subnets = join(root, 'docs', 'subnets');
rmSync(subnets, { recursive: true, force: true });
mkdirSync(subnets);
const constants = loadConstants();
for (const name of Object.keys(constants.profiles))
  writeFileSync(join(subnets, `${name}.md`), profilePage(name, profileNamed(constants, name)));
writeFileSync(join(root, 'docs', 'commands.md'), commandReference(manifest));
writeFileSync(join(root, 'docs', 'licences.md'), currentPage());
writeFileSync(join(root, 'test', 'commands', 'interface.json'), json(interfaceSnapshot(manifest)));
