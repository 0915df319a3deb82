import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namedModels } from '../../src/merging/named.ts';

let home: string;
let runsDir: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-named-'));
  runsDir = join(home, 'runs');
  const sources = {
    scratch: { kind: 'recipe', path: null, config: null },
    tuned: { kind: 'model_dir', path: join(home, 'king'), config: null },
    filed: { kind: 'model_file', path: join(home, 'x.safetensors'), config: null },
  };
  for (const [name, source] of Object.entries(sources)) {
    for (const step of [40, 5, 120])
      await mkdir(join(runsDir, name, 'checkpoints', `step-${step}`), { recursive: true });
    await writeFile(join(runsDir, name, 'run.json'), JSON.stringify({ version: 1, source }));
  }
  await mkdir(join(home, 'odd@5'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const named = (...words: string[]) => namedModels(words, { runsDir, home });

test.each([
  ['tuned@..', [5, 40, 120]],
  ['tuned@40..', [40, 120]],
  ['tuned@..40', [5, 40]],
  ['tuned@6..119', [40]],
  ['tuned@5', [5]],
  ['tu@120', [120]],
])('%s is the checkpoints of steps %j', async (word, steps) => {
  const found = await named(word);
  expect(found.map(({ checkpoint }) => checkpoint?.step)).toEqual(steps);
  expect(found.map(({ name }) => name)).toEqual(steps.map((step) => `tuned@${step}`));
});

test('best and start of a run are folders, and a folder that is called like one is itself', async () => {
  const words = ['tuned@start', 'tuned@best', join(home, 'odd@5'), join(home, 'nothing-here')];
  const found = await named(...words);
  expect(found.map(({ dir }) => dir)).toEqual([
    join(home, 'king'),
    join(runsDir, 'tuned', 'best'),
    join(home, 'odd@5'),
    join(home, 'nothing-here'),
  ]);
  expect(found.map(({ name }) => name)).toEqual(['tuned@start', 'tuned@best', 'odd@5', 'nothing-here']);
});

test.each([
  ['tuned@6', 'run.no_checkpoint', 'tuned@6: run tuned has no checkpoint of step 6; it has 5, 40, 120.'],
  ['tuned@6..39', 'run.no_checkpoint', 'no checkpoint of steps 6..39;'],
  ['tuned@200..', 'run.no_checkpoint', 'no checkpoint of steps 200..;'],
  ['scratch@start', 'merge.no_start', 'began with random numbers'],
  ['filed@start', 'merge.no_start', 'x.safetensors, not with a model folder'],
  ['nobody@5', 'run.unknown', 'there is no run "nobody"'],
])('%s is refused: %s', async (word, code, said) => {
  await expect(named(word)).rejects.toMatchObject({ code, message: expect.stringContaining(said) });
});

test('the hints of what is refused name what there is', async () => {
  const error = await named('tuned@6').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ nextSteps: [5, 40, 120].map((step) => `pt merge tuned@${step} --out OUT`) });
});
