import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../errors.ts';
import type { Recipe } from '../protocol.ts';
import { competitionLabel, whyNoLoss } from '../rules/index.ts';
import type { Competition, Profile } from '../rules/types.ts';
import { withoutSecrets } from '../secret.ts';
import { classOfRecipe, standardRecipe } from './standard-recipe.ts';

export interface RecipeChoice {
  recipe: Recipe;
  /** A recipe.py of the user's own, which brings its model or data; `recipe` then holds the defaults. */
  file: string | null;
  /** Why this one, when nobody named it. */
  reason: string | null;
}

/** What the choice depends on besides the competition. */
export interface RecipeCircumstances {
  /** Whose validators the model is for. */
  profile: Profile;
  hasGpu: boolean;
  /** Data and tokenizers of the real competitions come from the Hub. */
  offline: boolean;
}

/**
 * The recipe to train with: the one named (a name, a .json or a .py file), else the competition's, else `tiny`: without a GPU nothing
 * larger ends in reasonable time.
 *
 * @throws UserError `recipe.unknown`, `recipe.missing`, `recipe.invalid`.
 */
export function chooseRecipe(
  wanted: string | null,
  recipes: Record<string, Recipe>,
  competition: Competition | null,
  { profile, hasGpu, offline }: RecipeCircumstances,
): RecipeChoice {
  const named = (name: string): Recipe => {
    const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined;
    if (recipe !== undefined) return recipe;
    throw new UserError(
      'recipe.unknown',
      `--recipe: there is no recipe "${name}"; there are ${Object.keys(recipes).join(', ')}.`,
      {
        nextSteps: ['Name one of these, or a file: --recipe my_recipe.json or --recipe my_recipe.py.'],
      },
    );
  };
  const standard = competition && standardRecipe(competition, recipes, profile);
  const why = whyTiny(competition, standard, { profile, hasGpu, offline });
  // What is named is obeyed, not in silence.
  const asked = (recipe: Recipe, file: string | null = null): RecipeChoice => {
    const noLoss = competition && whyNoLoss(classOfRecipe(recipe), profile);
    return { recipe, file, reason: noLoss === null ? null : `${noLoss}: this model cannot win there.` };
  };
  const unnamed = why === null ? standard! : 'tiny';
  if (wanted === null)
    return {
      recipe: named(unnamed),
      file: null,
      reason: unnamed === standard ? null : `${why}: good for a rehearsal, not for the real network.`,
    };
  if (!/\.(json|py)$/.test(wanted)) return asked(named(wanted));
  const path = resolve(wanted);
  if (!existsSync(path)) {
    throw new UserError('recipe.missing', `--recipe: there is no file ${path}.`, {
      nextSteps: ['pt train --recipe tiny'],
    });
  }
  if (path.endsWith('.py')) return { recipe: named(unnamed), file: path, reason: null };
  return asked(readRecipeFile(path));
}

/** Why nothing larger than `tiny` is trained unasked; null: the competition's own recipe is. */
function whyTiny(
  competition: Competition | null,
  standard: string | null,
  { hasGpu, offline }: RecipeCircumstances,
): string | null {
  if (competition === null)
    return 'Several competitions are open and --competition names none, so the recipe is "tiny"';
  if (standard === null) return `No recipe is made for ${competitionLabel(competition)}, so it is "tiny"`;
  if (!hasGpu) return `No GPU was found, so the recipe is "tiny" instead of this competition's "${standard}"`;
  if (offline) return `--offline has no data for this competition's "${standard}", so the recipe is "tiny"`;
  return null;
}

function readRecipeFile(path: string): Recipe {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { name: 'own', ...value } as Recipe;
    }
    throw new Error('it is not an object');
  } catch (error) {
    throw new UserError('recipe.invalid', `--recipe: ${path} cannot be read: ${(error as Error).message}.`, {
      nextSteps: ['Start from a copy of a recipe in constants/recipes/.'],
    });
  }
}

/** Whether an NVIDIA GPU is there, without the seconds that importing torch takes. A named CUDA device counts as one. */
export async function hasGpu(device: string): Promise<boolean> {
  if (device.startsWith('cuda')) return true;
  if (device !== 'auto') return false;
  const { execa } = await import('execa');
  const { exitCode, stdout } = await execa('nvidia-smi', ['-L'], {
    env: withoutSecrets(process.env),
    extendEnv: false,
    reject: false,
    timeout: 10_000,
    stdin: 'ignore',
  });
  return exitCode === 0 && /^GPU \d/m.test(stdout);
}
