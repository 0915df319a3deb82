import { join } from 'node:path';
import type { Constants } from '../constants.ts';
import { UserError } from '../errors.ts';
import { readJson } from '../host/read-json.ts';
import { note, type Work, warning } from '../progress.ts';
import {
  type Competition,
  chooseCompetition,
  locksFiles,
  meantCompetition,
  newestPeriod,
} from '../rules/index.ts';
import type { Profile, Schedule } from '../rules/types.ts';
import type { TrainingOptions } from './knobs.ts';
import { refuseLoneAdapters } from './lone-flags.ts';
import { type Machine, refuseHugeBatch } from './machine.ts';
import { openRun } from './open-run.ts';
import { chooseRecipe, hasGpu } from './recipe.ts';
import { dataSources } from './request.ts';
import { chooseSource, configBeside, ignoredSources, type SourceChoice, type SourceFlags } from './source.ts';
import { standardRecipe } from './standard-recipe.ts';
import type { DataSource, DuelRequest, PublishIntent } from './types.ts';

export interface NewRunInput {
  runsDir: string;
  /** PT_HOME, for a hint that names a run. */
  home: string;
  /** Name of the run's folder; null: made of the time. */
  name: string | null;
  cwd: string;
  constants: Constants;
  /** The rules in force where the run is meant for. */
  schedule: Schedule;
  profile: Profile;
  /** Competition by id or name; null: the only one, or none when several are open. */
  competition: string | null;
  start: SourceFlags;
  recipe: string | null;
  /** Data named by flags; empty: the recipe's own, which is the built-in text for small recipes. */
  data: string[];
  /** `--against`, `--duel-data`, `--duel-sequences`. */
  duel: DuelRequest;
  options: TrainingOptions;
  machine: Machine;
  offline: boolean;
  hubEndpoint: string | null;
  reportTo: string[];
  wandb: { entity: string | null; project: string | null };
  settings: unknown;
  intent: PublishIntent | null;
  fetchRemote: (which: 'best' | number, dir: string, run: Record<string, unknown>) => Work<unknown>;
}

/** Decides competition, recipe, data and starting weights, and makes the run's folder; gives its path. */
export async function* newRun(input: NewRunInput): Work<string> {
  const { constants, options } = input;
  const { choice } = chooseSource(input.start);
  const ignored = ignoredSources(input.start);
  if (ignored !== null) yield warning(ignored);
  const config = configBeside(input.start, choice);
  if (config !== null)
    yield note(
      `The model's shape is that of ${config}, beside its weights; --load-model-config names another.`,
    );
  const competition = openCompetition(input);
  const { recipe, file, reason } = chooseRecipe(input.recipe, constants.recipes, competition, {
    profile: input.profile,
    hasGpu: await hasGpu(options.device),
    offline: input.offline,
  });
  refuseHugeBatch(
    { ...options, sequenceLength: options.sequenceLength ?? recipe.sequence_length },
    architectureOf(recipe),
    input.machine,
  );
  await refuseLongSequence(options.sequenceLength, recipe, choice);
  if (reason !== null) yield warning(reason);
  const given = 'remote' in choice || choice.local.kind !== 'recipe';
  refuseLoneAdapters(options, { recipe, file, given });
  // A recipe for something else than the competition (tiny, on a CPU) brings its own tokenizer and length.
  const fits =
    competition !== null &&
    (recipe.name === standardRecipe(competition, constants.recipes, input.profile) || given);
  const gentle = given && input.recipe === null && options.optimizer === null;
  if (gentle) yield note('A trained model is fine-tuned with AdamW; --optimizer muon takes another.');
  const names = input.data.length > 0 ? input.data : defaultData(recipe.data, input.offline);
  const data = dataSources(names, input.cwd);
  return yield* openRun({
    runsDir: input.runsDir,
    home: input.home,
    name: input.name,
    choice,
    request: {
      recipe,
      recipeFile: file,
      competition: fits ? competition : null,
      data,
      duel: duelOn(input, data),
      keepsFiles: locksFiles(input.profile),
      options: gentle ? { ...options, optimizer: 'adamw' } : options,
      offline: input.offline,
      hubEndpoint: input.offline ? null : input.hubEndpoint,
      reportTo: input.reportTo,
      wandb: input.wandb,
    },
    settings: input.settings,
    intent: input.intent,
    fetchRemote: input.fetchRemote,
  });
}

/** Where the competition names no text that can be had, a duel is fought on what the training holds out. */
function duelOn({ duel, profile, offline, cwd }: NewRunInput, data: DataSource[]): DuelRequest {
  const names = ({ name }: DataSource) => name;
  if (duel.against === null) return duel;
  if (duel.data.length > 0) return { ...duel, data: dataSources(duel.data, cwd, 'duel-data').map(names) };
  return profile.pretraining !== null && !offline ? duel : { ...duel, data: data.map(names) };
}

/**
 * What the trainer would refuse once the model is built (a model of the network is not here yet).
 *
 * @throws UserError `usage.sequence_length`
 */
async function refuseLongSequence(
  asked: number | null,
  recipe: Record<string, unknown>,
  choice: SourceChoice,
): Promise<void> {
  if (asked === null || 'remote' in choice) return;
  const { kind, path, config } = choice.local;
  const file = kind === 'model_dir' ? join(path, 'config.json') : config;
  const shape = kind === 'recipe' ? recipe.architecture : file === null ? null : await readJson(file);
  const limit = (shape as { max_position_embeddings?: unknown } | null | undefined)?.max_position_embeddings;
  if (typeof limit !== 'number' || asked <= limit) return;
  throw new UserError(
    'usage.sequence_length',
    `--sl ${asked}: the model${kind === 'recipe' ? ` of recipe ${recipe.name}` : ''} has ${limit} positions.`,
    { nextSteps: [`pt train --sl ${limit}`] },
  );
}

/** The competition to train for: the one named, or the only one; null when several are open and none is named. */
function openCompetition({ schedule, profile, competition }: NewRunInput): Competition | null {
  const { competitions } = newestPeriod(schedule, profile);
  const { how } = meantCompetition(competitions, { id: competition });
  return how === 'nearest' ? null : chooseCompetition(competitions, { id: competition });
}

const architectureOf = ({ architecture }: Record<string, unknown>) =>
  typeof architecture === 'object' ? (architecture as Record<string, unknown> | null) : null;

function defaultData(recipeData: unknown, offline: boolean): string[] {
  if (offline || !Array.isArray(recipeData)) return ['builtin'];
  return recipeData.map((entry) =>
    typeof entry === 'string' ? entry : `${entry.name}:${entry.weight ?? 1}`,
  );
}
