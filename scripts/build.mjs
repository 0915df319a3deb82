// Compiles src/ to dist/, bundles the chain room (@polkadot/api takes ~3 s of CPU to import from its many files, a tenth as one), and
// writes oclif.manifest.json, from which `pt` knows its commands without loading any of them.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const require = createRequire(import.meta.url);

// Built aside and swapped in, so that a pt that runs meanwhile finds a whole dist/.
const aside = join(root, 'node_modules', '.cache', 'pt-build', String(process.pid));
const fresh = join(aside, 'dist');
process.on('exit', () => rmSync(aside, { recursive: true, force: true }));
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
    [join(client, 'index.css'), join(fresh, 'report', 'client.css')],
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

// The framework's own tool writes down what the commands are. It looks for a package: this one, with what was just built. It begins by
// removing the manifest of the working folder, which a pt may be reading.
cpSync('package.json', join(aside, 'package.json'));
symlinkSync(join(root, 'constants'), join(aside, 'constants'));
const oclif = join(dirname(require.resolve('oclif/package.json')), 'bin/run.js');
const { status } = spawnSync(process.execPath, [oclif, 'manifest'], {
  cwd: aside,
  stdio: ['ignore', 'ignore', 'inherit'],
  // No look for a newer one of itself.
  env: { ...process.env, OCLIF_SKIP_NEW_VERSION_CHECK: '1' },
});
if (status !== 0) process.exit(1);

const old = join(aside, 'old');
if (existsSync('dist')) renameSync('dist', old);
renameSync(fresh, 'dist');
renameSync(join(aside, 'oclif.manifest.json'), 'oclif.manifest.json');
