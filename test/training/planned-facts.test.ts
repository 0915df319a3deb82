import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import { plannedFacts } from '../../src/training/index.ts';
import { standardRecipe } from '../../src/training/standard-recipe.ts';
import { llamaConfig, writeModel } from '../model/support.ts';

const constants = loadConstants();
const profile = constants.profiles['3.2'];
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pt-planned-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const planned = async (config: Record<string, unknown>, dtype: 'bf16' | 'fp32' = 'bf16') => {
  await writeFile(join(dir, 'run.json'), JSON.stringify({ version: 1, recipe_file: null, ...config }));
  return plannedFacts(dir, profile, dtype);
};
const recipeSource = { kind: 'recipe', path: null, config: null };

it('tells the size of every recipe before it is trained, as its competition wants it', async () => {
  const held = constants.schedules.schedule!.periods.flatMap(({ competitions }) => competitions);
  for (const recipe of Object.values(constants.recipes)) {
    const facts = await planned({ source: recipeSource, recipe });
    expect(facts, recipe.name).not.toBeNull();
    const competitions = held.filter(
      (competition) => standardRecipe(competition, constants.recipes, profile) === recipe.name,
    );
    for (const { min_model_parameters: min, max_model_parameters: max } of competitions) {
      expect(facts!.parameters).toBeGreaterThanOrEqual(min);
      expect(facts!.parameters).toBeLessThanOrEqual(max);
    }
  }
});

it('takes a folder as it is, at the size that it is published in', async () => {
  const path = writeModel(join(dir, 'model'), llamaConfig());
  const facts = await planned({ source: { kind: 'model_dir', path, config: null }, recipe: {} });
  expect(facts).toMatchObject({ architecture: 'LlamaForCausalLM', bytes: facts!.parameters! * 2 });
});

it('leaves open what only training can tell', async () => {
  const { tiny } = constants.recipes;
  expect(await planned({ source: recipeSource, recipe: tiny, recipe_file: '/x/own.py' })).toBeNull();
  expect(
    await planned({ source: recipeSource, recipe: { architecture: { model_type: 'mamba' } } }),
  ).toBeNull();
  expect(
    await planned({ source: { kind: 'model_file', path: '/x', config: null }, recipe: tiny }),
  ).toBeNull();
});
