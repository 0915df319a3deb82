import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { writeJson } from '../host/write-file.ts';
import type { Work } from '../progress.ts';
import { shellWord } from '../text/shell-word.ts';
import {
  createRun,
  findRun,
  hasCheckpoint,
  holder,
  locateRun,
  readRunConfig,
  readState,
  summariseRun,
  updateState,
  writeRun,
} from './run-folder.ts';
import type { SourceChoice } from './source.ts';
import type { PublishIntent, RunRequest, TrainingOptions } from './types.ts';

export interface NewRun {
  runsDir: string;
  /** Name of the folder; null: made of the time. */
  name: string | null;
  choice: SourceChoice;
  request: Omit<RunRequest, 'source'>;
  /** Every setting with its origin, secrets masked, for `settings.json`. */
  settings: unknown;
  intent: PublishIntent | null;
  /** Downloads and verifies a model of the network into `dir`. */
  fetchRemote: (which: 'best' | number, dir: string) => Work<unknown>;
}

/** Makes the folder of a new run, with the model to start from in it, and gives its path. A failed start leaves no folder. */
export async function* openRun({
  runsDir,
  name,
  choice,
  request,
  settings,
  intent,
  fetchRemote,
}: NewRun): Work<string> {
  const runDir = await createRun(runsDir, name);
  try {
    if ('local' in choice) {
      await writeRun(runDir, { ...request, source: choice.local }, settings, intent);
    } else {
      const path = join(runDir, 'source');
      yield* fetchRemote(choice.remote, path);
      await writeRun(
        runDir,
        { ...request, source: { kind: 'model_dir', path, config: null } },
        settings,
        intent,
      );
    }
  } catch (error) {
    await rm(runDir, { recursive: true, force: true });
    throw error;
  }
  return runDir;
}

/** What `--resume` may change; everything else is part of what the checkpoint is. */
const CHANGEABLE = {
  epochs: 'epochs',
  skipBadRows: 'skip_bad_rows',
  maxSteps: 'max_steps',
  maxMinutes: 'max_minutes',
  device: 'device',
  attention: 'attention',
  compile: 'compile',
  evalEverySteps: 'eval_every_steps',
  checkpointEverySteps: 'checkpoint_every_steps',
} as const satisfies Partial<Record<keyof TrainingOptions, string>>;

const FIXED = {
  batchSize: '--bs',
  sequenceLength: '--sl',
  accumulationSteps: '--accumulation-steps',
  lr: '--lr',
  optimizer: '--optimizer',
  schedule: '--schedule',
  pagesPerEpoch: '--pages-per-epoch',
  textColumn: '--text-column',
} as const satisfies Partial<Record<keyof TrainingOptions, string>>;

/**
 * Prepares a run to go on: the newest, or the one named, with the bounds that were given anew.
 *
 * @throws UserError `run.*`, and `run.fixed` for a flag that would make it another run.
 */
export async function resumeRun(
  runsDir: string,
  name: string | null,
  given: Partial<TrainingOptions>,
  { several = false, fromStart = false } = {},
): Promise<{ runDir: string; intent: PublishIntent | null }> {
  // Of several machines each prepares the same; the process that holds the run may be a number of another machine's.
  const runDir = several ? await locateRun(runsDir, name, '--resume') : await findRun(runsDir, name);
  const config = await readRunConfig(runDir);
  const fixed = Object.entries(FIXED).filter(([option]) => given[option as keyof TrainingOptions] != null);
  if (fixed.length > 0) {
    throw new UserError(
      'run.fixed',
      `--resume cannot change ${fixed.map(([, flag]) => flag).join(', ')}: the run would not be the same.`,
      {
        nextSteps: [
          'pt train --resume   # without these flags',
          `pt train --load-model-dir ${shellWord(join(runDir, 'best'))}   # a new run from its best model`,
        ],
      },
    );
  }
  for (const [option, key] of Object.entries(CHANGEABLE)) {
    const value = given[option as keyof TrainingOptions];
    if (value != null) config[key] = value;
  }
  config.run_dir = runDir;
  config.resume = true;
  config.from_start = fromStart;
  if (!fromStart && !(await hasCheckpoint(runDir))) throw await noCheckpoint(runDir);
  await writeJson(join(runDir, 'run.json'), config);
  await updateState(runDir, { state: 'running', ...holder(), ended_at: null, error: null });
  const kept = (await readState(runDir))?.intent ?? null;
  const intent = kept && { ...kept, when: kept.when ?? null };
  return { runDir, intent };
}

/** Of a run that never wrote one; what is wrong with those that were written is the trainer's to see, under the same code. */
async function noCheckpoint(runDir: string): Promise<UserError> {
  const { id, steps } = await summariseRun(runDir);
  return new UserError(
    'run.no_checkpoint',
    `Run ${id} has no checkpoint; it had reached step ${steps}. To begin again must be asked for.`,
    { nextSteps: [`pt train --resume ${shellWord(id)} --from-start`] },
  );
}
