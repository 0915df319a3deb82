import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { cleanUp, type Driver, drive, gone, processesOf } from './support.ts';

// The real train.py on the built-in text, with a model so small that a step takes milliseconds.
afterEach(cleanUp);

const tiny = JSON.parse(readFileSync('constants/recipes/tiny.json', 'utf8'));
const config = {
  version: 1,
  source: { kind: 'recipe', path: null, config: null },
  recipe: {
    ...tiny,
    architecture: {
      ...tiny.architecture,
      hidden_size: 16,
      intermediate_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 2,
    },
    sequence_length: 32,
    batch_size: 1,
    eval_every_steps: 5,
    eval_sequences: 1,
    checkpoint_every_steps: 5,
  },
  recipe_file: null,
  competition: null,
  data: [{ name: 'builtin', weight: 1 }],
  device: 'cpu',
  dtype: 'fp32',
  save_dtype: 'fp32',
  attention: 'sdpa',
  compile: false,
  seed: 0,
  epochs: -1,
  max_steps: null,
  max_minutes: null,
  batch_size: null,
  sequence_length: null,
  accumulation_steps: null,
  lr: null,
  optimizer: null,
  schedule: null,
  pages_per_epoch: null,
  eval_every_steps: null,
  checkpoint_every_steps: null,
  resume: false,
  offline: true,
  hub_endpoint: null,
  report_to: [],
  wandb: { entity: null, project: null },
};

const start = (changes: object = {}, runDir?: string) =>
  drive(
    '',
    { script: 'train.py', hangSeconds: 120 },
    { config: { ...config, ...changes }, env: { OMP_NUM_THREADS: '1' }, ...(runDir && { runDir }) },
  );

const reaches = (driver: Driver, type: string) => driver.until((line) => line.event?.type === type, 150_000);

test('Ctrl-C checkpoints; after SIGKILL of pt the run goes on from there', async () => {
  const first = start();
  await reaches(first, 'step');
  first.process.kill('SIGINT');
  expect(await first.ended, JSON.stringify(first.lines.slice(-3)) + first.stderr).toBe(130);
  expect(first.lines.some((line) => line.event?.type === 'checkpoint')).toBe(true);
  expect(readdirSync(join(first.runDir, 'checkpoints'))).not.toHaveLength(0);

  const second = start({ resume: true }, first.runDir);
  const resumed = await reaches(second, 'start');
  expect(resumed.event?.resumed_from).toBeGreaterThan(0);
  await reaches(second, 'checkpoint');
  const all = processesOf(second.runDir, second.process.pid);
  second.process.kill('SIGKILL');
  await second.ended;
  await gone(...all);

  const third = start({ resume: true, max_steps: 1 }, first.runDir);
  expect(await third.ended, JSON.stringify(third.lines.slice(-3)) + third.stderr).toBe(0);
  expect(third.noise).toBe('');
}, 400_000);

test('what train.py cannot do is named by its own error event', async () => {
  const driver = start({ data: [{ name: '/nowhere/shard.parquet', weight: 1 }] });
  expect(await driver.ended).toBe(7);
  const error = driver.last().error;
  expect(error?.code).toMatch(/^trainer\.(data_missing|bad_)/);
  expect(error?.message).toContain('/nowhere/shard.parquet');
  expect(existsSync(join(driver.runDir, 'checkpoints'))).toBe(false);
}, 200_000);
