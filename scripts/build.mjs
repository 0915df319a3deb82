// Compiles src/ to dist/, bundles the chain room (@polkadot/api takes ~3 s of CPU to import from its many files, a tenth as one), and
// writes oclif.manifest.json, from which `pt` knows its commands without loading any of them.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const require = createRequire(import.meta.url);

// Built aside and swapped in, so that a pt that runs meanwhile finds a whole dist/.
const fresh = join('node_modules', '.cache', 'pt-build', String(process.pid));
execFileSync(
  process.execPath,
  [join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'), '-p', '.', '--outDir', fresh],
  { stdio: 'inherit' },
);

const heavy = join(fresh, 'chain', 'polkadot.js');
if (existsSync(heavy)) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: [heavy],
    outfile: heavy,
    allowOverwrite: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    minify: true,
    logLevel: 'error',
    banner: {
      js: "import { createRequire as __pt_require } from 'node:module'; const require = __pt_require(import.meta.url);",
    },
  });
}

// What stands inside the pages of src/report: their script as one text, and their style.
const client = join('src', 'report', 'client');
if (existsSync(client)) {
  const { build } = await import('esbuild');
  for (const [entry, outfile] of [
    [join(client, 'main.ts'), join(fresh, 'report', 'client.js')],
    [join(client, 'page.css'), join(fresh, 'report', 'client.css')],
  ]) {
    await build({
      entryPoints: [entry],
      outfile,
      allowOverwrite: true,
      bundle: true,
      format: 'iife',
      target: ['es2022', 'chrome110', 'firefox110', 'safari16'],
      minify: true,
      charset: 'utf8',
      legalComments: 'none',
      logLevel: 'error',
    });
  }
}

const old = `${fresh}-old`;
if (existsSync('dist')) renameSync('dist', old);
renameSync(fresh, 'dist');
rmSync(old, { recursive: true, force: true });

// A command is a module with a default export; what stands beside it helps it.
const pjson = JSON.parse(readFileSync('package.json', 'utf8'));
const commandsDir = pjson.oclif.commands.target;
const isCommand = (file) =>
  file.endsWith('.js') && /^export default class /m.test(readFileSync(join(commandsDir, file), 'utf8'));
pjson.oclif.commands.globPatterns = readdirSync(commandsDir, { recursive: true }).filter(isCommand);
const { Plugin } = await import('@oclif/core');
const plugin = new Plugin({
  root,
  pjson,
  isRoot: true,
  type: 'core',
  ignoreManifest: true,
  errorOnManifestCreate: true,
  respectNoCacheDefault: true,
});
await plugin.load();
writeFileSync('dist/manifest.json', `${JSON.stringify(plugin.manifest)}\n`);
renameSync('dist/manifest.json', 'oclif.manifest.json');
