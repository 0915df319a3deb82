import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processIdentity } from '../../src/host/process.ts';
import { withDefaults } from '../../src/training/knobs.ts';
import {
  createRun,
  findRun,
  holdRun,
  readRunConfig,
  updateState,
  writeRun,
} from '../../src/training/run-folder.ts';
import { readState } from '../../src/training/run-state.ts';
import { listRuns } from '../../src/training/summary.ts';
import type { RunRequest } from '../../src/training/types.ts';

const request: RunRequest = {
  source: { kind: 'recipe', path: null, config: null },
  recipe: { name: 'tiny' },
  recipeFile: null,
  competition: null,
  keepsFiles: false,
  data: [{ name: 'builtin', weight: 1 }],
  options: withDefaults({ maxSteps: 10, seed: 7, device: 'cpu' }),
  offline: true,
  hubEndpoint: null,
  duel: { against: null, data: [], sequences: null },
  reportTo: [],
  wandb: { entity: null, project: null },
};

let runs: string;
beforeEach(async () => {
  runs = join(await mkdtemp(join(tmpdir(), 'pt-runs-')), 'runs');
});
afterEach(() => rm(join(runs, '..'), { recursive: true, force: true }));

async function newRun(): Promise<string> {
  const dir = await createRun(runs);
  await writeRun(dir, request, {}, null);
  return dir;
}

describe('run folder', () => {
  it('writes run.json as the trainer reads it, and nothing temporary is left', async () => {
    const dir = await newRun();
    expect(await readRunConfig(dir)).toMatchObject({
      version: 1,
      run_dir: dir,
      seed: 7,
      max_steps: 10,
      resume: false,
      offline: true,
    });
    expect((await readdir(dir)).sort()).toEqual(['run.json', 'settings.json', 'state.json']);
  });

  it('lists runs newest first with steps and best loss, a torn last line included', async () => {
    const first = await newRun();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const second = await newRun();
    await appendFile(
      join(second, 'metrics.jsonl'),
      '{"step": 3, "tokens": 30, "loss": 2.5}\n{"step": 4, "tok',
    );
    await writeFile(join(second, 'best.json'), '{"step": 3, "tokens": 30, "eval_loss": 2.25}');
    const list = await listRuns(runs);
    expect(list.map((run) => run.dir)).toEqual([second, first]);
    expect(list[0]).toMatchObject({ steps: 3, bestLoss: 2.25, state: 'running' });
    expect(list[1]).toMatchObject({ steps: 0, bestLoss: null });
  });

  it('says failed for a run whose pt died', async () => {
    const dir = await newRun();
    await updateState(dir, { pid: 2 ** 22 + 1 });
    expect((await listRuns(runs))[0]).toMatchObject({ state: 'failed' });
  });
});

describe('findRun', () => {
  it('takes the newest, an id, the beginning of an id, or a folder', async () => {
    const dir = await newRun();
    expect(await findRun(runs, null)).toBe(dir);
    expect(await findRun(runs, basename(dir))).toBe(dir);
    expect(await findRun(runs, basename(dir).slice(0, 10))).toBe(dir);
    expect(await findRun(join(runs, 'elsewhere'), dir)).toBe(dir);
  });

  it('names what is there when it finds none or several', async () => {
    await expect(findRun(runs, null)).rejects.toMatchObject({ code: 'run.none', exitCode: 2 });
    await newRun();
    await newRun();
    await expect(findRun(runs, 'nope')).rejects.toThrow(/no run "nope".*newest are/);
    await expect(findRun(runs, '2')).rejects.toThrow(/fits 2 runs/);
    // All of them: the one that is meant may be the oldest.
    const many = await Promise.all(Array.from({ length: 12 }, newRun));
    const error = await findRun(runs, '2').catch((thrown: Error) => thrown.message);
    for (const dir of many) expect(error).toContain(basename(dir));
  });

  it('gives a run to one of two that found it free at once', async () => {
    const dir = await newRun();
    const one = holdRun(dir);
    expect(() => holdRun(dir)).toThrow(expect.objectContaining({ code: 'run.busy' }));
    one?.release();
    holdRun(dir)?.release();
    expect(await readdir(dir)).not.toContain('train.lock');
  });

  it('refuses a run that another live process trains', async () => {
    const dir = await newRun();
    await updateState(dir, { pid: process.ppid, pid_identity: processIdentity(process.ppid) });
    await expect(findRun(runs, null)).rejects.toMatchObject({ code: 'run.busy' });
    // Written by an older pt: the id alone.
    await updateState(dir, { pid_identity: undefined });
    await expect(findRun(runs, null)).rejects.toMatchObject({ code: 'run.busy' });
    await updateState(dir, { state: 'done', pid: process.ppid });
    expect(await findRun(runs, null)).toBe(dir);
  });

  it('refuses one that a pt of another machine trains, which no process id tells', async () => {
    const dir = await newRun();
    await updateState(dir, { pid: 2 ** 22 + 1, pid_identity: null });
    const held = holdRun(dir);
    await expect(findRun(runs, null)).rejects.toMatchObject({ code: 'run.busy' });
    expect(() => holdRun(dir)).toThrow(/trained by another pt/);
    held?.release();
    expect(await findRun(runs, null)).toBe(dir);
    holdRun(dir)?.release();
  });

  it('is not kept from a run by a process that has the id of a dead one by now', async () => {
    const dir = await newRun();
    const own = (await readState(dir))!;
    expect(own).toMatchObject({ pid: process.pid, pid_identity: processIdentity(process.pid) });
    // The same machine after a reboot, where the parent of this process got the id.
    await updateState(dir, { pid: process.ppid, pid_identity: own.pid_identity ?? null });
    expect(await findRun(runs, null)).toBe(dir);
    expect(await listRuns(runs)).toMatchObject([{ state: 'failed' }]);
  });

  it('keeps every publication, and one that was done already only once', async () => {
    const dir = await newRun();
    const first = { repo: 'me/a', commit: 'a'.repeat(40), block: 5 };
    const second = { ...first, commit: 'b'.repeat(40), block: 9 };
    for (const published of [first, second, second]) await updateState(dir, { published });
    await updateState(dir, { state: 'done' });
    const state = await readState(dir);
    expect(state?.published).toEqual(second);
    expect(state?.publications).toMatchObject([first, second]);
  });

  it('refuses a broken run.json by name', async () => {
    const dir = join(runs, 'broken');
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'run.json'), '{"version": 1, ');
    await expect(readRunConfig(dir)).rejects.toMatchObject({ code: 'run.broken', exitCode: 2 });
  });
});
