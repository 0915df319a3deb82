import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BranchInput, branchRun } from '../../src/training/branch.ts';
import { withDefaults } from '../../src/training/knobs.ts';
import { createRun, writeRun } from '../../src/training/run-folder.ts';
import { RUN_SCHEMA } from '../../src/training/run-schema.ts';

let home: string;
let trunk: string;
beforeEach(async () => {
  home = join(await mkdtemp(join(tmpdir(), 'pt-branch-')), 'runs');
  trunk = await createRun(home, 'trunk');
  await writeRun(
    trunk,
    {
      source: { kind: 'recipe', path: null, config: null },
      recipe: { name: 'tiny' },
      recipeFile: null,
      competition: null,
      keepsFiles: false,
      data: [{ name: 'builtin', weight: 1 }],
      options: { ...withDefaults({}), epochs: 3, maxSteps: 90 },
      offline: true,
      hubEndpoint: null,
      duel: { against: null, data: [], sequences: null },
      reportTo: [],
      wandb: { entity: null, project: null },
    },
    [],
    null,
  );
  for (const step of [8, 10]) {
    const folder = join(trunk, 'checkpoints', `step-${step}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'trainer.json'), `{"step": ${step}}`);
    await writeFile(join(folder, 'files.json'), '{"trainer.json": {}}');
  }
  await writeFile(join(trunk, 'metrics.jsonl'), '{"step": 1}\n');
});
afterEach(() => rm(dirname(home), { recursive: true, force: true }));

async function branch(from: string, changes: Partial<BranchInput['given']> = {}): Promise<string> {
  const work = branchRun({
    runsDir: home,
    home: dirname(home),
    from,
    name: null,
    given: {
      options: { tokens: 1000 },
      start: { loadBest: false, loadUid: null, loadModelDir: null, loadModel: null, loadModelConfig: null },
      recipe: null,
      data: [],
      cwd: '/',
      competition: null,
      offline: true,
      hubEndpoint: null,
      defaultHubEndpoint: null,
      duel: { against: null, data: [], sequences: null },
      reportTo: null,
      wandb: { entity: null, project: null },
      ...changes,
    },
    settings: [],
    intent: null,
  });
  for (;;) {
    const next = await work.next();
    if (next.done) return next.value;
  }
}
const configOf = async (dir: string) => JSON.parse(await readFile(join(dir, 'run.json'), 'utf8'));

it('links the checkpoint into a run of its own, which is to be resumed from it', async () => {
  for (const [from, step] of [
    ['trunk', 10],
    ['trunk@8', 8],
    [`${trunk}@8`, 8],
  ] as const) {
    const dir = await branch(from);
    const config = await configOf(dir);
    expect(RUN_SCHEMA.parse(config)).toMatchObject({
      run_dir: dir,
      resume: true,
      tokens: 1000,
      epochs: -1,
      max_steps: null,
      decay_from: { run: trunk, step },
    });
    expect(await readdir(join(dir, 'checkpoints'))).toEqual([`step-${step}`]);
    const file = join('checkpoints', `step-${step}`, 'trainer.json');
    expect((await stat(join(dir, file))).ino).toBe((await stat(join(trunk, file))).ino);
    expect(await readFile(join(dir, 'metrics.jsonl'), 'utf8')).toBe('{"step": 1}\n');
  }
  expect((await configOf(trunk)).decay_from).toEqual({ run: null, step: null });
});

it('refuses what is not there or would be another run, and leaves no folder', async () => {
  const before = await readdir(home);
  const failing = (from: string, changes = {}) => branch(from, changes).catch((error) => error);
  expect(await failing('trunk@9')).toMatchObject({
    code: 'run.no_checkpoint',
    nextSteps: [
      'pt train --decay-from trunk@8 --tokens 100M',
      'pt train --decay-from trunk@10 --tokens 100M',
    ],
  });
  expect(await failing('nobody')).toMatchObject({ code: 'run.unknown' });
  expect(await failing('trunk', { options: { seed: 7, tokens: 1 } })).toMatchObject({
    code: 'run.fixed',
    nextSteps: [expect.stringContaining('--decay-from trunk'), expect.anything()],
  });
  await rm(join(trunk, 'checkpoints', 'step-10', 'trainer.json'));
  expect(await failing('trunk')).toMatchObject({ code: 'run.no_checkpoint' });
  expect((await readdir(home)).map((name) => basename(name))).toEqual(before);
});
