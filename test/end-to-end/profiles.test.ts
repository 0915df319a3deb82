/** A subnet that nobody knows, as a file alone, through write, read, check and status on the sandbox; and what sealed profiles refuse. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { rpc } from '../chain/support.ts';
import { type Ran, runPt } from '../commands/run-pt.ts';
import { makeModel } from '../publish/support.ts';

let home: string;
let model: string;
let sandbox: Sandbox;

const THIRTEENTH = {
  netuid: 1313,
  name: 'the thirteenth',
  commit: {
    mode: 'plain',
    max_bytes: 128,
    format: {
      kind: 'json',
      style: 'python',
      keys: [
        ['who', 'repo'],
        ['what', { name: 'pin', match: '^[0-9a-f]{40}$' }],
        ['slug', 'slug'],
        ['v', { const: 'é1' }],
      ],
    },
  },
  repo: { match: '^[^/]+/thirteen-.+$' },
  files: { weights: 'single_or_indexed', forbid: ['*.py'] },
  not_judged: ['the score on data that nobody saw'],
};

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-e2e-profiles-'));
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 200 });
  model = await makeModel(join(home, 'model'));
  await mkdir(join(home, 'mine'));
  await writeFile(join(home, 'mine', 'thirteenth.json'), JSON.stringify(THIRTEENTH));
  const locked = {
    ...THIRTEENTH,
    config: { against: 'king', lock: ['hidden_size', 'rope_theta'], lock_architectures: 'equal' },
  };
  await writeFile(join(home, 'mine', 'locked.json'), JSON.stringify(locked));
  const named = { ...THIRTEENTH, repo: { contains: [{ of: 'hotkey', where: 'name_end', case: 'any' }] } };
  await writeFile(join(home, 'mine', 'named.json'), JSON.stringify(named));
  const once = {
    ...(profileNamed(loadConstants(), 'affine') as object),
    limits: { seals_per_hotkey_ever: 1 },
  };
  await writeFile(join(home, 'mine', 'once.json'), JSON.stringify(once));
});
afterAll(async () => {
  await sandbox?.close();
  await rm(home, { recursive: true, force: true });
});

const pt = (args: string[], profile = 'thirteenth', env: Record<string, string> = {}) =>
  runPt([...args, '--json'], {
    env: {
      ...{ PT_HOME: home, PT_NETWORK: 'sandbox', PT_PROFILES: join(home, 'mine'), PT_PROFILE: profile },
      ...env,
    },
  });
const upload = (repo: string, ...more: string[]) =>
  pt(['upload', '--load-model-dir', model, '--hf-repo-id', repo, ...more]);
const errorOf = (ran: Ran) => ran.json().error as { code: string; message: string; nextSteps: string[] };

describe('a subnet that is a file and nothing else', () => {
  it('is shown', async () => {
    const { profiles } = (await pt(['profiles'])).json() as { profiles: { name: string; netuid: number }[] };
    expect(profiles.find(({ name }) => name === 'thirteenth')?.netuid).toBe(1313);
    expect((await pt(['profiles', 'show', 'thirteenth'])).json()).toMatchObject({
      sealed: false,
      text: '{"who": "<repo>", "what": "<pin>", "slug": "<slug>", "v": "\\u00e91"}',
      notJudged: ['the score on data that nobody saw'],
    });
  });

  it('is written, read, loaded and judged, with what is not judged said', async () => {
    const missing = await upload('me/thirteen-a', '--yes');
    expect(errorOf(missing)).toMatchObject({
      code: 'commitment.field',
      message: expect.stringContaining('--field slug='),
      nextSteps: [
        expect.stringMatching(/pt upload --field slug=VALUE --load-model-dir .* --hf-repo-id me.thirteen-a/),
      ],
    });
    expect(errorOf(await upload('me/thirteen-a', '--yes', '--field', 'slog=1'))).toMatchObject({
      code: 'usage.field',
      message: expect.stringContaining('Did you mean slug?'),
    });
    const named = await upload('me/other', '--yes', '--field', 'slug=s1');
    expect(errorOf(named)).toMatchObject({ code: 'repo.invalid' });

    const ran = await upload('me/thirteen-a', '--yes', '--field', 'slug=s1');
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toContain('Not judged here: the score on data that nobody saw');
    const { commit, commitment } = ran.json();
    expect(commitment).toBe(`{"who": "me/thirteen-a", "what": "${commit}", "slug": "s1", "v": "\\u00e91"}`);
    const again = await upload('me/thirteen-a', '--yes', '--field', 'slug=s1');
    expect(again.json()).toMatchObject({ commit, commitment });

    const status = (await pt(['status', '--mine'])).json();
    expect(status).toMatchObject({
      neurons: [{ repo: 'me/thirteen-a', commit, commitment, repository: { public: true, unchanged: true } }],
    });
    const dir = join(home, 'loaded');
    const loaded = await pt(['load', '--uid', '1', '--dir', dir]);
    expect(loaded.json(), loaded.stderr).toMatchObject({ repo: 'me/thirteen-a', commit, verified: true });
    expect(await readdir(dir)).toContain('model.safetensors');

    const checked = await pt(['check', model]);
    expect(checked.code).toBe(3);
    expect(checked.json()).toMatchObject({ accepted: true, verdict: 'unknown', profile: 'thirteenth' });
    expect(checked.json().findings).toContainEqual(
      expect.objectContaining({ rule: 'not_judged', ok: null, verdict: 'unknown' }),
    );
    // For the others it is no model.
    const other = await pt(['status', '--mine'], '3.2');
    expect(other.json()).toMatchObject({ neurons: [{ repo: null, commitment }] });
  });

  it('refuses a file that may not be there', async () => {
    await writeFile(join(model, 'modeling.py'), '');
    const checked = await pt(['check', model]);
    await rm(join(model, 'modeling.py'));
    expect(checked.json()).toMatchObject({ accepted: false, verdict: 'refused' });
  });
});

const albedo = (repo: string, ...more: string[]) =>
  pt(
    ['upload', '--load-model-dir', model, '--hf-repo-id', repo, '--no-check', '--yes', '--wait', ...more],
    'albedo',
  );
const repo = (name: string) => `me/albedo-qwen3.6-35b-${name}`;

it('a locked model is held beside the king, by folder or on the Hub', async () => {
  const king = await makeModel(join(home, 'king'));
  const judge = async (...more: string[]) =>
    (await pt(['check', model, ...more], 'locked')).json() as {
      verdict: string;
      findings: { rule: string; ok: boolean | null }[];
    };
  expect((await judge()).findings).toContainEqual(expect.objectContaining({ rule: 'locks', ok: null }));
  expect((await judge('--against', king)).findings).toContainEqual(
    expect.objectContaining({ rule: 'locks', ok: true }),
  );
  // The chain's king, and its repository by name, which was published above from the same config.
  for (const onHub of ['king', 'me/thirteen-a'])
    expect((await judge('--against', onHub)).findings).toContainEqual(
      expect.objectContaining({ rule: 'locks', ok: true }),
    );
  const config = JSON.parse(await readFile(join(king, 'config.json'), 'utf8'));
  await writeFile(join(king, 'config.json'), JSON.stringify({ ...config, rope_theta: 12345 }));
  const other = await judge('--against', king);
  expect(other.verdict).toBe('refused');
  expect(other.findings).toContainEqual(expect.objectContaining({ rule: 'lock:rope_theta', ok: false }));
});

describe('a profile whose validators read seals', () => {
  it('loses no pending seal to a plain commitment of another profile, until that is asked for', async () => {
    sandbox.chain!.setFaults({ beaconLate: true });
    expect((await albedo(repo('p'))).json()).toMatchObject({ seal: { state: 'sealed' } });
    const plain = (...more: string[]) => upload('me/thirteen-p', '--yes', '--field', 'slug=s1', ...more);
    for (const more of [[], ['--dry-run']])
      expect(errorOf(await plain(...more))).toMatchObject({
        code: 'seal.pending',
        nextSteps: expect.anything(),
      });
    // The same again goes on with what waits, and replaces nothing.
    const again = await albedo(repo('p'));
    expect(again.json(), again.stderr).toMatchObject({ seal: { state: 'sealed' } });
    expect(again.stderr).not.toContain('in its place');
    const status = await pt(['status', '--mine'], 'albedo');
    expect(status.json()).toMatchObject({ loss: expect.stringContaining('would destroy it') });
    const over = await plain('--replace');
    expect(over.json(), over.stderr).toMatchObject({ repo: 'me/thirteen-p', seal: null });
    sandbox.chain!.setFaults({});
  }, 120_000);

  it('makes a repository public that holds no config.json', async () => {
    const dir = join(home, 'onnx');
    await mkdir(dir);
    await writeFile(join(dir, 'model.onnx'), Buffer.alloc(3 << 20, 7));
    const ran = await pt(
      ['upload', '--load-model-dir', dir, '--hf-repo-id', 'me/onnx', '--no-check', '--yes', '--wait-reveal'],
      'resi',
    );
    expect(ran.json(), ran.stderr).toMatchObject({ public: true, seal: { state: 'revealed' } });
    const seen = await fetch(`${sandbox.state.hub}/api/models/me/onnx`);
    expect(seen.status).toBe(200);
  }, 60_000);

  it('is sealed once, seen as sealed, opened by the chain, and its text is the one that was meant', async () => {
    const ran = await albedo(repo('a'), '--wait-reveal');
    expect(ran.code, ran.stderr).toBe(0);
    const { commit, commitment, seal } = ran.json() as { commit: string; commitment: string; seal: unknown };
    expect(commitment).toBe(`v7|${repo('a')}|${commit}`);
    expect(seal).toMatchObject({ round: 1000, state: 'revealed' });
    const status = (await pt(['status', '--mine'], 'albedo')).json();
    expect(status).toMatchObject({
      neurons: [
        { state: 'revealed', seal: null, commitment, repo: repo('a'), commit, repository: { public: true } },
      ],
    });
    const again = await albedo(repo('a'));
    expect(again.json()).toMatchObject({ commitment, commit, seal: { state: 'revealed' } });
    const sent = sandbox.chain!.block();
    expect(sent).toBeGreaterThan(0);
  }, 120_000);

  it('leaves a pending seal alone, and what replaces it is asked for by name', async () => {
    sandbox.chain!.setFaults({ beaconLate: true });
    const first = await albedo(repo('b'));
    expect(first.json(), first.stderr).toMatchObject({ seal: { round: 1000, state: 'sealed' } });
    const status = (await pt(['status', '--mine'], 'albedo')).json();
    expect(status).toMatchObject({ neurons: [{ state: 'sealed', seal: { round: 1000 }, repo: repo('a') }] });
    expect(errorOf(await albedo(repo('c')))).toMatchObject({ code: 'seal.pending' });
    // The same publish is done: nothing more is sent.
    expect((await albedo(repo('b'))).json()).toMatchObject({ seal: { state: 'sealed' } });
    sandbox.chain!.setFaults({});
    const opened = await albedo(repo('b'), '--wait-reveal');
    expect(opened.json(), opened.stderr).toMatchObject({ seal: { state: 'revealed' }, public: true });
  }, 120_000);

  it('names a seal that was lost', async () => {
    sandbox.chain!.setFaults({ sealsBroken: true });
    expect(errorOf(await albedo(repo('d'), '--wait-reveal'))).toMatchObject({ code: 'seal.lost' });
    expect((await pt(['status', '--mine'], 'albedo')).json()).toMatchObject({ neurons: [{ state: 'lost' }] });
    sandbox.chain!.setFaults({});
    expect(errorOf(await albedo(repo('d')))).toMatchObject({ code: 'seal.lost' });
    const anew = await albedo(repo('d'), '--replace', '--wait-reveal');
    expect(anew.json(), anew.stderr).toMatchObject({ seal: { state: 'revealed' } });
  }, 120_000);

  it('seals once where the chain drops a seal in silence whose round it keeps no more, and anew only when asked', async () => {
    const nonce = () =>
      rpc<number>(sandbox.state.chain, 'system_accountNextIndex', sandbox.state.wallet.ss58);
    const before = await nonce();
    sandbox.chain!.setFaults({ holdExtrinsics: true });
    const running = albedo(repo('g'));
    const pending = () => rpc<string[]>(sandbox.state.chain, 'author_pendingExtrinsics');
    await expect.poll(async () => (await pending()).length, { timeout: 60_000 }).toBe(1);
    sandbox.chain!.setFaults({ pulseExpired: true });
    expect(errorOf(await running)).toMatchObject({ code: 'seal.expired' });
    expect((await nonce()) - before).toBe(1);
    await expect
      .poll(async () => (await pt(['status', '--mine'], 'albedo')).json(), { timeout: 20_000 })
      .toMatchObject({ neurons: [{ state: 'lost' }] });
    sandbox.chain!.setFaults({});
    expect(errorOf(await albedo(repo('g')))).toMatchObject({ code: 'seal.lost' });
    const anew = await albedo(repo('g'), '--replace', '--wait-reveal');
    expect(anew.json(), anew.stderr).toMatchObject({ seal: { state: 'revealed', late: false } });
    expect((await nonce()) - before).toBe(2);
  }, 120_000);

  it('commits what a digest pins elsewhere: text, seal and journal as ever, no Hub, and what was not looked at is said', async () => {
    const env = { HF_ACCESS_TOKEN: '', HF_ENDPOINT: 'http://127.0.0.1:9' };
    const digest = `sha256:${'ab'.repeat(32)}`;
    const elsewhere = (name: string, ...more: string[]) =>
      pt(['upload', '--commit-only', `${repo(name)}@${digest}`, '--yes', ...more], 'albedo', env);
    const plan = await elsewhere('e', '--dry-run');
    expect(plan.json(), plan.stderr).toMatchObject({
      commitment: `v7|${repo('e')}|${digest}`,
      contentHash: null,
      files: [],
      steps: [{ step: 'check' }, { step: 'commit', done: false }, { step: 'read-back' }],
    });
    sandbox.chain!.setFaults({ beaconLate: true });
    const first = await elsewhere('e');
    expect(first.stderr).toContain(`Not judged here: what ${digest} holds`);
    const outcome = { commit: null, pin: digest, contentHash: null, public: null };
    expect(first.json(), first.stderr).toMatchObject({ ...outcome, seal: { state: 'sealed' } });
    const { block } = first.json();
    // The same again sends nothing; another pin would destroy the pending seal.
    expect((await elsewhere('e')).json()).toMatchObject({ block, seal: { state: 'sealed' } });
    expect(errorOf(await elsewhere('f'))).toMatchObject({ code: 'seal.pending' });
    sandbox.chain!.setFaults({});
    const opened = await elsewhere('e', '--wait-reveal');
    expect(opened.json(), opened.stderr).toMatchObject({
      ...outcome,
      commitment: `v7|${repo('e')}|${digest}`,
      seal: { state: 'revealed' },
    });
    expect((await pt(['status', '--mine'], 'albedo')).json()).toMatchObject({
      neurons: [{ state: 'revealed', commitment: `v7|${repo('e')}|${digest}`, commit: null }],
    });
  }, 120_000);

  it('refuses a pin of the wrong kind, and flags that are about a repository of the Hub, by name', async () => {
    const digest = 'cd'.repeat(32);
    const given = (pin: string, profile: string, ...more: string[]) =>
      pt(['upload', '--commit-only', `me/teutonic-x@${pin}`, '--yes', ...more], profile);
    for (const [pin, profile] of [
      [digest, 'teutonic'],
      [`sha256:${digest}`, 'finetuning'],
      ['main', 'evolai'],
      [`sha256:${digest}`, 'resi'],
      ['0'.repeat(40), 'turbovision-private'],
    ] as const)
      expect(errorOf(await given(pin, profile))).toMatchObject({ code: 'usage.commit_only' });
    expect(errorOf(await given(`sha256:${digest}`, 'teutonic', '--private'))).toMatchObject({
      code: 'usage.elsewhere',
    });
    const named = await given(digest, 'cancer-ai');
    expect(errorOf(named)).toMatchObject({
      code: 'commitment.field',
      message: expect.stringContaining('file'),
      nextSteps: [expect.stringContaining('--competition VALUE --field file=VALUE')],
    });
    const plan = await given(
      digest,
      'cancer-ai',
      '--dry-run',
      '--field',
      'file=m.onnx',
      '--competition',
      'c1',
    );
    expect(plan.json(), plan.stderr).toMatchObject({ commitment: `me/teutonic-x:m:c1:${digest}` });
  });

  it('refuses a name without the characters of the hotkey that validators look for', async () => {
    const ran = await pt(
      ['upload', '--load-model-dir', model, '--hf-repo-id', 'me/other-x', '--yes', '--field', 'slug=s'],
      'named',
    );
    expect(ran.code).toBe(3);
    expect(errorOf(ran)).toMatchObject({
      code: 'check.rejected',
      message: expect.stringContaining('must end with'),
    });
  });

  it('does not make a hotkey invalid that may be revealed once for ever', async () => {
    const ran = await pt(
      ['upload', '--load-model-dir', model, '--hf-repo-id', 'me/affine-x', '--no-check', '--yes'],
      'once',
    );
    expect(errorOf(ran)).toMatchObject({ code: 'seal.spent' });
  });
});

// The last one here: what it publishes replaces the king of the tests above.
it('is trained for and published with what its text names, asked for before the first step', async () => {
  const nano = join(home, 'nano.json');
  const recipe = JSON.parse(await readFile('constants/recipes/tiny.json', 'utf8'));
  const size = { hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1 };
  await writeFile(
    nano,
    JSON.stringify({
      ...recipe,
      name: 'nano',
      sequence_length: 32,
      eval_sequences: 4,
      architecture: { ...recipe.architecture, ...size },
    }),
  );
  const train = (...more: string[]) =>
    pt([
      ...[
        'train',
        '--recipe',
        nano,
        '--data',
        'builtin',
        '--device',
        'cpu',
        '--max-steps',
        '2',
        '--run',
        'slug',
      ],
      ...['--hf-repo-id', 'me/thirteen-t'],
      ...['--avg-loss-upload-threshold', '1000', '--yes', ...more],
    ]);
  expect(errorOf(await train())).toMatchObject({
    code: 'commitment.field',
    nextSteps: [expect.stringContaining('pt train --field slug=VALUE')],
  });
  expect(errorOf(await train('--field', 'slog=1'))).toMatchObject({ code: 'usage.field' });
  const ran = await train('--field', 'slug=t1');
  expect(ran.json(), ran.stderr).toMatchObject({
    published: { commitment: expect.stringContaining('"slug": "t1"') },
  });
  // A run that goes on means it still.
  const state = JSON.parse(await readFile(join(home, 'runs', 'slug', 'state.json'), 'utf8'));
  expect(state.intent).toMatchObject({ fields: ['slug=t1'] });
}, 120_000);
