import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Parser } from '@oclif/core';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { commandLine } from '../../src/cli/command-line.ts';
import { globalFlags, hubFlags, networkFlags, walletFlags } from '../../src/cli/flags.ts';
import { allInContext, inContext, type Takes, typedHere, typedSettings } from '../../src/cli/next-steps.ts';
import { normalizeArgv } from '../../src/cli/normalize-argv.ts';
import { resumeMayStandAlone, trainFlags } from '../../src/cli/train-flags.ts';
import { checkName } from '../../src/doctor/machine.ts';
import { readManifest } from '../../src/manifest.ts';
import { resolveSettings } from '../../src/settings/index.ts';
import { leftOut } from '../../src/training/index.ts';
import { tempDir } from '../model/support.ts';
import { cleanEnv, root, runPt } from './run-pt.ts';

const manifest = readManifest(root);
const takes: Takes = (words) => {
  const command = manifest[words.replaceAll(' ', ':')];
  return command ? new Set(Object.keys(command.flags)) : null;
};
const home = tempDir();
const flags = { ...networkFlags, ...walletFlags, ...hubFlags };

/** The settings of a command line, as a command resolves them. */
async function settingsOf(argv: string[], variables: Record<string, string> = {}) {
  const normal = normalizeArgv(argv, flags as never);
  const parsed = await Parser.parse(normal, { flags, strict: false });
  return resolveSettings({ flags: parsed.flags, env: { PT_HOME: home, ...variables }, cwd: home, home });
}
const where = ({
  network,
  netuid,
  profile,
  competition,
  wallet,
  hub,
}: Awaited<ReturnType<typeof settingsOf>>) => ({
  network,
  netuid,
  profile,
  competition,
  wallet,
  hub: hub.endpoint,
});

/** What a shell makes of lines: the words of each. */
function wordsOf(lines: string[]): string[][] {
  const script = lines.map((line) => `set -- ${line}\nprintf '%s\\0' "$@"\nprintf '\\1\\0'`).join('\n');
  const out = execFileSync('sh', ['-c', script], { encoding: 'utf8', env: cleanEnv() });
  return out
    .split('\u0001\0')
    .slice(0, -1)
    .map((words) => words.split('\0').slice(0, -1));
}

/** Each setting: its values, the spellings of its flag, its variable. */
const name = fc
  .stringMatching(/^[a-z '"$`#*;&|()-][a-z0-9 '"$`\\#*;&|()~!-]{0,8}[a-z]$/)
  .map((text) => text.replaceAll('\\', ''));
const CASES: [fc.Arbitrary<string>, string[], string][] = [
  [
    fc.constantFrom('finney', 'test', 'local', 'ws://127.0.0.1:9999', 'wss://a.example'),
    ['network', 'subtensor.network', 'subtensor.chain_endpoint', 'chain-endpoint', 'subtensor_network'],
    'PT_NETWORK',
  ],
  [fc.integer({ min: 0, max: 65_535 }).map(String), ['netuid'], 'PT_NETUID'],
  [fc.constantFrom('3.2', '6.0'), ['profile'], 'PT_PROFILE'],
  [name, ['competition', 'competition_id', 'competition-id'], 'PT_COMPETITION'],
  [name, ['wallet-name', 'wallet.name', 'wallet_name'], 'PT_WALLET_NAME'],
  [name, ['wallet-hotkey', 'wallet.hotkey'], 'PT_WALLET_HOTKEY'],
  [name.map((text) => `/w/${text}`), ['wallet-path', 'wallet.path'], 'PT_WALLET_PATH'],
  [
    fc.constantFrom('http://127.0.0.1:1/hub', 'https://hub.example'),
    ['hub-endpoint', 'hub.endpoint'],
    'HF_ENDPOINT',
  ],
];
const one = ([values, spellings, variable]: (typeof CASES)[0]) =>
  fc.oneof(
    fc.constant({ argv: [] as string[], env: {} }),
    fc.tuple(values, fc.constantFrom(...spellings)).map(([value, spelling]) => ({
      argv: [`--${spelling}=${value}`],
      env: {},
    })),
    values.map((value) => ({ argv: [] as string[], env: { [variable]: value } })),
  );

const STEPS = [
  'pt status --mine',
  'pt check DIR',
  'pt check DIR --deep',
  'pt upload --load-model-dir DIR --hf-repo-id me/m',
  'pt upload --resume   # goes on from there',
  'pt evaluate DIR --against best',
];

describe('a next step', () => {
  it('means, pasted into a shell, the place of the command that printed it', async () => {
    const lines: string[] = [];
    const wanted: unknown[] = [];
    await fc.assert(
      fc.asyncProperty(fc.tuple(...CASES.map(one)), fc.constantFrom(...STEPS), async (parts, step) => {
        const env = Object.assign({}, ...parts.map((part) => part.env)) as Record<string, string>;
        const settings = await settingsOf(
          parts.flatMap((part) => part.argv),
          env,
        );
        lines.push(inContext(step, typedSettings(settings.rows), takes));
        wanted.push(where(settings));
      }),
      { numRuns: 200 },
    );
    const words = wordsOf(lines);
    for (const [i, [program, ...argv]] of words.entries()) {
      expect(program).toBe('pt');
      // None of the variables is set where it is pasted.
      const rest = argv.slice(1).filter((word) => !/^(DIR|me\/m|best)$/.test(word));
      const own = /^--(mine|deep|load-model-dir|hf-repo-id|resume|against|repo)$/;
      expect(where(await settingsOf(rest.filter((word) => !own.test(word)))), lines[i]).toEqual(wanted[i]);
    }
  });

  it('stays as it is where there is nothing to keep, and says nothing twice', () => {
    const typed = [{ flag: 'network', value: 'ws://x' } as const, { flag: 'netuid', value: '7' } as const];
    expect(inContext('pt runs', typed, takes)).toBe('pt runs');
    const wallet = { flag: 'wallet-name', value: 'w' } as const;
    expect(inContext('pt load --repo me/m', [...typed, wallet], takes)).toBe(
      'pt load --repo me/m --network ws://x --netuid 7',
    );
    expect(inContext('The same command with --wait.', typed, takes)).toBe('The same command with --wait.');
    const without = 'pt train --resume a   # without --network, --lr';
    expect(inContext(without, typed, takes)).toBe(
      'pt train --resume a --netuid 7   # without --network, --lr',
    );
    expect(inContext('pt status --network test', typed, takes)).toBe('pt status --network test --netuid 7');
    expect(inContext('pt upload --resume   # goes on', typed, takes)).toBe(
      'pt upload --resume --network ws://x --netuid 7   # goes on',
    );
    expect(inContext('btcli subnet register --netuid 9', typed, takes)).toBe(
      'btcli subnet register --netuid 9 --subtensor.network ws://x',
    );
  });

  it('keeps them in errors and in results, whatever they were spelled like', async () => {
    const env = { PT_HOME: home, PT_WALLET_NAME: "an o'wallet" };
    const args = ['--subtensor.chain_endpoint', 'ws://127.0.0.1:9', '--netuid', '3', '--json'];
    const ran = await runPt(['upload', '--load-model-dir', 'x', '--hf-repo-id', 'me/m', ...args], { env });
    const { error } = ran.json() as { error: { nextSteps: string[] } };
    for (const step of error.nextSteps.filter((each) => each.startsWith('pt upload')))
      expect(step).toContain('--network ws://127.0.0.1:9 --netuid 3');
    const listed = await runPt(['competitions', '--offline', '--profile=6.0'], {
      env: { PT_HOME: home, PT_NETWORK: 'test' },
    });
    expect(listed.stderr).toContain('  pt train --network test --profile 6.0\n');
  });
});

describe('a step of the command that says it', () => {
  /** A step that `pt train` says, in the words that are typed next. */
  async function after(typed: string, step: string): Promise<string> {
    const flags = { ...globalFlags, ...trainFlags };
    const argv = normalizeArgv(resumeMayStandAlone(typed.split(' ')), flags as never);
    const { raw } = await Parser.parse(argv, { flags });
    return inContext(step, [], takes, commandLine('train', raw, flags, leftOut));
  }

  it.each([
    // Mended: the run and all else stays.
    [
      '--resume r --device cuda --offline',
      'pt train --device auto',
      'pt train --device auto --resume r --offline',
    ],
    [
      '--resume r --nnodes 2',
      'pt train --rdzv-endpoint H:1',
      'pt train --rdzv-endpoint H:1 --resume r --nnodes 2',
    ],
    [
      '--resume r --tokens 0 --data a --data b:2',
      '--tokens 5M',
      'pt train --tokens 5M --resume r --data a --data b:2',
    ],
    [
      '--resume --num_epochs 3 --device x',
      'pt train --device cpu',
      "pt train --device cpu --resume='' --epochs 3",
    ],
    [
      '--resume r --no-compile -y --json --lr 3',
      'pt train --resume r   # without --lr',
      'pt train --resume r --no-compile --yes   # without --lr',
    ],
    // Said by what does not know the command line.
    [
      '--resume r --detach --tokens 5M',
      'The same command without --detach   # to see what happens',
      'pt train --resume r --tokens 5M   # without --detach, to see what happens',
    ],
    ['--tokens 5M', 'The same command with --offline', 'pt train --offline --tokens 5M'],
    ['--resume r --from-start --offline', 'pt train --resume r', 'pt train --resume r --offline'],
    [
      '--resume r --offline',
      'pt train --resume r --from-start',
      'pt train --resume r --from-start --offline',
    ],
    // What would make it another run begins another run.
    ['--resume r --run r --gpus 2', 'pt train --sl 256', 'pt train --sl 256 --gpus 2'],
    [
      '--resume r --max-steps 3',
      'pt train --load-model-dir r/best',
      'pt train --load-model-dir r/best --max-steps 3',
    ],
    ['--load-best --recipe a', 'pt train --load-model-dir d', 'pt train --load-model-dir d --recipe a'],
    ['--resume r', 'pt train   # without --resume', 'pt train   # without --resume'],
    // The run keeps what it was made with; how it is started it does not.
    ['--recipe a --lr 3 --gpus 2 --run job', 'pt train --resume job', 'pt train --resume job --gpus 2'],
    ['--decay-from r --tokens 5', 'pt train --resume job', 'pt train --resume job'],
    // Not this command, or none.
    ['--resume r --max-steps 3', 'pt runs', 'pt runs'],
    ['--resume r', 'pt train --help', 'pt train --help'],
    ['--resume r', 'Give another --run NAME.', 'Give another --run NAME.'],
  ])('%s: %s', async (typed, step, wanted) => expect(await after(typed, step)).toBe(wanted));

  it('is not said when it would be the very same again', async () => {
    const { raw } = await Parser.parse(['--offline'], { flags: networkFlags });
    const line = commandLine('config show', raw, networkFlags);
    expect(allInContext(['pt config show', 'pt help'], [], takes, line)).toEqual(['pt help']);
  });

  it('names a variable in the place of a key', () => {
    const typed = [{ flag: 'network', value: 'wss://a/***', variable: 'PT_NETWORK' }];
    expect(inContext('pt status', typed, takes)).toBe(
      'pt status --network "$PT_NETWORK"   # PT_NETWORK: the address with its key',
    );
  });
});

describe('a step as it can be typed', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'pt-called-'));
  afterAll(() => rmSync(cwd, { recursive: true }));
  const elsewhere = { PATH: '/nonexistent' };
  const other = join(cwd, 'others');
  const own = join(cwd, 'own');
  mkdirSync(other);
  mkdirSync(own);
  // Somebody else's program called pt; ours by its own name, and as npm, pnpm and Windows put it there.
  writeFileSync(join(other, 'pt'), '#!/bin/sh\necho I search files\n');
  symlinkSync(join(root, 'bin/run.js'), join(own, 'pretrain-miner'));
  const step = (env: NodeJS.ProcessEnv, at: string, script?: string) =>
    typedHere('pt runs', { env, cwd: at, script });

  it('is pt where the shell knows it as this tool, and npx pt where only this folder does', () => {
    expect(step(elsewhere, cwd)).toBe('pt runs');
    mkdirSync(join(cwd, 'node_modules/.bin'), { recursive: true });
    symlinkSync(join(root, 'bin/run.js'), join(cwd, 'node_modules/.bin/pt'));
    const caller = { env: elsewhere, cwd };
    expect(typedHere('pt runs   # a comment', caller)).toBe('npx pt runs   # a comment');
    expect(typedHere('eval "$(pt sandbox env)"', caller)).toBe('eval "$(npx pt sandbox env)"');
    expect(typedHere('The same pt runs', caller)).toBe('The same pt runs');
    expect(step({ PATH: join(cwd, 'node_modules/.bin') }, '/')).toBe('pt runs');
    const shim = join(cwd, 'shim');
    mkdirSync(shim);
    writeFileSync(join(shim, 'pt'), '#!/bin/sh\nexec node "$basedir/../pretrain-miner/bin/run.js" "$@"\n');
    expect(step({ PATH: shim }, '/')).toBe('pt runs');
  });

  it('is never the pt of somebody else', () => {
    expect(step({ PATH: `${other}:${own}` }, '/')).toBe('pretrain-miner runs');
    expect(step({ PATH: `${own}:${other}` }, '/', join(own, 'pretrain-miner'))).toBe('pretrain-miner runs');
    expect(step({ PATH: other }, '/')).toBe(`node ${join(root, 'bin/run.js')} runs`);
    expect(step({ PATH: other }, '/', '/opt/my tools/pt')).toBe("'/opt/my tools/pt' runs");
  });

  it('is npx with the name that npx finds without fetching a stranger', async () => {
    const npx = (project: string) => ({ npm_command: 'exec', npm_config_local_prefix: project });
    expect(step(npx(cwd), '/')).toBe('npx pt runs');
    expect(step(npx(root), '/')).toBe('npx pt runs');
    expect(step(npx(own), '/')).toBe('npx pretrain-miner runs');
    const ran = await runPt(['nonsense', '--json'], { env: npx(root) as Record<string, string> });
    expect((ran.json().error as { nextSteps: string[] }).nextSteps).toContain('npx pt --help');
  });

  it('is what help says, by the link that was called', () => {
    const called = join(own, 'pretrain-miner');
    const options = { env: cleanEnv({ PATH: `${own}:${other}` }), encoding: 'utf8' } as const;
    const { stdout } = spawnSync(process.execPath, [called, 'check', '--help'], options);
    expect(stdout).toContain('\n  pretrain-miner check MODEL');
    expect(stdout).not.toMatch(/^ {2}pt /m);
  });

  it('pt doctor names the program that is called pt', () => {
    expect(checkName({ PATH: own })).toMatchObject({ status: 'ok' });
    expect(checkName({ PATH: `${other}:${own}` })).toEqual({
      name: 'command',
      status: 'warning',
      message: `pt on the PATH (${join(other, 'pt')}) is another program; pretrain-miner is always this one`,
      nextSteps: ['pretrain-miner doctor'],
    });
  });
});
