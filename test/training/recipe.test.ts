import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import { chooseCompetition, competitionsAt } from '../../src/rules/index.ts';
import type { Competition } from '../../src/rules/types.ts';
import { chooseRecipe, hasGpu } from '../../src/training/recipe.ts';
import { standardRecipe } from '../../src/training/standard-recipe.ts';

const recipes = { tiny: { name: 'tiny' }, big: { name: 'big' } };
const competition = { default_recipe: 'big' } as Competition;
const { profiles } = loadConstants();
const GPU = { profile: profiles['3.2'], hasGpu: true, offline: false };
const CPU = { ...GPU, hasGpu: false };
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pt-recipe-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('chooseRecipe', () => {
  it('never takes a class unasked that validators give an infinite loss, and says so of one that is asked for', () => {
    const both = {
      tiny: { name: 'tiny' },
      neox: { name: 'neox', architecture: { model_type: 'gpt_neox' } },
    };
    const wants = { name: 'X', id: 1, default_recipe: 'neox', allowed_architectures: [''] } as Competition;
    const six = { ...GPU, profile: profiles['6.0'] };
    expect(chooseRecipe(null, both, wants, GPU)).toMatchObject({ recipe: both.neox, reason: null });
    expect(chooseRecipe(null, both, wants, six)).toMatchObject({
      recipe: both.tiny,
      reason: expect.stringContaining('No recipe'),
    });
    expect(chooseRecipe('neox', both, wants, six)).toMatchObject({
      recipe: both.neox,
      reason: expect.stringContaining('infinite loss'),
    });
  });

  it("takes the competition's own on a GPU, tiny without one, and says so", () => {
    expect(chooseRecipe(null, recipes, competition, GPU)).toMatchObject({
      recipe: recipes.big,
      reason: null,
    });
    const choice = chooseRecipe(null, recipes, competition, CPU);
    expect(choice.recipe).toBe(recipes.tiny);
    expect(choice.reason).toMatch(/No GPU.*instead of.*"big"/);
  });

  it('says why it is tiny when nothing else can be', () => {
    expect(chooseRecipe(null, recipes, competition, { ...GPU, offline: true })).toMatchObject({
      recipe: recipes.tiny,
      reason: expect.stringContaining('--offline has no data'),
    });
    expect(chooseRecipe(null, recipes, null, GPU).reason).toMatch(/--competition names none/);
    const speech = { name: 'TTS_V0', id: 6, allowed_architectures: ['E2TTS'] } as Competition;
    expect(chooseRecipe(null, recipes, speech, GPU).reason).toMatch(/No recipe is made for .*TTS_V0/);
  });

  it('takes the named one whatever the machine', () => {
    expect(chooseRecipe('big', recipes, null, CPU)).toMatchObject({ recipe: recipes.big, reason: null });
  });

  it('lists what there is when the name is wrong', () => {
    expect(() => chooseRecipe('huge', recipes, null, GPU)).toThrow(/no recipe "huge"; there are tiny, big/);
    expect(() => chooseRecipe('constructor', recipes, null, GPU)).toThrow(/no recipe/);
  });

  it('reads a JSON file and passes a Python file on', async () => {
    const json = join(dir, 'mine.json');
    const python = join(dir, 'mine.py');
    await writeFile(json, '{"sequence_length": 64}');
    await writeFile(python, '');
    expect(chooseRecipe(json, recipes, null, CPU).recipe).toEqual({ name: 'own', sequence_length: 64 });
    expect(chooseRecipe(python, recipes, competition, GPU)).toMatchObject({
      recipe: recipes.big,
      file: python,
    });
    expect(() => chooseRecipe(join(dir, 'no.json'), recipes, null, CPU)).toThrow(/no file/);
    await writeFile(json, '[1]');
    expect(() => chooseRecipe(json, recipes, null, CPU)).toThrow(/mine.json cannot be read/);
  });
});

it('a named device needs no look at the machine', async () => {
  expect(await hasGpu('cpu')).toBe(false);
  expect(await hasGpu('cuda:1')).toBe(true);
});

it.each([
  ['3.2', 0, null, '122m'],
  ['3.2', 2_270_981, null, '186m'],
  ['3.2', 2_405_920, null, '772m'],
  ['3.2', 2_786_061, null, '7b'],
  ['6.0', 3_601_190, '0', '7b'],
  ['6.0', 3_601_190, '1', '772m'],
  ['6.0', 3_601_190, '2', '3b'],
  ['6.0', 4_252_646, '4', '14b'],
  ['6.0', 5_177_981, '6', null],
] as const)('profile %s at block %i, competition %s is trained with %s', (name, block, id, recipe) => {
  const { profiles, schedules, recipes: all } = loadConstants();
  const open = competitionsAt(schedules.schedule!, block, profiles[name]);
  expect(standardRecipe(chooseCompetition(open, { id }), all, profiles[name])).toBe(recipe);
});
