/** A subnet that nobody knows, as a file alone, through write, read, check and status on the sandbox; and what sealed profiles refuse. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
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
});
afterAll(async () => {
  await sandbox?.close();
  await rm(home, { recursive: true, force: true });
});

const pt = (args: string[], profile = 'thirteenth') =>
  runPt([...args, '--json'], {
    env: { PT_HOME: home, PT_NETWORK: 'sandbox', PT_PROFILES: join(home, 'mine'), PT_PROFILE: profile },
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
      code: 'commitment.invalid',
      message: expect.stringContaining('slug'),
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

it('a plain commitment is never sent where sealed ones are read', async () => {
  const ran = await pt(
    ['upload', '--load-model-dir', model, '--hf-repo-id', 'me/albedo-qwen3.6-35b-a', '--yes'],
    'albedo',
  );
  expect(errorOf(ran)).toMatchObject({ code: 'publish.sealed' });
});
