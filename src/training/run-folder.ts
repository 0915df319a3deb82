import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { diskError, systemCode } from '../host/disk-error.ts';
import { isLocked, type Lock, lockHolder, tryLock } from '../host/lock.ts';
import { keepPrivate } from '../host/own-folder.ts';
import { processIdentity } from '../host/process.ts';
import { readJson } from '../host/read-json.ts';
import { writeJson } from '../host/write-file.ts';
import { shellWord } from '../text/shell-word.ts';
import { knobConfig } from './knobs.ts';
import { isDriven, readState } from './run-state.ts';
import type { BestModel, ModelSource, PublishIntent, RunRequest, RunState } from './types.ts';

/** `20261123-101500-3f9a`: sorts by time, readable, no collision between two runs of one second. */
export function newRunId(now = new Date()): string {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${randomBytes(2).toString('hex')}`;
}

/** Where a run's weights come from. */
export const readSource = async (runDir: string): Promise<ModelSource> =>
  (await readRunConfig(runDir)).source as ModelSource;

export async function readObject(path: string): Promise<Record<string, unknown> | null> {
  const value = await readJson(path);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}

/** `run.json` as docs/run-folder.md describes it. */
export function runConfig(runDir: string, request: RunRequest, resume: boolean): Record<string, unknown> {
  return {
    version: 1,
    run_dir: runDir,
    source: request.source,
    recipe: request.recipe,
    recipe_file: request.recipeFile,
    competition: request.competition,
    data: request.data,
    ...knobConfig(request.options),
    decay_from: { run: null, step: null },
    duel: request.duel,
    save_dtype: 'fp32',
    files_of: request.keepsFiles && request.source.kind === 'model_dir' ? request.source.path : null,
    resume,
    from_start: false,
    offline: request.offline,
    hub_endpoint: request.hubEndpoint,
    report_to: request.reportTo,
    wandb: request.wandb,
  };
}

export function initialState(id: string, intent: PublishIntent | null): RunState {
  return {
    id,
    started_at: new Date().toISOString(),
    ended_at: null,
    state: 'running',
    ...holder(),
    error: null,
    intent,
    published: null,
  };
}

/** This process, as `state.json` names who drives a run. */
export const holder = (): Pick<RunState, 'pid' | 'pid_identity'> => ({
  pid: process.pid,
  pid_identity: processIdentity(process.pid),
});

/** A run as `--resume` takes it: by its name where `pt` looks for runs unasked (under `home`), else by its folder. */
export function runCalled(runDir: string, home: string | null): string {
  const known = home !== null && dirname(runDir) === join(home, 'runs');
  return known ? basename(runDir) : runDir;
}

/** The same as a word of a command line. */
export const runWord = (runDir: string, home: string | null): string => shellWord(runCalled(runDir, home));

/** The command that goes on with a run. */
export const resumeCommand = (runDir: string, home: string | null): string =>
  `pt train --resume ${runWord(runDir, home)}`;

/**
 * Makes the folder of a new run under `runsDir` and gives its path. `run.json` comes with `writeRun`.
 *
 * @throws UserError `run.exists` when `name` is taken: of several machines that ask for one name, exactly one gets it.
 */
export async function createRun(
  runsDir: string,
  name: string | null = null,
  home: string | null = null,
): Promise<string> {
  const dir = join(runsDir, name ?? newRunId());
  try {
    await mkdir(runsDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw diskError(error, dir);
  }
  try {
    await mkdir(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(error, dir);
    throw new UserError('run.exists', `There is a run ${basename(dir)} already, in ${runsDir}.`, {
      nextSteps: [resumeCommand(dir, home), 'Give another --run NAME.'],
    });
  }
  return dir;
}

/** Writes `run.json`, `settings.json` and `state.json`: from here on the run can be listed and resumed. */
export async function writeRun(
  runDir: string,
  request: RunRequest,
  settings: unknown,
  intent: PublishIntent | null,
  startedFrom: RunState['started_from'] = null,
): Promise<void> {
  await writeJson(join(runDir, 'settings.json'), settings);
  await writeJson(join(runDir, 'run.json'), runConfig(runDir, request, false));
  await writeJson(join(runDir, 'state.json'), {
    ...initialState(basename(runDir), intent),
    started_from: startedFrom,
  });
}

/** Changes `state.json`; what is published is also added to the run's history. */
export async function updateState(runDir: string, change: Partial<RunState>): Promise<void> {
  const state = (await readState(runDir)) ?? initialState(basename(runDir), null);
  const history = change.published ? { publications: withPublication(state, change.published) } : {};
  await writeJson(join(runDir, 'state.json'), { ...state, ...change, ...history });
}

/** The history with one more, unless it is the last one again: a publish that was done already says the same. */
function withPublication({ publications = [] }: RunState, published: object): RunState['publications'] {
  const next = { at: new Date().toISOString(), ...published };
  const last = publications.at(-1);
  const same =
    last !== undefined && ['repo', 'commit', 'block'].every((key) => last[key] === next[key as 'at']);
  return same ? publications : [...publications, next];
}

/** Folders of runs, newest first. */
export async function runFolders(runsDir: string): Promise<string[]> {
  const names = await readdir(runsDir).catch(() => []);
  const dirs = names.map((name) => join(runsDir, name)).filter((dir) => existsSync(join(dir, 'run.json')));
  // By time, because a name given by --run says nothing; by name where two began at once.
  const began = await Promise.all(
    dirs.map(async (dir) => `${(await readState(dir))?.started_at ?? ''} ${dir}`),
  );
  return began
    .sort()
    .reverse()
    .map((key) => key.slice(key.indexOf(' ') + 1));
}

export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

/** Steps of the checkpoints that lie there, whole or not, oldest first. */
export async function checkpointSteps(runDir: string): Promise<number[]> {
  const names = await readdir(join(runDir, 'checkpoints')).catch(() => []);
  const steps = names.flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? []);
  return steps.map(Number).sort((a, b) => a - b);
}

export async function hasCheckpoint(runDir: string): Promise<boolean> {
  return (await checkpointSteps(runDir)).length > 0;
}

/** The best model of a run, as the trainer decided when it put it into `best/`; null: there is none. */
export async function readBest(runDir: string): Promise<BestModel | null> {
  const best = await readObject(join(runDir, 'best.json'));
  if (typeof best?.eval_loss !== 'number' || !isCount(best.step)) return null;
  return {
    step: best.step,
    tokens: isCount(best.tokens) ? best.tokens : null,
    loss: best.eval_loss,
  };
}

/**
 * The run that `--resume [RUN]` means: a folder, an id, a unique beginning of an id, or the newest when nothing is named.
 * A run that another live `pt` drives is refused.
 */
export async function findRun(runsDir: string, name: string | null): Promise<string> {
  const dir = await locateRun(runsDir, name, '--resume');
  const state = await readState(dir);
  if (state !== null && state.pid !== process.pid && isDriven(state)) throw busy(dir, state.pid);
  if (isLocked(lockFile(dir))) throw busy(dir, lockHolder(lockFile(dir)));
  return dir;
}

/** The newest run, as a word. */
export const LATEST = 'latest';

/** Held while a `pt` trains the run. */
export const lockFile = (runDir: string): string => join(runDir, 'train.lock');

function busy(dir: string, pid: number | null): UserError {
  const who = pid === null ? '' : ` (process ${pid}, of this machine or another that has the folder)`;
  return new UserError('run.busy', `Run ${basename(dir)} is being trained by another pt${who}.`, {
    nextSteps: ['Wait for it, or stop it with Ctrl-C there.', 'pt runs'],
  });
}

/**
 * Keeps a run to one `pt`, on whichever machine of a shared disk; null where the file system cannot lock. `findRun` reads what `state.json`
 * says; of two that read it at once, one gets the run here.
 *
 * @throws UserError `run.busy`
 */
export function holdRun(runDir: string): Lock | null {
  keepPrivate(runDir);
  const path = lockFile(runDir);
  let lock: Lock | null;
  try {
    lock = tryLock(path);
  } catch (error) {
    if (systemCode(error) === 'ENOLCK') return null;
    throw diskError(error, path);
  }
  if (lock === null) throw busy(runDir, lockHolder(path));
  return lock;
}

/**
 * The folder of a run, busy or not, by the same names, `latest` for the newest; `asked` is the flag or argument that an error speaks of.
 */
export async function locateRun(runsDir: string, name: string | null, asked: string): Promise<string> {
  const folders = await runFolders(runsDir);
  if (name === null || name === LATEST) {
    const newest = folders[0];
    if (newest !== undefined) return newest;
    throw new UserError('run.none', `There is no run in ${runsDir} yet.`, {
      nextSteps: asked === '--resume' ? ['pt train   # a new run, without --resume'] : ['pt train --offline'],
    });
  }
  if (existsSync(join(name, 'run.json'))) return resolve(name);
  const whole = folders.find((folder) => basename(folder) === name);
  const matches = whole ? [whole] : folders.filter((folder) => basename(folder).startsWith(name));
  if (matches.length === 1) return matches[0]!;
  const known = folders.slice(0, 5).map((folder) => basename(folder));
  const alike = matches.map((match) => `\n  ${basename(match)}`).join('');
  throw new UserError(
    'run.unknown',
    matches.length === 0
      ? `${asked}: there is no run "${name}" in ${runsDir}${known.length > 0 ? `; the newest are ${known.join(', ')}` : ''}.`
      : `${asked}: "${name}" fits ${matches.length} runs; name more of one:${alike}`,
    { nextSteps: ['pt runs'] },
  );
}

/** The run that a model folder belongs to; null: to none. */
export function runOf(modelDir: string): string | null {
  const run = dirname(resolve(modelDir));
  return existsSync(join(run, 'run.json')) && existsSync(join(run, 'state.json')) ? run : null;
}

/** Reads back a run's `run.json`, for `--resume`; a broken one is the user's to know. */
export async function readRunConfig(runDir: string): Promise<Record<string, unknown>> {
  const config = await readObject(join(runDir, 'run.json'));
  if (config === null || config.version !== 1) {
    throw new UserError('run.broken', `${join(runDir, 'run.json')} is missing or not readable.`, {
      nextSteps: ['pt runs', 'pt train   # a new run, without --resume'],
    });
  }
  return config;
}
