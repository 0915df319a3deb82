import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { expect, test } from 'vitest';
// @ts-expect-error: a script without types
import { currentPage } from '../../scripts/licences.mjs';
import { root } from '../commands/run-pt.ts';

const read = (file: string) => readFileSync(join(root, file), 'utf8');
const lines = (command: string, args: string[]) =>
  execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

interface Locked {
  integrity?: string;
  resolved?: string;
  hasInstallScript?: boolean;
  dev?: boolean;
}
const manifest = JSON.parse(read('package.json')) as {
  optionalDependencies: Record<string, string>;
};
const locked = Object.entries(
  JSON.parse(read('package-lock.json')).packages as Record<string, Locked>,
).filter(([path]) => path !== '');

/** What `npm pack` would put into the package, by path. */
const packed = (
  JSON.parse(lines('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'])) as [
    { files: { path: string }[] },
  ]
)[0].files.map(({ path }) => path);

test('the lock file names every package by its hash and no address', () => {
  expect(locked.length).toBeGreaterThan(100);
  for (const [path, { integrity, resolved }] of locked) {
    expect(integrity, path).toMatch(/^sha512-/);
    expect(resolved, path).toBeUndefined();
  }
  expect(read('package-lock.json')).not.toMatch(/https?:[^"]*\.tgz/);
  expect(read('python/requirements.txt')).not.toMatch(/https?:|--(extra-)?index-url|--find-links|@ /);
});

test('nothing runs a script when pt is installed; esbuild does, for those who build it', () => {
  const withScript = locked.filter(([, { hasInstallScript }]) => hasInstallScript);
  expect(withScript.map(([path]) => path)).toEqual(['node_modules/esbuild']);
});

test('the Node that is brought along is one version for every system, and its hash stands in the lock file', () => {
  const brought = Object.entries(manifest.optionalDependencies);
  expect(new Set(brought.map(([, version]) => version)).size).toBe(1);
  for (const [name, version] of brought) {
    const [, os, cpu] = name.split('-');
    const package_ = locked.find(([path]) => path === `node_modules/${name}`)![1];
    expect(package_).toMatchObject({ version, os: os === 'win' ? 'win32' : os, cpu, optional: true });
  }
});

test('uv is pinned by version and hashes alone', () => {
  const pin = read('python/uv.txt')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(pin[0]).toMatch(/^uv==\d+\.\d+\.\d+ \\$/);
  expect(pin.length).toBeGreaterThan(2);
  for (const line of pin.slice(1)) expect(line).toMatch(/^ {4}--hash=sha256:[0-9a-f]{64}( \\)?$/);
});

test('docs/licences.md is what the lock file says', () => {
  expect(read('docs/licences.md'), 'npm run generate').toBe(currentPage());
});

test('the package holds what runs, and nothing else', () => {
  const tracked = lines('git', ['ls-files', 'python', 'constants', 'schemas', 'bin', 'docs'])
    .trim()
    .split('\n');
  expect(packed).toEqual(expect.arrayContaining(tracked));
  expect(packed).toEqual(
    expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/main.js', 'dist/chain/polkadot.js']),
  );
  const places =
    /^(bin|dist|constants|python|schemas|docs)\/|^(\.env\.example|CHANGELOG\.md|scripts\/bootstrap\.mjs|oclif\.manifest\.json|package\.json|README\.md|LICENSE)$/;
  // Bundled, pythonia with the ws of ours: it asks for an older one, for a half of it that is not used here, and npm would warn whoever installs pt.
  const bundled = /^node_modules\/(pythonia|caller|chalk|ansi-styles|color-convert|color-name|has-flag|ws)\//;
  const own = packed.filter((path) => !bundled.test(path));
  expect(own.filter((path) => !places.test(path))).toEqual([]);
  const stray = /\.(pyc|env|log|map)$|(?<!\.d)\.ts$|__pycache__|\/\.(?!sources$)/;
  expect(own.filter((path) => stray.test(path))).toEqual([]);
});

test('it is not published before package.json says where pt is developed', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/before-publish.mjs'], {
    cwd: root,
    encoding: 'utf8',
  });
  const missing = ['repository', 'homepage', 'bugs'].filter((field) => !(field in manifest));
  expect(status).toBe(missing.length === 0 ? 0 : 1);
  for (const field of missing) expect(stderr).toContain(`"${field}": `);
});

test('publint has nothing to say about it', async () => {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true, pack: 'npm' });
  expect(messages.map((message) => formatMessage(message, pkg!))).toEqual([]);
});
