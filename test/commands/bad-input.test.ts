import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/main.ts';
import { readManifest } from '../../src/manifest.ts';
import { errorSchema } from '../../src/output/index.ts';
import { root } from './run-pt.ts';

/**
 * Walks every command with unknown, missing, contradictory and absurd input. Nothing here gets past the parser or the settings, so all
 * runs share this process; whole processes are in main.test.ts.
 */
const manifest = readManifest(root);
const commands = Object.values(manifest);
const words = (id: string) => id.split(':');
const argsOf = (id: string) =>
  Object.values(manifest[id]!.args)
    .filter(({ required }) => required)
    .map(({ options }) => options?.[0] ?? 'x');

let home: string;
const realEnv = { ...process.env };
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'pt-bad-'));
  for (const name of Object.keys(process.env)) if (/^(PT|HF|WANDB)_/.test(name)) delete process.env[name];
  Object.assign(process.env, { PT_HOME: home, HOME: home });
});
afterAll(() => {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, realEnv);
  process.exitCode = 0;
  rmSync(home, { recursive: true, force: true });
});

/** Runs one command line here and gives its report; fails when there is anything else on stdout, or a stack trace. */
async function report(argv: string[]) {
  const [out, err] = [[] as string[], [] as string[]];
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0),
  ];
  const before = (['uncaughtException', 'unhandledRejection'] as const).map(
    (event) => [event, process.listeners(event as never)] as const,
  );
  const streams = [process.stdout, process.stderr].map(
    (stream) => [stream, stream.listeners('error')] as const,
  );
  process.exitCode = undefined;
  try {
    await main([...argv, '--json'], root);
  } finally {
    for (const spy of spies) spy.mockRestore();
    for (const [event, kept] of before) {
      for (const listener of process.listeners(event as never))
        if (!(kept as unknown[]).includes(listener)) process.off(event, listener as never);
    }
    for (const [stream, kept] of streams) {
      for (const listener of stream.listeners('error'))
        if (!kept.includes(listener)) stream.off('error', listener as never);
    }
  }
  const label = `pt ${argv.join(' ')}\n${err.join('')}`;
  expect(out.length, label).toBe(1);
  const { error } = errorSchema.parse(JSON.parse(out[0]!));
  expect(err.join('') + out.join(''), label).not.toMatch(/\n\s+at |node:internal/);
  expect(process.exitCode, label).toBe(error.exitCode);
  expect(error.nextSteps.length, label).toBeGreaterThan(0);
  return error;
}

describe.each(commands.map(({ id }) => id))('%s', (id) => {
  test('unknown flags, with the nearest one', async () => {
    expect(await report([...words(id), ...argsOf(id), '--definitely-not'])).toMatchObject({
      code: 'usage.unknown_flag',
      exitCode: 2,
    });
    const { message } = await report([...words(id), ...argsOf(id), '--quite']);
    expect(message).toContain('--quiet');
  });

  test('arguments too many or missing', async () => {
    const { args, strict } = manifest[id]!;
    const takesMany = strict === false || Object.values(args).some(({ multiple }) => multiple);
    if (!takesMany) {
      const many = [...Object.values(args).map(({ options }) => options?.[0] ?? 'x'), 'one-too-many'];
      expect(await report([...words(id), ...many])).toMatchObject({
        code: 'usage.unexpected_argument',
        exitCode: 2,
      });
    }
    if (argsOf(id).length > 0) {
      expect(await report(words(id))).toMatchObject({ code: 'usage.missing_argument', exitCode: 2 });
    }
  });

  test('flags without their value, with an unknown value, or twice', async () => {
    for (const { name, type, options, multiple } of Object.values(manifest[id]!.flags)) {
      if (type === 'boolean') {
        expect(await report([...words(id), ...argsOf(id), `--${name}=perhaps`])).toMatchObject({
          code: 'usage.flag_value',
        });
        continue;
      }
      // `--resume` alone is allowed: it means the newest run.
      if (name !== 'resume') {
        expect(await report([...words(id), ...argsOf(id), `--${name}`]), name).toMatchObject({
          code: 'usage.bad_flags',
        });
      }
      if (options) {
        expect(await report([...words(id), ...argsOf(id), `--${name}`, 'absurd'])).toMatchObject({
          code: 'usage.bad_value',
        });
      }
      if (!multiple && !options) {
        expect(
          (await report([...words(id), ...argsOf(id), `--${name}`, '1', `--${name}`, '2'])).exitCode,
        ).toBe(2);
      }
    }
  });

  test('absurd numbers', async () => {
    const flags = manifest[id]!.flags;
    for (const name of ['netuid', 'load-uid', 'max-steps', 'chain-port', 'seed', 'lr'].filter(
      (flag) => flag in flags,
    )) {
      for (const value of ['', 'nine', '1e400', '-99999999999999999999']) {
        expect(
          (await report([...words(id), ...argsOf(id), `--${name}=${value}`])).exitCode,
          `${name}=${value}`,
        ).toBe(2);
      }
    }
  });

  test('a mistyped variable stops everything that reads settings', async () => {
    if (id === 'completion' || id === 'setup') return;
    process.env.PT_NETUDI = '9';
    try {
      const { code, exitCode } = await report([...words(id), ...argsOf(id)]);
      // What was typed may be found wrong first: `pt load` without a miner, `pt check x` without a folder x.
      expect({ code, exitCode }).toEqual({
        code: expect.stringMatching(/^(settings\.unknown|usage\.|model\.missing)/),
        exitCode: 2,
      });
    } finally {
      delete process.env.PT_NETUDI;
    }
  });
});

test('contradictions are named', async () => {
  expect((await report(['train', '--dtype', 'bf16', '--no-upload-b16'])).message).toMatch(/dtype/);
});

test('a repository name that cannot be is named before wallet, chain and Hub are looked at', async () => {
  const to = ['--hf-repo-id', '../../etc', '--network', 'ws://127.0.0.1:9'];
  expect(await report(['upload', '--load-model-dir', home, ...to])).toMatchObject({ code: 'repo.invalid' });
});

test.each(['train', 'upload', 'evaluate', 'load-best', 'status'])(
  '%s refuses the profile history by name',
  async (id) => {
    const typed = {
      train: ['--hf-repo-id', 'me/x'],
      upload: ['--load-model-dir', home, '--hf-repo-id', 'me/x'],
      evaluate: [home],
      'load-best': [],
      status: [],
    }[id]!;
    const network = ['--network', 'ws://127.0.0.1:9', '--profile', 'history'];
    expect(await report([id, ...typed, ...network])).toMatchObject({ code: 'profile.history', exitCode: 2 });
  },
);

test.each([
  ['train --from-start', '--from-start does nothing without --resume.'],
  ['evaluate x --sequences 8 --pages 2', '--pages and --sequences exclude one another.'],
])('pt %s says what goes with what', async (line, message) => {
  expect(await report(line.split(' '))).toMatchObject({ code: 'usage.bad_flags', message });
});
