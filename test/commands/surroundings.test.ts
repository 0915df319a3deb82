import { execFile, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../src/errors.ts';
import { readManifest } from '../../src/manifest.ts';
import { errorSchema } from '../../src/output/index.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { cleanEnv, type Ran, root, runPt } from './run-pt.ts';

/**
 * Walks every command as a process of its own through bad surroundings. Whatever happens: an exit code of the table that is not
 * "bug", no stack trace, and one object with --json. bad-input.test.ts walks bad flags.
 */

/** What to type of each command so that it gets as far as it can with no network and no model. */
const TYPED: Record<string, string[]> = {
  attach: [],
  check: ['MODEL'],
  clean: [],
  competitions: [],
  completion: ['bash'],
  'config:show': [],
  dashboard: ['--port', '0'],
  doctor: ['--offline'],
  evaluate: ['MODEL', '--offline'],
  load: ['--uid', '1'],
  'load-best': [],
  logs: [],
  merge: ['MODEL', 'MODEL', '--out', 'merged', '--offline'],
  profiles: [],
  'profiles:show': ['albedo'],
  report: [],
  runs: [],
  'runs:note': ['latest', 'a line'],
  'runs:prune': ['--failed', '--yes'],
  'runs:rm': ['latest', '--yes'],
  'runs:tag': ['latest', 'first'],
  'sandbox:env': [],
  'sandbox:judge': [],
  'sandbox:reset': [],
  'sandbox:start': ['--detach'],
  'sandbox:status': [],
  'sandbox:stop': [],
  setup: ['--check'],
  status: [],
  stop: [],
  train: ['--offline', '--max-steps', '1'],
  upload: ['--load-model-dir', 'MODEL', '--hf-repo-id', 'me/first', '--yes'],
  use: [],
  'wallet:list': [],
  'wallet:show': [],
};

const ids = Object.keys(readManifest(root)).toSorted();
const typed = (id: string) => [...id.split(':'), ...(TYPED[id] ?? [])];
const codes: number[] = Object.values(EXIT);
const STACK = /\n\s+at [\w.<]|node:internal|Traceback \(most recent|\bENO[A-Z]+:|UnhandledPromise/;

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'pt-around-'));
  mkdirSync(join(place, 'MODEL'));
  writeFileSync(join(place, 'MODEL', 'config.json'), '{"model_type": "llama"}');
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** `work` for every command, three at a time; the one that clears the sandbox away after the one that starts it. */
async function walk(work: (id: string) => Promise<void>, which = ids): Promise<void> {
  const last = ['sandbox:reset'].filter((id) => which.includes(id));
  const left = which.filter((id) => !last.includes(id));
  const lane = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) await work(id);
  };
  await Promise.all([lane(), lane(), lane()]);
  for (const id of last) await work(id);
}

function expectEnded(id: string, { code, stdout, stderr }: Ran): void {
  const label = `pt ${typed(id).join(' ')}: ${code}\n${stderr}${stdout}`;
  expect(codes, label).toContain(code);
  expect(code, label).not.toBe(EXIT.bug);
  expect(stderr + stdout, label).not.toMatch(STACK);
}

/** Every command with --json in a PT_HOME; the ids of those that failed, with their error's code. */
async function walkHome(home: string, which = ids): Promise<Record<string, string>> {
  const failed: Record<string, string> = {};
  await walk(async (id) => {
    const env = { PT_HOME: home, PT_NETWORK: 'sandbox', HOME: place };
    const ran = await runPt([...typed(id), '--json'], { env, cwd: place });
    expectEnded(id, ran);
    const result = ran.json();
    if ('error' in result) {
      const { error } = errorSchema.parse(result);
      expect(error.exitCode, id).toBe(ran.code);
      expect(error.nextSteps.length, `${id}: ${error.code}`).toBeGreaterThan(0);
      failed[id] = error.code;
    }
  }, which);
  return failed;
}

test('every command is walked', () => {
  expect(Object.keys(TYPED).toSorted()).toEqual(ids);
});

describe('PT_HOME', () => {
  test('that cannot be written', async () => {
    const home = join(place, 'locked');
    const disk = mountSmallDisk(home, 1 << 16);
    if (disk) expect(spawnSync('mount', ['-o', 'remount,ro', home]).status).toBe(0);
    else chmodSync(home, 0o500);
    try {
      expect(await walkHome(home)).toMatchObject({
        'sandbox:start': 'disk.not_writable',
        train: expect.stringMatching(/^disk\./),
      });
    } finally {
      disk?.unmount();
    }
  }, 180_000);

  test('under a file', async () => {
    const file = join(place, 'file');
    writeFileSync(file, '');
    expect(await walkHome(join(file, 'home'), ['sandbox:start', 'train', 'runs', 'status'])).toMatchObject({
      'sandbox:start': expect.stringMatching(/^disk\./),
    });
  }, 180_000);

  test('on a full disk', async ({ skip }) => {
    const home = join(place, 'full');
    const disk = mountSmallDisk(home, 1 << 16);
    if (!disk) return skip('a small file system can only be mounted by root');
    try {
      spawnSync('dd', ['if=/dev/zero', `of=${join(home, 'filler')}`, 'bs=4096'], { stdio: 'ignore' });
      expect(await walkHome(home)).toMatchObject({ 'sandbox:start': 'disk.full', train: 'disk.full' });
    } finally {
      await runPt(['sandbox', 'stop'], { env: { PT_HOME: home }, cwd: place });
      disk.unmount();
    }
  }, 180_000);
});

describe('a home that works', () => {
  let home: string;
  const env = () => ({ PT_HOME: home, PT_NETWORK: 'sandbox', HOME: place });
  beforeAll(() => {
    home = join(place, 'home');
  });
  afterAll(() => runPt(['sandbox', 'stop'], { env: { PT_HOME: home }, cwd: place }));
  // Training is long and has tests of its own.
  const quick = ids.filter((id) => id !== 'train');

  test('a reader that goes away, and closed stdin, stdout and stderr', async () => {
    const pt = `"${process.execPath}" "${join(root, 'bin/run.js')}"`;
    await walk(async (id) => {
      const line = `${pt} ${typed(id).join(' ')} 2> "$ERRORS" | head -n 1 > /dev/null; exit $PIPESTATUS`;
      const errors = join(place, `errors-${id.replace(':', '-')}`);
      const code = await new Promise<number>((settle) => {
        const options = { env: cleanEnv({ ...env(), ERRORS: errors }), cwd: place };
        execFile('bash', ['-c', line], options, (error) => settle(error === null ? 0 : Number(error.code)));
      });
      const stderr = existsSync(errors) ? spawnSync('cat', [errors], { encoding: 'utf8' }).stdout : '';
      expectEnded(id, { code, stdout: '', stderr, json: () => ({}) });

      if (id.length % 3 > 0 && !process.env.PT_SLOW) return; // every third will do; main.test.ts has more
      const child = spawn(process.execPath, [join(root, 'bin/run.js'), ...typed(id)], {
        env: cleanEnv(env()),
        cwd: place,
      });
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      const closed = await new Promise<number | null>((settle) => child.on('exit', settle));
      expect(codes, id).toContain(closed);
      expect(closed, id).not.toBe(EXIT.bug);
    }, quick);
  }, 180_000);

  test('a terminal of 20 columns under LANG=C: ASCII only', async () => {
    await walk(async (id) => {
      const request = {
        command: [process.execPath, join(root, 'bin/run.js'), ...typed(id)],
        cwd: place,
        env: cleanEnv({ ...env(), TERM: 'xterm-256color', LANG: 'C' }),
        columns: 20,
        type: [],
        seconds: 40,
      };
      const script = join(import.meta.dirname, 'pty_run.py');
      const { code, shown } = await new Promise<{ code: number; shown: string }>((settle, reject) => {
        execFile('python3', [script, JSON.stringify(request)], (error, stdout) =>
          error ? reject(error) : settle(JSON.parse(stdout)),
        );
      });
      expectEnded(id, { code, stdout: shown, stderr: '', json: () => ({}) });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
      expect(shown, id).toMatch(/^[\u0000-\u007f]*$/);
    }, quick);
  }, 180_000);
});
