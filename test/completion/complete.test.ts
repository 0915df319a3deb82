import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complete, type DynamicKind, FILES } from '../../src/completion/complete.ts';
import { completionScript } from '../../src/completion/scripts.ts';
import type { Manifest } from '../../src/manifest.ts';
import { cleanEnv, root } from '../commands/run-pt.ts';

const flag = (name: string, more: object = {}) => ({ [name]: { name, type: 'option' as const, ...more } });
const manifest: Manifest = {
  train: {
    id: 'train',
    args: {},
    flags: {
      ...flag('network', { aliases: ['subtensor-network'] }),
      ...flag('optimizer', { options: ['adamw', 'muon'] }),
      ...flag('load-model-dir'),
      ...flag('against'),
      ...flag('data'),
      compile: { name: 'compile', type: 'boolean', allowNo: true },
      ...flag('secret', { hidden: true }),
    },
  },
  report: { id: 'report', args: { run: { name: 'run' } }, strict: false, flags: {} },
  logs: { id: 'logs', args: { run: { name: 'run' } }, flags: {} },
  runs: { id: 'runs', args: {}, flags: {} },
  'runs:rm': { id: 'runs:rm', args: { run: { name: 'run' } }, strict: false, flags: {} },
  use: { id: 'use', args: { name: { name: 'name' } }, flags: {} },
  check: { id: 'check', args: { model: { name: 'model' } }, flags: { ...flag('network') } },
  'sandbox:start': { id: 'sandbox:start', args: {}, flags: {} },
  'sandbox:stop': { id: 'sandbox:stop', args: {}, flags: {} },
};
const asked: [DynamicKind, string[]][] = [];
const at = (...words: string[]) =>
  complete(manifest, words.slice(0, -1), words.at(-1)!, async (kind, before) => {
    asked.push([kind, before]);
    return ['finney', 'sandbox', 'run-1'];
  });

test.each([
  [[''], ['check', 'logs', 'report', 'runs', 'sandbox', 'train', 'use']],
  [['tr'], ['train']],
  [
    ['sandbox', ''],
    ['start', 'stop'],
  ],
  [['sandbox', 'sta'], ['start']],
  [['train', '--op'], ['--optimizer']],
  [['train', '--no'], ['--no-compile']],
  [['train', '--optimizer', 'm'], ['muon']],
  [['train', '--network', 's'], ['sandbox']],
  [['train', '--subtensor.network', 'f'], ['finney']],
  [['train', '--load_model_dir', ''], [FILES]],
  [['check', ''], [FILES]],
  [['check', '--network', 'finney', './mo'], [FILES]],
  [['report', 'run'], ['run-1']],
  [
    ['report', 'run-1', ''],
    ['finney', 'run-1', 'sandbox'],
  ],
  [['logs', 'run-1', 'x'], []],
  // A command under one that is one too.
  [['runs', ''], ['rm']],
  [['runs', 'rm', 'run'], ['run-1']],
  [['runs', 'rm', 'x', 'run'], ['run-1']],
  [['use', 's'], ['sandbox']],
  // What has a name by it, else a file.
  [['train', '--against', 'k'], ['king']],
  [['train', '--against', './'], [FILES]],
  [['train', '--data', 'f'], ['finney']],
  [['train', '--data', '/d'], [FILES]],
  // As zsh and fish give it, and as bash does.
  [['train', '--network=s'], ['--network=sandbox']],
  [['train', '--network', '=', 's'], ['sandbox']],
  [
    ['train', '--optimizer', '='],
    ['adamw', 'muon'],
  ],
  [['nonsense', ''], []],
])('%j offers %j', async (words, offered) => {
  expect(await at(...words)).toEqual(offered);
});

test('what this machine knows is asked with the words before', async () => {
  asked.length = 0;
  await at('train', '--optimizer', 'adamw', '--network', '');
  expect(asked).toEqual([['network', ['train', '--optimizer', 'adamw', '--network']]]);
});

describe('in real shells', () => {
  let dir: string;
  let env: NodeJS.ProcessEnv;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'pt-completion-'));
    writeFileSync(
      join(dir, 'pt'),
      `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@"\n`,
    );
    chmodSync(join(dir, 'pt'), 0o755);
    // Names that a stranger's file could have must never reach the shell as code.
    const hotkeys = join(dir, 'wallets/default/hotkeys');
    mkdirSync(hotkeys, { recursive: true });
    for (const name of ['miner', '$(touch pwned)', 'a b']) writeFileSync(join(hotkeys, name), '{}');
    env = cleanEnv({
      PATH: `${dir}${delimiter}${process.env.PATH}`,
      HOME: dir,
      PT_WALLET_PATH: join(dir, 'wallets'),
    });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const bash = (...words: string[]) => {
    const list = words.map((word) => `'${word}'`).join(' ');
    const script = `eval "$(pt completion bash)"; COMP_WORDS=(pt ${list}); COMP_CWORD=${words.length}; _pt; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { env, cwd: dir, encoding: 'utf8' })
      .split('\n')
      .filter(Boolean);
  };

  test('bash completes commands, networks and hotkeys', () => {
    expect(bash('sandbox', 'st')).toEqual(['start', 'status', 'stop']);
    expect(bash('config', 'show', '--network', 's')).toEqual(['sandbox']);
    expect(bash('wallet', 'show', '--wallet-hotkey', '')).toEqual(['miner']);
  });

  test('bash shows what each is for where it lists, within the terminal', () => {
    const script = `eval "$(pt completion bash)"; COMP_TYPE=63; COLUMNS=40; COMP_WORDS=(pt sandbox st); COMP_CWORD=2; _pt; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const answer = execFileSync('bash', ['-c', script], { env, cwd: dir, encoding: 'utf8' });
    const lines = answer.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^start {3}Start an embedded/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(38);
  });

  test('--install writes once, --uninstall leaves what was there, and a real bash completes by it', () => {
    const file = join(dir, '.bashrc');
    writeFileSync(file, '# mine');
    const options = { env: { ...env, SHELL: '/bin/bash' }, encoding: 'utf8' } as const;
    const pt = (...args: string[]) =>
      JSON.parse(execFileSync(join(dir, 'pt'), ['completion', ...args, '--json'], options));
    expect(pt('--install')).toMatchObject({ shell: 'bash', file });
    const once = readFileSync(file, 'utf8');
    pt('bash', '--install');
    expect(readFileSync(file, 'utf8')).toBe(once);
    const found = execFileSync('bash', ['-c', '. ~/.bashrc; complete -p pt'], { env, encoding: 'utf8' });
    expect(found).toContain('-F _pt pt');
    pt('--uninstall');
    expect(readFileSync(file, 'utf8')).toBe('# mine\n');
  });

  const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

  test.skipIf(!has('fish'))('fish too', () => {
    const script =
      'pt completion fish | source; complete -C "pt sandbox sta"; complete -C "pt config show --network s"';
    const answer = execFileSync('fish', ['-c', script], { env, cwd: dir, encoding: 'utf8' });
    const [start, status, sandbox] = answer.split('\n');
    expect(start).toMatch(/^start\tStart /);
    expect(status).toMatch(/^status\tSay /);
    expect(sandbox).toBe('sandbox');
  });

  test.skipIf(!has('zsh'))('zsh takes the script, and asks with the right words', () => {
    const script = `
      compdef() { :; }; _describe() { print -l -- "\${(@P)2}" }
      eval "$(pt completion zsh)"
      words=(pt sandbox sta); CURRENT=3; _pt`;
    const answer = execFileSync('zsh', ['-f', '-c', script], { env, cwd: dir, encoding: 'utf8' });
    expect(answer).toMatch(/^start:Start .+\nstatus:Say .+\n$/);
  });

  test('every script parses in bash', () => {
    expect(spawnSync('bash', ['-n'], { input: completionScript('bash', 'pt') }).status).toBe(0);
  });
});
