/** A model of the network that does not fit into this machine: named before it is downloaded, and before the first step. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { UploadFile } from '../../src/hub/index.ts';
import { inspectFolder, type ModelFacts } from '../../src/model/index.ts';
import { finish } from '../../src/progress.ts';
import { commitmentFor } from '../../src/rules/index.ts';
import { requireRunFits } from '../../src/runs/require-fit.ts';
import { sandboxDir } from '../../src/sandbox/index.ts';
import { type Ran, runPt } from '../commands/run-pt.ts';
import { LLAMA_14B, withBuiltinTokenizer, writeSparseModel } from '../model/support.ts';
import { type Rig, startRig } from '../publish/support.ts';

/** Half a terabyte in fp32; of files that are holes. */
const HUGE = {
  ...LLAMA_14B,
  hidden_size: 40_960,
  intermediate_size: 114_688,
  num_hidden_layers: 8,
  num_attention_heads: 320,
};
const REPO = 'me/huge';
let rig: Rig;
let facts: ModelFacts;

beforeAll(async () => {
  rig = await startRig({ profile: 'coldint' });
  const dir = join(rig.home, 'huge');
  writeSparseModel(dir, HUGE, 2);
  withBuiltinTokenizer(dir);
  facts = await inspectFolder(dir, rig.place.profile);
  await rig.hub.createRepo(REPO, { private: false });
  const objects = join(sandboxDir(rig.home), 'hub', 'repos', 'model', REPO, 'objects');
  mkdirSync(objects, { recursive: true });
  // Nobody could hash them in a test: they are put where the Hub keeps what was uploaded.
  const uploaded = readdirSync(dir).map((path): UploadFile => {
    const { size } = statSync(join(dir, path));
    const large = path.endsWith('.safetensors');
    const sha256 = createHash('sha256')
      .update(large ? path : readFileSync(join(dir, path)))
      .digest('hex');
    const at = large ? join(objects, sha256) : join(dir, path);
    if (large) renameSync(join(dir, path), at);
    return {
      ...{ path, size, sha256 },
      async *open(start = 0, end = size) {
        const file = await open(at);
        yield (await file.read(Buffer.alloc(end - start), 0, end - start, start)).buffer;
        await file.close();
      },
    };
  });
  const { commit } = await finish(rig.hub.upload({ repo: REPO, files: uploaded, message: 'huge' }));
  const { profile, netuid } = rig.place;
  const { ss58: hotkey } = rig.hotkey;
  const text = commitmentFor(profile, {
    repo: REPO,
    commit,
    contentHash: createHash('sha256').digest('base64'),
    hotkey,
    competitionId: '0',
  });
  await rig.chain.commit({ netuid, text, hotkey: rig.hotkey });
  // As that subnet, but for its limit of bytes.
  const { max_bytes: _, ...files } = profile.files as { max_bytes?: number };
  mkdirSync(join(rig.home, 'mine'));
  writeFileSync(join(rig.home, 'mine', 'unbounded.json'), JSON.stringify({ ...profile, files }));
}, 60_000);
afterAll(() => rig?.close());

const pt = (...args: string[]) =>
  runPt([...args, '--json'], {
    env: {
      PT_HOME: rig.home,
      PT_NETWORK: 'sandbox',
      PT_PROFILE: 'unbounded',
      PT_PROFILES: join(rig.home, 'mine'),
      PT_DEVICE: 'cpu',
    },
    cwd: rig.home,
  });
const small = ['--data', 'builtin', '--bs', '1', '--sl', '64', '--max-steps', '1'];

function expectRefused(ran: Ran, message: RegExp): void {
  const { error } = ran.json() as { error: { code: string; message: string; nextSteps: string[] } };
  expect(error.code, ran.stderr).toBe('trainer.too_large');
  expect(error.message).toMatch(message);
  expect(error.nextSteps.join('\n')).toContain('pt train --ignore-estimate');
  // No run, and nothing of the model.
  expect(readdirSync(join(rig.home, 'runs'))).toEqual([]);
  const models = join(rig.home, 'models');
  expect(existsSync(models) ? readdirSync(models) : []).toEqual([]);
}

it('a start, by the estimate of its training', async () => {
  expectRefused(await pt('train', '--load-uid', '1', ...small), /^This run needs about \d{4}\.\d GB on cpu/);
  const run = { ignore_estimate: true };
  const none = { ...rig.place, python: () => Promise.reject(new Error('Python is asked nothing')) };
  const { signal } = new AbortController();
  await finish(requireRunFits(run, facts, { processes: 1, here: 1 }, signal, none));
}, 120_000);

it('a king, by its weights; and a plan says so of it', async () => {
  expectRefused(
    await pt('train', '--against', '1', ...small),
    /--against 1: uid 1 needs \d{3}\.\d GB on cpu/,
  );
  const plan = await pt('evaluate', '1', '--plan', '--sequences', '8', '--device', 'cpu');
  expect(plan.code, plan.stderr).toBe(3);
  const { models, download } = plan.json() as { models: object[]; download: number };
  expect(models).toMatchObject([{ fits: false, weights: 4 * facts.parameters!, problem: null }]);
  expect(download).toBeGreaterThan(2 * facts.parameters!);
}, 120_000);
