import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finishPt, startPt } from '../commands/run-pt.ts';

/** Tokens of a step, and the steps of a branch. */
const STEP_TOKENS = 2 * 64;
const STEPS = 40;
let home: string;

const start = (...args: string[]) => startPt(home, ...args);
const train = (...args: string[]) => finishPt(home, 'train', '--offline', ...args);

const folder = (name: string) => join(home, 'pt', 'runs', name);

async function lines(name: string): Promise<Record<string, number>[]> {
  const text = await readFile(join(folder(name), 'metrics.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** A branch in a run of its own, from the command line. */
const branch = (from: string, name: string) => [
  '--decay-from',
  from,
  '--tokens',
  String(STEPS * STEP_TOKENS),
  '--checkpoint-every-steps',
  '5',
  '--run',
  name,
];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-branch-'));
  const recipe = {
    name: 'nano',
    architecture: {
      model_type: 'llama',
      vocab_size: 4096,
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      max_position_embeddings: 64,
    },
    tokenizer: 'builtin',
    sequence_length: 64,
    batch_size: 2,
    eval_every_steps: 20,
    eval_sequences: 8,
    checkpoint_every_steps: 4,
  };
  await writeFile(join(home, 'nano.json'), JSON.stringify(recipe));
  const trunk = await train('--recipe', 'nano.json', '--epochs', '-1', '--max-steps', '10', '--run', 'trunk');
  expect(trunk.exitCode, trunk.stderr).toBe(0);
}, 200_000);
afterAll(() => rm(home, { recursive: true, force: true }));

describe('pt train --decay-from', () => {
  it('anneals a model off a checkpoint to the end, and killed and resumed comes to the same', async () => {
    const whole = await train(...branch('trunk@8', 'whole'));
    expect(whole.exitCode, whole.stderr).toBe(0);
    expect(whole.json).toMatchObject({ runDir: folder('whole'), steps: 8 + STEPS });
    const rates = (await lines('whole')).filter((line) => 'lr' in line);
    expect(rates.map((line) => line.step)).toEqual(Array.from({ length: 8 + STEPS }, (_, i) => i + 1));
    const peak = rates[7]!.lr!;
    for (const { step, lr } of rates.slice(8))
      expect(lr).toBeCloseTo((peak * (9 + STEPS - step!)) / STEPS, 9);
    // What the trunk had learned before is what this begins with, and the trunk is as it was.
    const trunk = await lines('trunk');
    expect((await lines('whole')).filter((line) => line.step! <= 8)).toEqual(
      trunk.filter((line) => line.step! <= 8),
    );

    const killed = start('train', '--offline', ...branch('trunk@8', 'killed'));
    for (let tries = 0; (await lines('killed')).length < 25; tries++) {
      expect(tries).toBeLessThan(1200);
      await sleep(50);
    }
    killed.kill('SIGKILL');
    await killed;
    expect((await lines('killed')).at(-1)!.step).toBeLessThan(8 + STEPS);
    const resumed = await train('--resume', 'killed');
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(resumed.json).toMatchObject({ runDir: folder('killed'), resumed: true, steps: 8 + STEPS });
    expect(await lines('killed')).toEqual(await lines('whole'));
    const best = await Promise.all(
      ['killed', 'whole'].map((name) => readFile(join(folder(name), 'best', 'model.safetensors'))),
    );
    expect(best[0]!.equals(best[1]!)).toBe(true);
  }, 400_000);

  it('refuses what a branch cannot be, and leaves no run behind', async () => {
    for (const [args, exitCode, code] of [
      [['--decay-from', 'trunk@9', '--tokens', '1000', '--run', 'no'], 2, 'run.no_checkpoint'],
      [['--decay-from', 'nobody', '--tokens', '1000', '--run', 'no'], 2, 'run.unknown'],
      [['--decay-from', 'trunk', '--run', 'no'], 2, 'usage'],
    ] as const) {
      const refused = await train(...args);
      expect(refused.json.error.code, refused.stderr).toContain(code);
      expect(refused.exitCode).toBe(exitCode);
      expect(await readFile(join(folder('no'), 'run.json'), 'utf8').catch(() => null)).toBeNull();
    }
  }, 120_000);
});
