import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../errors.ts';
import { writeJson } from '../host/write-file.ts';
import { competitionLabel, meantCompetition } from '../rules/index.ts';
import { MASK, mask } from '../secret.ts';
import { shellWord } from '../text/shell-word.ts';
import { KNOBS, type Knob, type KnobName, OTHER_FLAGS, type TrainingOptions } from './knobs.ts';
import { describeCondition } from './publish-condition.ts';
import { dataSources } from './request.ts';
import {
  findRun,
  hasCheckpoint,
  holder,
  locateRun,
  readRunConfig,
  resumeCommand,
  updateState,
} from './run-folder.ts';
import { competitionOf, intentOf, readSettings, readState } from './run-state.ts';
import type { SourceFlags } from './source.ts';
import { secondsTrained, summariseRun } from './summary.ts';
import type { DuelRequest, PublishIntent, RunState } from './types.ts';

type Json = Record<string, unknown>;

/** A run that is to go on, as its folder has it. */
export interface ResumedRun {
  runDir: string;
  /** The command that goes on with it. */
  resumeWith: string;
  /** `run.json`. */
  config: Json;
  state: RunState | null;
  /** What it was meant for when it was made or last changed. */
  intent: PublishIntent | null;
  /** `settings.json`. */
  settings: { key: string; value: unknown; origin: string }[];
}

/** What was given with `--resume`; what was not is absent, null or empty. */
export interface Given {
  options: Partial<TrainingOptions>;
  start: SourceFlags;
  recipe: string | null;
  data: string[];
  duel: DuelRequest;
  cwd: string;
  competition: string | null;
  offline: boolean | null;
  hubEndpoint: string | null;
  /** For a run that was offline so far. */
  defaultHubEndpoint: string | null;
  reportTo: string[] | null;
  wandb: { entity: string | null; project: string | null };
}

/**
 * The run that `--resume [RUN]` and `--run NAME` mean.
 *
 * @throws UserError `run.*`
 */
export async function openResumed(
  runsDir: string,
  {
    resume,
    run,
    several,
    home,
  }: { resume: string | null; run: string | null; several: boolean; home: string },
): Promise<ResumedRun> {
  // Of several machines each prepares the same; the process that holds the run may be a number of another machine's.
  const find = (name: string | null) =>
    several ? locateRun(runsDir, name, '--resume') : findRun(runsDir, name);
  const runDir = await find(resume ?? run);
  if (run !== null && basename(runDir) !== run)
    throw new UserError('run.fixed', `--run ${run}: --resume means run ${basename(runDir)}.`, {
      nextSteps: [runDir, join(dirname(runDir), run)].map(
        (dir) => `${resumeCommand(dir, home)}   # without --run`,
      ),
    });
  const config = await readRunConfig(runDir);
  const state = await readState(runDir);
  const intent = intentOf(runDir, state);
  const resumeWith = resumeCommand(runDir, home);
  return { runDir, resumeWith, config, state, intent, settings: await readSettings(runDir) };
}

/**
 * Whether a resumed run opens connections: as it was made, unless this start says otherwise. `PT_OFFLINE=false` takes a run online that was made
 * offline; `--offline` is for this start alone.
 */
export function staysOffline({ config, settings }: ResumedRun, rows: ResumedRun['settings']): boolean {
  const offline = (from: ResumedRun['settings']) => from.find(({ key }) => key === 'offline');
  const now = offline(rows);
  if (now !== undefined && !isUnchosen(now.origin)) return now.value === true;
  const made = offline(settings);
  return made === undefined ? config.offline === true : made.value === true;
}

/** Of a setting that nobody chose. */
export const isUnchosen = (origin: string): boolean => /^(default|constants|sandbox|not set)$/.test(origin);

const isIn = (flags: readonly string[], key: string): boolean => flags.includes(key);

/**
 * Those that somebody chose for the run, as flags that were not given this time. Where its Hub is counts among them as long as nothing now
 * (`rows`: the settings without them) says otherwise: else it would be published on another Hub.
 *
 * @throws UserError `run.key` when the run was made with an endpoint whose key it did not keep, and nothing now gives that endpoint.
 */
export function keptFlags(
  { settings, config, runDir }: ResumedRun,
  flags: Record<string, unknown>,
  rows: ResumedRun['settings'] = [],
): Record<string, string> {
  const now = (key: string) => rows.find((row) => row.key === key);
  const stays = (key: string) =>
    isIn(OTHER_FLAGS.hub, key) ? now(key)?.origin === 'constants' : isIn(OTHER_FLAGS.kept, key);
  const kept = settings.filter(
    ({ key, value, origin }) =>
      stays(key) && value !== null && flags[key] === undefined && !isUnchosen(origin),
  );
  return Object.fromEntries(
    kept.flatMap(({ key, value }) => {
      const shown = String(value);
      if (!shown.includes(MASK)) return [[key, shown]];
      // Keys in addresses are not kept. The same endpoint may be given now; run.json has what the trainer needs of the Hub's.
      if (now(key)?.value === value) return [];
      const own = config.hub_endpoint;
      if (key === 'hub-endpoint' && typeof own === 'string' && mask(own) === shown) return [[key, own]];
      throw new UserError(
        'run.key',
        `Run ${basename(runDir)} was made with --${key} ${shown}; its key was not kept.`,
        { nextSteps: [`Give --${key} again, with its key.`] },
      );
    }),
  );
}

/** One thing that was given, beside what the run has. */
interface Fact {
  flag: string;
  is: unknown;
  wanted: unknown;
  fixed: boolean;
  set: (config: Json) => void;
}

/**
 * A run's `run.json` with what was given: what agrees is taken, what may change is changed. Gives the changes in words, and `write`, which puts
 * it there and marks the run as running again.
 *
 * @throws UserError `run.fixed` with every flag that would make it another run, `run.no_checkpoint`; then nothing was changed.
 */
export async function goOn(
  run: ResumedRun,
  given: Given,
  { fromStart, rows }: { fromStart: boolean; rows: { key: string }[] },
): Promise<{ write: () => Promise<void>; changes: string[]; config: Json }> {
  const { runDir } = run;
  const { differing, changed } = agree(run, given, { cannot: 'go on', command: run.resumeWith });
  if (!fromStart && !(await hasCheckpoint(runDir))) throw await noCheckpoint(run);
  const config = { ...changed, run_dir: runDir, resume: true, from_start: fromStart };
  return {
    config,
    changes: differing.map(({ flag, is, wanted }) => `--${flag} ${show(wanted)} instead of ${show(is)}`),
    async write() {
      await writeJson(join(runDir, 'run.json'), config);
      // Whether it was made offline stays to be seen: --offline on resume is about that start alone.
      const made = run.settings.find(({ key }) => key === 'offline');
      await writeJson(
        join(runDir, 'settings.json'),
        rows.map((row) => (row.key === 'offline' && made) || row),
      );
      await updateState(runDir, {
        seconds_before: await secondsTrained(runDir, run.state),
        resumed_at: new Date().toISOString(),
        state: 'running',
        ...holder(),
        ended_at: null,
        error: null,
      });
    },
  };
}

/** What was given and differs, and the `run.json` with it. `command` works without what is refused. Throws `run.fixed` with every flag that would make it another run. */
export function agree(
  run: ResumedRun,
  given: Given,
  { cannot, command }: { cannot: string; command: string },
): { differing: Fact[]; changed: Json } {
  const { runDir } = run;
  const differing = factsOf(run, given).filter(({ is, wanted }) => !isDeepStrictEqual(is, wanted));
  const refused = differing.filter(({ fixed }) => fixed);
  if (refused.length > 0) {
    const list = refused.map(({ flag, is, wanted }) => `${typedAs(flag, wanted)} (it has ${show(is)})`);
    throw new UserError(
      'run.fixed',
      `Run ${basename(runDir)} cannot ${cannot} with ${list.join(', ')}: it would be another run.`,
      {
        nextSteps: [
          `${command}   # without ${refused.map(({ flag }) => `--${flag}`).join(', ')}`,
          `pt train --load-model-dir ${shellWord(join(runDir, 'best'))}   # a new run from its best model`,
        ],
      },
    );
  }
  const changed = structuredClone(run.config);
  for (const { set } of differing) set(changed);
  return { differing, changed };
}

function factsOf({ config, state }: ResumedRun, given: Given): Fact[] {
  const facts: Fact[] = [];
  const add = (flag: string, fixed: boolean, is: unknown, wanted: unknown, set: Fact['set'] = () => {}) =>
    facts.push({ flag, fixed, is, wanted, set });
  for (const [name, wanted] of Object.entries(given.options)) {
    const knob: Knob = KNOBS[name as KnobName];
    add(knob.flag, knob.resume === 'fixed', ownValue(config, knob), wanted, (to) => {
      to[knob.key] = wanted;
    });
  }
  const start = startFact(config, state, given.start);
  if (start !== null) add(start.flag, true, start.is, start.wanted);
  if (given.recipe !== null) {
    const recipe = asObject(config.recipe);
    const file = config.recipe_file;
    const agrees = isRecipe(config, given.recipe, given.cwd);
    add('recipe', true, agrees ? given.recipe : (file ?? recipe.name), given.recipe);
  }
  if (given.data.length > 0) add('data', true, config.data, dataSources(given.data, given.cwd));
  const own = asObject(config.duel);
  const { against, data, sequences } = given.duel;
  if (against !== null) add('against', true, own.against ?? null, against);
  if (data.length > 0)
    add(
      'duel-data',
      true,
      own.data ?? [],
      dataSources(data, given.cwd, 'duel-data').map(({ name }) => name),
    );
  if (sequences !== null) add('duel-sequences', true, own.sequences ?? null, sequences);
  if (given.competition !== null && config.competition !== null) {
    const own = competitionOf(config.competition);
    const agrees = meantCompetition([own], { id: given.competition }).how === 'named';
    add('competition', true, agrees ? given.competition : competitionLabel(own), given.competition);
  }
  if (given.offline !== null)
    add('offline', false, config.offline, given.offline, (to) => {
      to.offline = given.offline;
    });
  const endpoint = given.offline
    ? null
    : (given.hubEndpoint ??
      (given.offline === false ? (config.hub_endpoint ?? given.defaultHubEndpoint) : null));
  if (endpoint !== null)
    add('hub-endpoint', false, config.hub_endpoint, endpoint, (to) => {
      to.hub_endpoint = endpoint;
    });
  const trackers = Array.isArray(config.report_to) ? (config.report_to as string[]) : [];
  const { entity, project } = given.wandb;
  // As in a new run: a W&B project means W&B.
  const implied = project !== null && !trackers.includes('wandb') ? [...trackers, 'wandb'] : null;
  const wanted = given.reportTo ?? implied;
  if (wanted !== null)
    add('report-to', false, trackers, wanted, (to) => {
      to.report_to = wanted;
    });
  const wandb = asObject(config.wandb);
  for (const [name, value] of Object.entries({ entity, project }))
    if (value !== null)
      add(`wandb-${name}`, false, wandb[name], value, (to) => {
        to.wandb = { ...asObject(to.wandb), [name]: value };
      });
  return facts;
}

/** A null of run.json stands for what the recipe says, where that is plain: a recipe in Python may say something else. */
function ownValue(config: Json, { key, recipe }: Knob): unknown {
  if (config[key] !== null || recipe === undefined || config.recipe_file !== null) return config[key];
  return recipe.reduce<unknown>((value, name) => asObject(value)[name], config.recipe) ?? null;
}

/** The start that counts, as in a new run: best, uid, folder, file. */
function startFact(
  config: Json,
  state: RunState | null,
  start: SourceFlags,
): Pick<Fact, 'flag' | 'is' | 'wanted'> | null {
  const source = asObject(config.source);
  const remote = state?.started_from ?? null;
  const is = remote === null ? source : remote === 'best' ? 'the best of the network' : `uid ${remote}`;
  if (start.loadBest) return { flag: 'load-best', is: remote === 'best' || is, wanted: true };
  if (start.loadUid !== null)
    return { flag: 'load-uid', is: typeof remote === 'number' ? remote : is, wanted: start.loadUid };
  if (start.loadModelDir !== null) {
    const wanted = { kind: 'model_dir', path: resolve(start.loadModelDir), config: null };
    return { flag: 'load-model-dir', is, wanted };
  }
  if (start.loadModel === null)
    return start.loadModelConfig === null
      ? null
      : { flag: 'load-model-config', is: source.config, wanted: resolve(start.loadModelConfig) };
  const beside = start.loadModelConfig === null ? source.config : resolve(start.loadModelConfig);
  return {
    flag: 'load-model',
    is,
    wanted: { kind: 'model_file', path: resolve(start.loadModel), config: beside },
  };
}

/** Whether a run's recipe is the one named: by name, a .json file with the same content, or the same .py file. */
function isRecipe({ recipe, recipe_file: file }: Json, named: string, cwd: string): boolean {
  if (named.endsWith('.py')) return file === resolve(cwd, named);
  if (file !== null) return false;
  if (!named.endsWith('.json')) return asObject(recipe).name === named;
  try {
    const content: unknown = JSON.parse(readFileSync(resolve(cwd, named), 'utf8'));
    return isDeepStrictEqual(recipe, { name: 'own', ...asObject(content) });
  } catch {
    return false;
  }
}

/** Standing settings (environment, .env, config file) that are for new runs and that this run, which keeps its own, does not follow. */
export function unfollowed(run: ResumedRun, rows: ResumedRun['settings'], cwd: string): string[] {
  const { config, intent } = run;
  const wandb = asObject(config.wandb);
  const own: Record<string, unknown> = {
    'wandb-entity': wandb.entity,
    'wandb-project': wandb.project,
    ...(intent === null ? {} : { 'hf-repo-id': intent.repo, 'avg-loss-upload-threshold': intent.threshold }),
    ...Object.fromEntries(
      run.settings.filter(({ key }) => isIn(OTHER_FLAGS.kept, key)).map(({ key, value }) => [key, value]),
    ),
  };
  return rows.flatMap(({ key, value, origin }) => {
    if (value === null || isUnchosen(origin) || origin.startsWith('flag ')) return [];
    if (key === 'recipe') {
      if (isRecipe(config, String(value), cwd)) return [];
    } else if (!(key in own) || show(own[key]) === String(value)) return [];
    const kept = key === 'recipe' ? (config.recipe_file ?? asObject(config.recipe).name) : own[key];
    return [
      `${key} ${value} (${origin}) is for new runs; this one keeps ${show(kept)}. A flag changes what may change.`,
    ];
  });
}

/** Where and as whom a run now publishes, and what, in place of what it was meant for: every row of settings.json and of the intent that a flag changed. */
export function retargeted(
  run: ResumedRun,
  rows: ResumedRun['settings'],
  intent: PublishIntent | null,
): string[] {
  const said = (name: string, is: unknown, wanted: unknown) =>
    isDeepStrictEqual(is ?? null, wanted ?? null) ? [] : [`--${name} ${show(wanted)} instead of ${show(is)}`];
  const places = rows.flatMap(({ key, value, origin }) => {
    const made = run.settings.find((row) => row.key === key);
    const given = isIn(OTHER_FLAGS.kept, key) && made !== undefined && origin.startsWith('flag ');
    return given ? said(key, made.value, value) : [];
  });
  const before = run.intent;
  if (before === null || intent === null) return places;
  const when = ({ when: condition }: PublishIntent) =>
    condition === null ? null : describeCondition(condition);
  return [
    ...places,
    ...said('hf-repo-id', before.repo, intent.repo),
    ...said('avg-loss-upload-threshold', before.threshold, intent.threshold),
    ...said('publish-when', when(before), when(intent)),
    ...said('dtype', before.dtype, intent.dtype),
  ];
}

/** A flag as it would be typed. */
function typedAs(flag: string, value: unknown): string {
  if (value === true) return `--${flag}`;
  if (Array.isArray(value) && value.length > 0)
    return value.map((each) => `--${flag} ${show(each)}`).join(' ');
  return value === false ? `--no-${flag}` : `--${flag} ${show(value)}`;
}

function show(value: unknown): string {
  if (value === null || value === undefined) return 'none of its own';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(show).join(' ');
  if (typeof value !== 'object') return String(value);
  const { name, path, kind, weight } = value as Json;
  // run.json may hold any object, whose own toString is no function.
  const text = [path, name, kind].find((part) => typeof part === 'string') ?? JSON.stringify(value);
  return typeof weight === 'number' && weight !== 1 ? `${text}:${weight}` : text;
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** Of a run that never wrote one; what is wrong with those that were written is the trainer's to see, under the same code. */
async function noCheckpoint({ runDir, resumeWith }: ResumedRun): Promise<UserError> {
  const { id, steps } = await summariseRun(runDir);
  return new UserError(
    'run.no_checkpoint',
    `Run ${id} has no checkpoint; it had reached step ${steps}. To begin again must be asked for.`,
    { nextSteps: [`${resumeWith} --from-start`] },
  );
}
