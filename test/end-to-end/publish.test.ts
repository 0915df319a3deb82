import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Journal, lockPath } from '../../src/publish/journal.ts';
import { lockPublish } from '../../src/publish/lock.ts';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { printed, type Ran, runPt } from '../commands/run-pt.ts';
import { makeModel } from '../publish/support.ts';

let home: string;
let model: string;
let sandbox: Sandbox;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-e2e-publish-'));
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 200 });
  model = await makeModel(join(home, 'model'), { strays: true });
});
afterAll(async () => {
  await sandbox?.close();
  await rm(home, { recursive: true, force: true });
});

const pt = (args: string[], env: Record<string, string> = {}) =>
  runPt([...args, '--json'], { env: { PT_HOME: home, PT_NETWORK: 'sandbox', ...env } });
const upload = (args: string[] = [], env: Record<string, string> = {}, repo = 'me/first', dir = model) =>
  pt(['upload', '--load-model-dir', dir, '--hf-repo-id', repo, '--yes', ...args], env);

/** The same servers by their addresses, so that token, wallet and endpoint can be wrong one at a time. */
const byAddress = (changes: Record<string, string> = {}) => ({
  PT_HOME: join(home, 'other-home'),
  PT_NETWORK: sandbox.state.chain,
  HF_ENDPOINT: sandbox.state.hub,
  HF_ACCESS_TOKEN: sandbox.state.token,
  PT_WALLET_PATH: sandbox.state.wallet.path,
  PT_WALLET_NAME: sandbox.state.wallet.name,
  PT_WALLET_HOTKEY: sandbox.state.wallet.hotkey,
  ...changes,
});

const portsOf = ({ state }: Sandbox) => ({
  chainPort: Number(new URL(state.chain).port),
  hubPort: Number(new URL(state.hub).port),
});

const errorOf = (ran: Ran) =>
  ran.json().error as { code: string; message: string; nextSteps: string[]; exitCode: number };

describe('pt upload', () => {
  it('tells every step beforehand, publishes, loads back, and has nothing to do the second time', async () => {
    const planned = await upload(['--dry-run']);
    expect(planned.code, planned.stderr).toBe(0);
    expect(planned.json()).toMatchObject({ dryRun: true, repo: 'me/first' });

    const first = await upload();
    expect(first.code, first.stderr).toBe(0);
    const outcome = first.json();
    expect(outcome).toMatchObject({ repo: 'me/first', public: true, resumed: false });
    expect((await upload(['--resume'])).json()).toEqual(outcome);

    const dir = join(home, 'best');
    const loaded = await pt(['load_best', '--dir', dir]);
    expect(loaded.json()).toMatchObject({
      uid: 1,
      repo: 'me/first',
      commit: outcome.commit,
      dir,
      contentHash: outcome.contentHash,
      verified: true,
    });
    expect((await readdir(dir)).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
    ]);
    const byRepo = await pt(['load', '--repo', `me/first@${outcome.commit}`, '--dir', join(home, 'by-repo')]);
    expect(byRepo.json()).toMatchObject({ uid: null, verified: false, contentHash: outcome.contentHash });

    const status = await pt(['status', '--mine']);
    expect(status.json()).toMatchObject({
      netuid: 9,
      bestUid: 1,
      limit: { kind: 'space', allowed: true },
      neurons: [{ uid: 1, repo: 'me/first', repository: { public: true, unchanged: true } }],
    });
  });

  it('asks before it replaces a commitment, with both side by side', async () => {
    const args = ['upload', '--load-model-dir', model, '--hf-repo-id', 'me/other'];
    const ran = await runPt(args, { env: { PT_HOME: home, PT_NETWORK: 'sandbox' } });
    expect(ran.code, ran.stderr).toBe(2);
    expect(ran.stderr).toMatch(
      /^ +on chain now +in its place\nrepository +me\/first@[0-9a-f]{8} +me\/other$/m,
    );
    expect(ran.stderr).toMatch(/^block +\d+ +-$/m);
    expect(ran.stderr).toMatch(/^incentive +\d\.\d{4} \(uid 1\) +-$/m);
    expect(ran.stderr).toContain('[usage.confirmation]');
    // The same publish again replaces nothing.
    const again = await runPt([...args.slice(0, -1), 'me/first'], {
      env: { PT_HOME: home, PT_NETWORK: 'sandbox' },
    });
    expect(again.code, again.stderr).toBe(0);
  });

  it('understands the spellings of the guide', async () => {
    const { wallet } = sandbox.state;
    const ran = await runPt(
      [
        'upload',
        '--load_model_dir',
        model,
        '--hf_repo_id',
        'me/guide',
        '--wallet.name',
        wallet.name,
        '--wallet.hotkey',
        wallet.hotkey,
        '--wallet.path',
        wallet.path,
        '--subtensor.network',
        sandbox.state.chain,
        '--use_hotkey_in_hash',
        '--no-upload-b16',
        '--update_repo_visibility',
        '--yes',
        '--json',
      ],
      { env: { PT_HOME: home } },
    );
    expect(ran.code, ran.stderr).toBe(0);
    const { contentHash, commitment } = ran.json() as { contentHash: string; commitment: string };
    expect(commitment).not.toContain(contentHash); // bound to the hotkey
  });

  it('shows the subnet at every block until Ctrl-C, a restarted chain included', async () => {
    const own = await mkdtemp(join(tmpdir(), 'pt-e2e-watch-'));
    let node = await startSandbox({ dir: sandboxDir(own), blockTimeMs: 200 });
    const env = { PT_HOME: own, PT_NETWORK: 'sandbox' };
    const { chainPort, hubPort } = portsOf(node);
    const again = async () => {
      await node.close();
      await sleep(500);
      node = await startSandbox({ dir: sandboxDir(own), blockTimeMs: 200, chainPort, hubPort });
    };
    let restart: Promise<void> | undefined;
    const ran = await runPt(['status', '--watch'], {
      env,
      signalAfter: {
        test: (output) => {
          const shown = output.split('at block').length;
          if (shown > 5) restart ??= again();
          return shown > 25;
        },
      },
    });
    await restart;
    await node.close();
    await rm(own, { recursive: true, force: true });
    expect(ran.code, ran.stderr).toBe(130);
    const blocks = [...ran.stdout.matchAll(/at block (\d+)/g)].map(([, block]) => Number(block));
    expect(blocks).toEqual([...new Set(blocks)].sort((a, b) => a - b));
  });

  it('shows the subnet at every block as one object a line, the end too', async () => {
    const args = ['status', '--watch', '--json'];
    const ran = await runPt(args, {
      env: { PT_HOME: home, PT_NETWORK: 'sandbox' },
      signalAfter: { test: (output) => output.split('"neurons"').length > 3 },
    });
    expect(ran.code, ran.stderr).toBe(130);
    const lines = ran.stdout.trimEnd().split('\n');
    const objects = lines.map((line) => printed(args, line));
    const blocks = objects.slice(0, -1).map(({ block }) => block as number);
    expect(blocks.length).toBeGreaterThanOrEqual(3);
    expect(blocks).toEqual([...new Set(blocks)].sort((a, b) => a - b));
    expect(objects.at(-1)).toMatchObject({ error: { code: 'cancelled' } });
  });

  it('publishes under profile 6.0 with hash and competition bound', async () => {
    const dir = await makeModel(join(home, 'later'), { layers: 1 });
    const ran = await upload(['--profile', '6.0'], {}, 'me/later', dir);
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.json().commitment).toMatch(/^me:later:[0-9a-f]{40}:[A-Za-z0-9+/]{43}=:0$/);
    const loaded = await pt(['load-best', '--profile', '6.0', '--competition', 'SANDBOX']);
    expect(loaded.json()).toMatchObject({ repo: 'me/later', verified: true });
  });
});

describe('pt upload refuses', () => {
  const cases: [string, () => Promise<Ran>, { code: string; exit: number; says: string }][] = [
    [
      'no folder flag',
      () => pt(['upload', '--hf-repo-id', 'me/x']),
      { code: 'usage.missing_flag', exit: 2, says: '--load-model-dir' },
    ],
    [
      'no repository flag',
      () => pt(['upload', '--load-model-dir', model]),
      { code: 'usage.missing_flag', exit: 2, says: '--hf-repo-id' },
    ],
    [
      'a missing folder',
      () => pt(['upload', '--load-model-dir', '/nowhere/model', '--hf-repo-id', 'me/x']),
      { code: 'model.missing', exit: 2, says: '/nowhere/model' },
    ],
    [
      'a repository id that validators refuse',
      () => upload([], {}, `me/${'x'.repeat(60)}`),
      { code: 'repo.invalid', exit: 2, says: '--hf-repo-id' },
    ],
    [
      'a repository id that no Hub allows',
      () => upload([], {}, '../../etc'),
      { code: 'repo.invalid', exit: 2, says: '--hf-repo-id' },
    ],
    [
      'half a revision',
      () => pt(['upload', '--commit-only', 'me/first@main']),
      { code: 'usage.commit_only', exit: 2, says: '--commit-only' },
    ],
    [
      'no token',
      () => upload([], byAddress({ HF_ACCESS_TOKEN: '' })),
      { code: 'token.missing', exit: 4, says: 'HF_ACCESS_TOKEN' },
    ],
    [
      'a wrong token',
      () => upload([], byAddress({ HF_ACCESS_TOKEN: 'hf_wrongwrongwrong' })),
      { code: 'hub.token_rejected', exit: 4, says: 'token' },
    ],
    [
      'a missing wallet',
      () => upload(['--wallet-name', 'nobody']),
      { code: 'wallet.', exit: 4, says: 'nobody' },
    ],
    [
      'an unreachable chain',
      () => upload([], byAddress({ PT_NETWORK: 'ws://127.0.0.1:9' })),
      { code: 'chain.unreachable', exit: 5, says: '127.0.0.1:9' },
    ],
    [
      'an unreachable Hub',
      () => upload([], byAddress({ HF_ENDPOINT: 'http://127.0.0.1:9' })),
      { code: 'hub.unreachable', exit: 5, says: '127.0.0.1:9' },
    ],
    [
      'a subnet that is not there',
      () => upload(['--netuid', '77']),
      { code: 'netuid.missing', exit: 2, says: '--netuid 77' },
    ],
    [
      'a competition that is not there',
      () => upload(['--competition', 'nope', '--profile', '6.0']),
      { code: 'competition.unknown', exit: 2, says: 'nope' },
    ],
  ];
  it.each(cases)('%s', async (_, run, { code, exit, says }) => {
    const mark = sandbox.hub!.requests.length;
    const ran = await run();
    const error = errorOf(ran);
    expect(error.code, ran.stderr).toContain(code);
    expect(ran.code).toBe(exit);
    expect(error.exitCode).toBe(exit);
    expect(`${error.message} ${error.nextSteps.join(' ')}`).toContain(says);
    expect(error.nextSteps.length).toBeGreaterThan(0);
    expect(ran.stdout + ran.stderr).not.toContain('hf_wrong');
    expect(ran.stdout + ran.stderr).not.toContain(sandbox.state.token);
    const sent = sandbox.hub!.requests.slice(mark).filter(({ method }) => method !== 'GET');
    expect(sent).toEqual([]);
  });

  it('a hotkey that is not registered', async () => {
    // The coldkey-less wallet of another sandbox: a real key that this chain has never seen.
    const elsewhere = await mkdtemp(join(tmpdir(), 'pt-e2e-other-'));
    const other = await startSandbox({ dir: elsewhere });
    await other.close();
    const ran = await upload([], byAddress({ PT_WALLET_PATH: other.state.wallet.path }));
    expect(errorOf(ran)).toMatchObject({ code: 'hotkey.not_registered', exitCode: 4 });
    await rm(elsewhere, { recursive: true });
  });

  it('broken weights, before a byte is sent', async () => {
    const broken = join(home, 'broken');
    await cp(model, broken, { recursive: true });
    const whole = await readFile(join(broken, 'model.safetensors'));
    await writeFile(join(broken, 'model.safetensors'), whole.subarray(0, -100));
    const mark = sandbox.hub!.requests.length;
    const ran = await pt(['upload', '--load-model-dir', broken, '--hf-repo-id', 'me/broken']);
    expect(ran.code).toBe(3);
    expect(errorOf(ran).code).toBe('model.malformed');
    expect(sandbox.hub!.requests.slice(mark).filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  it('a model that validators would refuse, with every finding', async () => {
    const wrong = join(home, 'wrong');
    await cp(model, wrong, { recursive: true });
    const config = JSON.parse(await readFile(join(wrong, 'config.json'), 'utf8'));
    await writeFile(
      join(wrong, 'config.json'),
      JSON.stringify({ ...config, architectures: ['MambaForCausalLM'] }),
    );
    const ran = await pt(['upload', '--load-model-dir', wrong, '--hf-repo-id', 'me/wrong']);
    expect(ran.code).toBe(3);
    const error = errorOf(ran) as unknown as {
      code: string;
      findings: { rule: string; ok: boolean | null }[];
    };
    expect(error.code).toBe('check.rejected');
    expect(error.findings.find(({ rule }) => rule === 'architecture')?.ok).toBe(false);
  });

  it('a second pt on the same publish', async () => {
    const journals = join(home, 'journals');
    const [name] = (await readdir(journals)).filter((file) => file.endsWith('.json'));
    const journal = JSON.parse(await readFile(join(journals, name!), 'utf8')) as Journal;
    const lock = lockPublish(lockPath(home, journal));
    try {
      // To another repository just as to the same: the hotkey has one commitment.
      const ran = await upload([], {}, 'me/another');
      expect(errorOf(ran)).toMatchObject({ code: 'publish.locked', exitCode: 2 });
      expect(errorOf(ran).message).toContain(String(process.pid));
    } finally {
      lock.release();
    }
  });

  it.skipIf(process.getuid?.() === 0)('a state folder that cannot be written', async () => {
    const closed = await mkdtemp(join(tmpdir(), 'pt-e2e-closed-'));
    await chmod(closed, 0o500);
    const ran = await upload([], byAddress({ PT_HOME: closed }));
    expect(errorOf(ran)).toMatchObject({ code: 'disk.not_writable', exitCode: 2 });
  });

  it('a state folder that is a file', async () => {
    const file = join(home, 'file');
    await writeFile(file, '');
    const ran = await upload([], byAddress({ PT_HOME: join(file, 'home') }));
    expect(ran.code).toBe(2);
    expect(errorOf(ran).code).toMatch(/^disk\.|^settings\./);
  });
});

it('keeps no secret in any journal', async () => {
  const hotkey = await readFile(
    join(sandbox.state.wallet.path, sandbox.state.wallet.name, 'hotkeys', sandbox.state.wallet.hotkey),
    'utf8',
  );
  const secrets = [
    sandbox.state.token,
    'hf_verysecret',
    JSON.parse(hotkey).privateKey,
    JSON.parse(hotkey).secretPhrase,
  ];
  for (const name of await readdir(join(home, 'journals'))) {
    const text = await readFile(join(home, 'journals', name), 'latin1');
    for (const secret of secrets.filter(Boolean)) expect(text).not.toContain(secret);
  }
});

it('Ctrl-C during the commitment says how to go on, and that does', async () => {
  const dir = await makeModel(join(home, 'interrupted'), { seed: 77 });
  const args = ['upload', '--load-model-dir', dir, '--hf-repo-id', 'me/interrupted', '--yes', '--json'];
  const env = { PT_HOME: home, PT_NETWORK: 'sandbox' };
  sandbox.chain!.setFaults({ stalled: true });
  const stopped = await runPt(args, { env, signalAfter: /Committing/ });
  sandbox.chain!.setFaults({});
  expect(stopped.code, stopped.stderr).toBe(130);
  expect(errorOf(stopped).nextSteps.join(' ')).toContain('--resume');
  const resumed = await runPt([...args, '--resume'], { env });
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(resumed.json()).toMatchObject({ public: true, resumed: true });
});
