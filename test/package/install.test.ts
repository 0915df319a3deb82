import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../commands/run-pt.ts';
import { findOldNode } from '../support/old-node.ts';

/**
 * What a user gets from `npm install --global`: the package as it would be published, under a prefix of its own, with an empty home. npm's own cache
 * is the user's, so that CI does not fetch everything twice; with PT_SLOW=1 it is empty too.
 */
let place: string;
let app: string;
let installed: string;
let env: Record<string, string>;
/** What npm said of it that is no result. */
let remarks: string;
const older = findOldNode();

beforeAll(() => {
  place = realpathSync(mkdtempSync(join(tmpdir(), 'pt-install-')));
  app = join(place, 'app');
  const home = join(place, 'home');
  for (const folder of [app, home]) mkdirSync(folder);
  const npm = (args: string[], cwd: string) =>
    execFileSync('npm', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const [{ filename }] = JSON.parse(
    npm(['pack', '--ignore-scripts', '--json', '--pack-destination', place], root),
  ) as [{ filename: string }];
  writeFileSync(join(app, 'package.json'), '{"private": true, "type": "module"}\n');
  const globally = ['install', '--global', '--prefix', place, '--no-audit', '--no-fund'];
  const ran = spawnSync('npm', [...globally, join(place, filename)], {
    cwd: app,
    encoding: 'utf8',
    env: {
      ...process.env,
      // By the oldest Node that there is.
      PATH: [...(older === null ? [] : [dirname(older)]), process.env.PATH].join(delimiter),
      HOME: home,
      npm_config_prefer_offline: 'true',
      // Registry and certificates are this machine's; nothing else of its npm is.
      npm_config_userconfig: npm(['config', 'get', 'userconfig'], root),
      npm_config_cache: process.env.PT_SLOW ? join(place, 'cache') : npm(['config', 'get', 'cache'], root),
    },
  });
  expect(ran.status, ran.stderr).toBe(0);
  remarks = ran.stderr;
  installed = join(place, 'lib', 'node_modules', 'pretrain-miner');
  mkdirSync(join(app, 'node_modules'));
  symlinkSync(installed, join(app, 'node_modules', 'pretrain-miner'));
  env = { PATH: `${join(place, 'bin')}:/usr/bin:/bin`, HOME: home, PT_PYTHON: process.env.PT_PYTHON! };
}, 240_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Runs the installed `pt`, by a Node that is too old for it where there is one: the package brings its own along. */
function pt(args: string[], more: Record<string, string> = {}) {
  const bin = join(place, 'bin', 'pt');
  const { status, stdout, stderr } = spawnSync(older ?? process.execPath, [bin, ...args, '--json'], {
    cwd: app,
    env: { ...env, ...more },
    encoding: 'utf8',
  });
  return { code: status, stderr, result: status === null ? null : JSON.parse(stdout) };
}

test('it is a copy, not a link to the sources, and npm links the command', () => {
  expect(realpathSync(installed)).toBe(installed);
  expect(existsSync(join(installed, 'src'))).toBe(false);
  // Two names: `pt` is also another package's; the package's own name is nobody else's.
  for (const name of ['pt', 'pretrain-miner'])
    expect(realpathSync(join(place, 'bin', name))).toBe(join(installed, 'bin', 'run.js'));
});

test('npm warns of nothing while it installs, on an older Node too', () => {
  expect(remarks).toBe('');
});

test('pt train --offline trains, and pt check accepts what it made', () => {
  const trained = pt(['train', '--offline', '--max-steps', '3']);
  expect(trained.code, trained.stderr).toBe(0);
  expect(trained.result).toMatchObject({ steps: 3, published: null });
  expect(dirname(dirname(trained.result.runDir))).toBe(join(place, 'home', '.pt'));
  // The tokenizer comes from constants/, the code from python/.
  expect(readdirSync(trained.result.bestDir)).toEqual(
    expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json']),
  );
  const checked = pt(['check', trained.result.bestDir, '--network', 'sandbox', '--offline']);
  expect({ code: checked.code, accepted: checked.result.accepted }, checked.stderr).toEqual({
    code: 0,
    accepted: true,
  });
}, 180_000);

test('what it trained is published to its sandbox, signed by the bundled chain code, and comes back', () => {
  const [run] = readdirSync(join(place, 'home', '.pt', 'runs'));
  const best = join(place, 'home', '.pt', 'runs', run!, 'best');
  const onSandbox = ['--network', 'sandbox'];
  try {
    expect(pt(['sandbox', 'start', '--detach']).result).toMatchObject({ running: true });
    const to = ['--load-model-dir', best, '--hf-repo-id', 'me/installed', '--yes'];
    const published = pt(['upload', ...onSandbox, ...to]);
    expect(published.code, published.stderr).toBe(0);
    const { contentHash } = published.result;
    expect(pt(['load-best', ...onSandbox]).result).toMatchObject({ contentHash, verified: true });
  } finally {
    expect(pt(['sandbox', 'stop']).result).toEqual({ stopped: true });
  }
}, 120_000);

test('without a Python environment it says what to type', () => {
  const { code, result } = pt(['train', '--offline', '--max-steps', '1'], { PT_PYTHON: '' });
  expect(code).toBe(7);
  expect(result.error).toMatchObject({
    code: 'python.not_set_up',
    nextSteps: ['pt setup', expect.any(String)],
  });
});

test('a TypeScript program finds the API and its types', () => {
  writeFileSync(
    join(app, 'program.ts'),
    `import { graph, mining, model, rules } from 'pretrain-miner';
const uid: number | null = await graph.bestUid({ network: 'sandbox' }).catch(() => null);
// @ts-expect-error: a wallet is an object, so this is not any
void (() => mining.push({ dir: 'x', repo: 'me/x', wallet: 7 }));
console.log(JSON.stringify([uid, typeof mining.push, Object.keys(rules).length > 0, Object.keys(model).length > 0]));
`,
  );
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
  const typeRoots = ['--typeRoots', join(root, 'node_modules', '@types'), '--skipLibCheck'];
  const checked = spawnSync(process.execPath, [tsc, ...options, ...typeRoots, 'program.ts'], {
    cwd: app,
    encoding: 'utf8',
  });
  expect(checked.stdout).toBe('');
  const ran = spawnSync(process.execPath, ['program.ts'], { cwd: app, env, encoding: 'utf8' });
  expect(JSON.parse(ran.stdout), ran.stderr).toEqual([null, 'function', true, true]);
});
