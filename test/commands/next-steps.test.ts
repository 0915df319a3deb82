import { execFileSync } from 'node:child_process';
import { Parser } from '@oclif/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hubFlags, networkFlags, walletFlags } from '../../src/cli/flags.ts';
import { inContext, type Takes, typedSettings } from '../../src/cli/next-steps.ts';
import { normalizeArgv } from '../../src/cli/normalize-argv.ts';
import { readManifest } from '../../src/manifest.ts';
import { resolveSettings } from '../../src/settings/index.ts';
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
        lines.push(inContext(step, typedSettings(settings.rows, env), takes));
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
