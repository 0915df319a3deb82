// Compiles src/ to dist/ and bundles the chain room: @polkadot/api takes ~3 s of CPU to import from its many files, a tenth as one.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const require = createRequire(import.meta.url);

rmSync('dist', { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'), '-p', '.'],
  { stdio: 'inherit' },
);

if (existsSync('dist/chain/polkadot.js')) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: ['dist/chain/polkadot.js'],
    outfile: 'dist/chain/polkadot.js',
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
