import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Manifest, readManifest } from '../../src/manifest.ts';
import { errorSchema } from '../../src/output/index.ts';
import { cleanEnv, root, runPt } from './run-pt.ts';

let home: string;
let manifest: Manifest;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'pt-cli-'));
  manifest = readManifest(root);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
const pt = (args: string[], env: Record<string, string> = {}) =>
  runPt(args, { env: { PT_HOME: home, ...env }, cwd: home });

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it looks for
const ESCAPE = /\u001b/;

describe('help', () => {
  test('the first page lists every command under a heading', async () => {
    const { code, stdout, stderr } = await pt(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const [id, { hidden }] of Object.entries(manifest)) {
      if (!hidden) expect(stdout).toMatch(new RegExp(`^ {2}${id.replaceAll(':', ' ')} `, 'm'));
    }
    expect(stdout).not.toContain('MORE\n');
    expect(stdout).not.toMatch(ESCAPE);
  });

  test.each([['-h'], ['help'], []])('%s shows it too', async (...args: string[]) => {
    expect((await pt(args)).stdout).toBe((await pt(['--help'])).stdout);
  });

  test('of a command, in every place that help can be asked', async () => {
    const { stdout } = await pt(['sandbox', 'start', '--help']);
    expect(stdout).toContain('pt sandbox start [FLAGS]');
    expect((await pt(['help', 'sandbox', 'start'])).stdout).toBe(stdout);
    expect((await pt(['sandbox', 'start', '-h'])).stdout).toBe(stdout);
  });

  test('every command has a summary, and every flag', () => {
    for (const [id, command] of Object.entries(manifest)) {
      expect(command.summary, id).toBeTruthy();
      for (const flag of Object.values(command.flags))
        expect(flag.summary ?? flag.description, `${id} --${flag.name}`).toBeTruthy();
    }
  });
});

describe('one JSON object on stdout, people on stderr', () => {
  test.each([
    [['trian', '--json'], 'usage.unknown_command', 'Unknown command: pt trian. Did you mean train?'],
    [
      ['sandbox', 'strat', '--json'],
      'usage.unknown_command',
      'Unknown command: pt sandbox strat. Did you mean start?',
    ],
    [
      ['sandbox', '--json'],
      'usage.missing_command',
      'pt sandbox needs one of: env, judge, reset, start, status, stop.',
    ],
    [['--json'], 'usage.missing_command', 'No command given.'],
    [
      ['config', 'show', '--json', '--netwrk', 'x'],
      'usage.unknown_flag',
      'Unknown flag --netwrk. Did you mean --network?',
    ],
    [['config', 'show', '--json', '--network', 'fineny'], 'settings.network', /Did you mean finney\?$/],
    [
      ['config', 'show', '--json', '--profile', '3.3'],
      'settings.bad_value',
      /^flag --profile: profile must be one of those .*3\.2 or 6\.0\?$/,
    ],
    [['config', 'show', '--json', '--netuid', 'x'], 'usage.bad_value', /^--netuid: /],
    [['config', 'show', '--json', '--netuid'], 'usage.bad_flags', /--netuid expects a value/],
    [
      ['config', 'show', 'hf_abcdefghijkl', '--json'],
      'usage.unexpected_argument',
      'Unexpected argument: hf_***',
    ],
    [['--json', 'config', 'show', '--offline=perhaps'], 'usage.flag_value', /takes no value/],
  ] as [string[], string, string | RegExp][])('%j', async (args, code, message) => {
    const ran = await pt(args);
    expect(ran.code).toBe(2);
    const { error } = errorSchema.parse(ran.json());
    expect(error).toMatchObject({ code, exitCode: 2 });
    expect(error.message).toMatch(
      typeof message === 'string' ? new RegExp(`^${literal(message)}$`) : message,
    );
    expect(Object.keys(error).toSorted()).toEqual(['code', 'exitCode', 'message', 'nextSteps']);
    expect(error.nextSteps.length).toBeGreaterThan(0);
    expect(ran.stdout.trim().split('\n')).toHaveLength(1);
    expect(ran.stderr).toContain(`[${code}]`);
    expect(ran.stdout + ran.stderr).not.toMatch(/abcdefghijkl|\n\s+at /);
  });

  test('success too, with the switch before or after the command', async () => {
    const before = await pt(['--json', 'config', 'show']);
    const after = await pt(['config', 'show', '--json']);
    expect(before.json()).toEqual(after.json());
    expect(before.stderr).toBe('');
  });

  test('old spellings reach the settings', async () => {
    const { json } = await pt([
      'config',
      'show',
      '--json',
      '--subtensor.chain_endpoint=ws://127.0.0.1:1',
      '--wallet_name',
      'a.b_c',
    ]);
    const rows = json().settings as { key: string; value: unknown }[];
    expect(rows.find(({ key }) => key === 'network')?.value).toBe('ws://127.0.0.1:1');
    expect(rows.find(({ key }) => key === 'wallet-name')?.value).toBe('a.b_c');
  });
});

test('--list-competitions lists those of the network that was named', async () => {
  for (const command of ['train', 'upload']) {
    const { json } = await pt([
      command,
      '--list-competitions',
      '--network',
      'sandbox',
      '--offline',
      '--json',
    ]);
    expect(json().competitions, command).toMatchObject([{ name: 'SANDBOX' }]);
  }
});

describe('surroundings', () => {
  test('no escape sequence on a pipe, even when colours are forced', async () => {
    for (const args of [['config', 'show'], ['--help'], ['trian'], ['sandbox', 'status']]) {
      const { stdout, stderr } = await pt(args, { FORCE_COLOR: '3', TERM: 'xterm-256color' });
      expect(stdout + stderr).not.toMatch(ESCAPE);
    }
  });

  test('LANG=C gets ASCII only', async () => {
    for (const args of [['config', 'show', '--help'], ['trian'], ['sandbox', 'stop']]) {
      const { stdout, stderr } = await pt(args, { LANG: 'C' });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
      expect(stdout + stderr).toMatch(/^[\u0000-\u007f]*$/);
    }
  });

  test('a reader that goes away is no error', async () => {
    const command = `"${process.execPath}" "${join(root, 'bin/run.js')}" config show | head -n 1; exit $PIPESTATUS`;
    const ran = await new Promise<{ error: unknown; stdout: string; stderr: string }>((done) => {
      execFile(
        'bash',
        ['-c', command],
        { env: cleanEnv({ PT_HOME: home }), cwd: home },
        (error, stdout, stderr) => done({ error, stdout, stderr }),
      );
    });
    expect(ran).toEqual({ error: null, stdout: expect.stringMatching(/^setting .*\n$/), stderr: '' });
  });

  test.each([[['config', 'show']], [['trian']], [['sandbox', 'status', '--json']]])(
    '%j ends when stdin, stdout and stderr are closed',
    async (args) => {
      const child = spawn(process.execPath, [join(root, 'bin/run.js'), ...args], {
        env: cleanEnv({ PT_HOME: home }),
        cwd: home,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      const code = await new Promise((done) => child.on('exit', done));
      expect(code).toBe(args[0] === 'trian' ? 2 : 0);
    },
  );

  test('a read-only, missing or absurd home does not matter to what does not write', async () => {
    const locked = mkdtempSync(join(tmpdir(), 'pt-locked-'));
    chmodSync(locked, 0o500);
    for (const PT_HOME of [locked, '/nonexistent/deep/home', '/dev/null']) {
      expect((await pt(['config', 'show', '--json'], { PT_HOME })).code).toBe(0);
      expect((await pt(['sandbox', 'status', '--json'], { PT_HOME })).json()).toMatchObject({
        running: false,
      });
    }
    rmSync(locked, { recursive: true });
  });
});

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
