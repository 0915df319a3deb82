import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface RunOptions {
  steps: number;
  /** Steps between held-out evaluations. */
  evalEvery?: number;
  state?: 'running' | 'done' | 'failed' | 'cancelled';
  /** Steps whose loss was not finite. */
  bad?: number[];
  /** Speed, memory and MFU events, one for so many steps; 0: none. */
  eventEvery?: number;
  seed?: number;
  /** The loss is so many nats higher. */
  worse?: number;
  /** Text put wherever a stranger's could stand. */
  text?: string;
}

/** The loss that step `n` of a made run has: falling, with noise that repeats. */
export const lossAt = (step: number): number =>
  2.6 + 6 * Math.exp(-step / 300) + 0.25 * Math.sin(step * 12.9898) * Math.cos(step * 0.37);

/** Writes a run folder in the trainer's own format (docs/run-folder.md), of any length, in a moment. */
export async function makeRun(
  dir: string,
  {
    steps,
    evalEvery = 100,
    state = 'done',
    bad = [],
    eventEvery = 1,
    seed = 0,
    worse = 0,
    text = 'plain',
  }: RunOptions,
): Promise<string> {
  await mkdir(dir, { recursive: true });
  const json = (name: string, value: unknown) => writeFile(join(dir, name), `${JSON.stringify(value)}\n`);
  await json('run.json', {
    version: 1,
    run_dir: dir,
    source: { kind: 'recipe', path: null, config: null },
    recipe: {
      name: text,
      description: text,
      tokenizer: text,
      architecture: { model_type: text, hidden_size: 128 },
      optimizer: { name: 'muon', lr: 0.002, muon_lr: 0.02 },
      schedule: { name: 'wsd' },
    },
    competition: { id: 1, name: text },
    data: [{ name: text, weight: 1 }],
    seed,
    lr: null,
  });
  await json('state.json', {
    id: text,
    started_at: '2026-11-23T10:00:00.000Z',
    ended_at: null,
    state,
    // A process that lives as long as the test does.
    pid: state === 'running' ? process.ppid : 1,
    error: state === 'failed' ? { code: 'trainer.died', message: `It died: ${text}` } : null,
    intent: { repo: text, threshold: 3.5, dtype: 'bf16' },
    published: null,
    publications: [
      {
        at: '2026-11-23T11:00:00.000Z',
        repo: text,
        commit: 'ab'.repeat(20),
        contentHash: text,
        commitment: text,
        block: 4_000_000,
        hotkey: text,
        public: true,
      },
    ],
  });
  await json('settings.json', [
    { key: 'network', value: text, origin: 'flag --network', env: [], summary: text },
    { key: text, value: text, origin: text, env: [], summary: text },
    { key: 'profile', value: '3.2', origin: 'default', env: [], summary: 'Protocol profile' },
  ]);
  await writeMetrics(join(dir, 'metrics.jsonl'), steps, evalEvery, new Set(bad), worse);
  const evaluated = Math.floor(steps / evalEvery) * evalEvery || steps;
  await json('best.json', {
    step: evaluated,
    tokens: evaluated * 1024,
    eval_loss: lossAt(evaluated) + 0.1 + worse,
  });
  const start = 1_795_434_756;
  const events = [
    {
      type: 'start',
      time: start,
      pid: 1,
      world_size: 1,
      device: 'cuda',
      device_name: text,
      dtype: 'bf16',
      attention: 'sdpa',
      compile: true,
      parameters: 1_118_080,
      architecture: text,
      flops_per_token: 6_800_000,
      peak_lr: 0.02,
      tokens_per_step: 1024,
      total_steps: steps,
      unigram_entropy: 6.078,
      resumed_from: null,
      versions: { torch: text },
    },
    { type: 'warning', time: start + 5, code: 'loss_spike', message: text },
  ];
  const lines = events.map((event) => JSON.stringify(event));
  for (let step = 1; eventEvery > 0 && step <= steps; step += eventEvery)
    lines.push(stepEvent(step, start, steps));
  // As many as the page keeps, and some more.
  const told = Math.min(60, Math.floor(steps / evalEvery));
  for (let i = told - 1; i >= 0; i -= 1) lines.push(samplesEvent(evaluated - i * evalEvery, start, text));
  if (state === 'done')
    lines.push(JSON.stringify({ type: 'done', time: start + steps, reason: 'finished', steps }));
  await writeFile(join(dir, 'events.jsonl'), `${lines.join('\n')}\n`);
  return dir;
}

const samplesEvent = (step: number, start: number, text: string): string =>
  JSON.stringify({
    type: 'samples',
    time: start + step,
    step,
    texts: [
      { prompt: `The harbour at dawn, step ${step}`, text: ` was full of ships. ${text}\n\tAnd of gulls.` },
      { prompt: 'def area(radius):', text: '\n    return 3.14159 * radius ** 2\n' },
    ],
  });

const stepEvent = (step: number, start: number, total: number): string =>
  JSON.stringify({
    type: 'step',
    time: start + step,
    step,
    total_steps: total,
    tokens: step * 1024,
    loss: lossAt(step),
    lr: 0.02,
    grad_norm: 1,
    tokens_per_second: 50_000 + 3000 * Math.sin(step / 40),
    mfu: 0.41 + 0.02 * Math.sin(step / 25),
    memory_bytes: 60e9,
    eta_seconds: total - step,
  });

/** Lines as the trainer writes them, in pieces, so that a million of them need little memory. */
async function writeMetrics(
  path: string,
  steps: number,
  evalEvery: number,
  bad: ReadonlySet<number>,
  worse: number,
): Promise<void> {
  const file = await open(path, 'w');
  try {
    let piece = '';
    for (let step = 1; step <= steps; step += 1) {
      piece += metricLine(step, bad.has(step), worse);
      if (step % evalEvery === 0)
        piece += `${JSON.stringify({ step, tokens: step * 1024, eval_loss: lossAt(step) + 0.1 + worse })}\n`;
      if (piece.length > 1 << 20) {
        await file.write(piece);
        piece = '';
      }
    }
    await file.write(piece);
  } finally {
    await file.close();
  }
}

export const metricLine = (step: number, bad = false, worse = 0): string =>
  `${JSON.stringify({
    step,
    tokens: step * 1024,
    loss: bad ? null : lossAt(step) + worse,
    lr: 0.02 * Math.min(1, step / 20),
    grad_norm: bad ? null : 0.8 + 0.5 * Math.abs(Math.sin(step)),
  })}\n`;
