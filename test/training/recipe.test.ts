import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Competition } from '../../src/rules/types.ts';
import { chooseRecipe, hasGpu } from '../../src/training/recipe.ts';

const recipes = { tiny: { name: 'tiny' }, big: { name: 'big' } };
const competition = { default_recipe: 'big' } as Competition;
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pt-recipe-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('chooseRecipe', () => {
  it("takes the competition's own on a GPU, tiny without one, and says so", () => {
    expect(chooseRecipe(null, recipes, competition, true)).toMatchObject({
      recipe: recipes.big,
      reason: null,
    });
    const choice = chooseRecipe(null, recipes, competition, false);
    expect(choice.recipe).toBe(recipes.tiny);
    expect(choice.reason).toMatch(/No GPU.*instead of.*"big"/);
  });

  it('takes the named one whatever the machine', () => {
    expect(chooseRecipe('big', recipes, null, false)).toMatchObject({ recipe: recipes.big, reason: null });
  });

  it('lists what there is when the name is wrong', () => {
    expect(() => chooseRecipe('huge', recipes, null, true)).toThrow(/no recipe "huge"; there are tiny, big/);
    expect(() => chooseRecipe('constructor', recipes, null, true)).toThrow(/no recipe/);
  });

  it('reads a JSON file and passes a Python file on', async () => {
    const json = join(dir, 'mine.json');
    const python = join(dir, 'mine.py');
    await writeFile(json, '{"sequence_length": 64}');
    await writeFile(python, '');
    expect(chooseRecipe(json, recipes, null, false).recipe).toEqual({ name: 'own', sequence_length: 64 });
    expect(chooseRecipe(python, recipes, competition, true)).toMatchObject({
      recipe: recipes.big,
      file: python,
    });
    expect(() => chooseRecipe(join(dir, 'no.json'), recipes, null, false)).toThrow(/no file/);
    await writeFile(json, '[1]');
    expect(() => chooseRecipe(json, recipes, null, false)).toThrow(/mine.json cannot be read/);
  });
});

it('a named device needs no look at the machine', async () => {
  expect(await hasGpu('cpu')).toBe(false);
  expect(await hasGpu('cuda:1')).toBe(true);
});
