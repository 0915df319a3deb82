import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../errors.ts';
import { readJson } from '../host/read-json.ts';
import { checkpointSteps } from './run-folder.ts';

/** How a checkpoint was asked for, for what an error says. */
export interface Asked {
  /** Flag or argument. */
  asked: string;
  /** The run as a word of a command line. */
  id: string;
  /** The command with another of the run's steps; null: without one. */
  command: (step: number | null) => string;
}

/**
 * Steps of a run's checkpoints from `first` to `last`, oldest first, at least one.
 *
 * @throws UserError `run.no_checkpoint`
 */
export async function checkpointsOf(
  runDir: string,
  { asked, id, command }: Asked,
  first = 0,
  last = Number.POSITIVE_INFINITY,
): Promise<number[]> {
  const steps = await checkpointSteps(runDir);
  const found = steps.filter((step) => first <= step && step <= last);
  if (found.length > 0) return found;
  const has = steps.length === 0 ? 'it has none' : `it has ${steps.join(', ')}`;
  const wanted =
    first === 0 && last === Number.POSITIVE_INFINITY
      ? ''
      : first === last
        ? ` of step ${first}`
        : ` of steps ${first}..${Number.isFinite(last) ? last : ''}`;
  throw new UserError(
    'run.no_checkpoint',
    `${asked}: run ${basename(runDir)} has no checkpoint${wanted}; ${has}.`,
    {
      nextSteps:
        steps.length === 0 ? [`pt train --resume ${id} --from-start`] : steps.map((step) => command(step)),
    },
  );
}

/**
 * The checkpoint under another path, linked, so that it stays while the run, which may be training, drops it.
 *
 * @throws UserError `run.no_checkpoint` where that happened in this very moment
 */
export async function linkCheckpoint(
  runDir: string,
  step: number,
  target: string,
  { asked, command }: Asked,
): Promise<void> {
  const source = join(runDir, 'checkpoints', `step-${step}`);
  try {
    await mkdir(target, { recursive: true });
    for (const file of await readdir(source)) {
      const pair = [join(source, file), join(target, file)] as const;
      // Another file system, or one without links.
      await link(...pair).catch(() => copyFile(...pair));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const files = await readJson(join(target, 'files.json'));
  const whole =
    typeof files === 'object' &&
    files !== null &&
    Object.keys(files).every((file) => existsSync(join(target, file)));
  if (whole) return;
  throw new UserError(
    'run.no_checkpoint',
    `${asked}: checkpoint step-${step} of run ${basename(runDir)} is not whole, or was replaced while it was copied.`,
    { nextSteps: [command(null)] },
  );
}
