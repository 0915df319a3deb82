import { classOf, countShapes, expectedShapes } from '../model/index.ts';
import type { Recipe } from '../protocol.ts';
import { whyNoLoss } from '../rules/index.ts';
import type { Competition, Profile } from '../rules/types.ts';

/**
 * The recipe that a competition is trained with: the one its schedule names, else the largest of its tokenizer and length whose class and
 * parameter count it allows, and that validators of `profile` can score. Null: none was made for it.
 */
export function standardRecipe(
  competition: Competition,
  recipes: Record<string, Recipe>,
  profile: Profile,
): string | null {
  const named = competition.default_recipe;
  if (named !== undefined && whyNoLoss(classOfRecipe(recipes[named]), profile) === null) return named;
  const fitting = Object.entries(recipes)
    .map(([name, recipe]) => ({ name, recipe, parameters: parametersOf(recipe, competition) }))
    .filter(({ recipe, parameters }) => parameters !== null && isMeantFor(recipe, competition))
    .filter(({ recipe }) => whyNoLoss(classOfRecipe(recipe), profile) === null)
    .sort((a, b) => b.parameters! - a.parameters!);
  return fitting[0]?.name ?? null;
}

/** The class that a recipe trains; null for one not known here. */
export const classOfRecipe = (recipe: Recipe | undefined): string | null =>
  classOf((recipe?.architecture as Record<string, unknown> | undefined)?.model_type);

const isMeantFor = (recipe: Recipe, { tokenizer, sequence_length: length }: Competition): boolean =>
  recipe.tokenizer === tokenizer && recipe.sequence_length === length;

/** Null: the competition does not allow them, or they cannot be told. */
function parametersOf({ architecture }: Recipe, competition: Competition): number | null {
  const config = architecture as Record<string, unknown> | undefined;
  const name = classOf(config?.model_type);
  const { allowed_architectures: allowed, min_model_parameters, max_model_parameters } = competition;
  const shapes = config && (allowed === null || allowed.includes(name ?? '')) && expectedShapes(name, config);
  if (!shapes) return null;
  const count = countShapes(shapes);
  return count >= min_model_parameters && count <= max_model_parameters ? count : null;
}
