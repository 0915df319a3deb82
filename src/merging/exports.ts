/** Checkpoints of runs, made model folders before anything is mixed. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runPython } from '../check/index.ts';
import { UserError } from '../errors.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import { linkCheckpoint, resumeCommand, runOf } from '../training/index.ts';
import type { NamedModel } from './types.ts';

/** The run that a model is of; null: of none. A start is nobody's. */
export const runOfModel = ({ dir, checkpoint }: NamedModel): string | null =>
  checkpoint?.runDir ?? runOf(dir!);

/**
 * The folder whose files a checkpoint of the run gets.
 *
 * @throws UserError `run.no_best`
 */
function bestOfRun(runDir: string): string {
  const best = join(runDir, 'best');
  if (existsSync(join(best, 'config.json'))) return best;
  throw new UserError(
    'run.no_best',
    `Run ${basename(runDir)} has no best/ yet, whose files its checkpoints would get.`,
    {
      nextSteps: [`${resumeCommand(runDir, null)}   # to its next evaluation`],
    },
  );
}

/** The folder whose files a model has, or would get. Throws as `bestOfRun`. */
export const filesOf = ({ dir, checkpoint }: NamedModel): string => dir ?? bestOfRun(checkpoint!.runDir);

/** Folders of all models, in their order: a checkpoint's is made in `workshop`. The run may be training meanwhile. */
export async function* exportCheckpoints(
  models: NamedModel[],
  workshop: string,
  place: Place,
  signal: AbortSignal,
): Work<string[]> {
  const folders: string[] = [];
  const wanted: Record<'checkpoint' | 'best' | 'run' | 'out', string>[] = [];
  for (const [i, { dir, checkpoint }] of models.entries()) {
    folders.push(dir ?? join(workshop, `model-${i}`));
    if (checkpoint === null) continue;
    const { runDir, step, asked } = checkpoint;
    const linked = join(workshop, `linked-${i}`, `step-${step}`);
    await linkCheckpoint(runDir, step, linked, asked);
    wanted.push({
      ...{ checkpoint: linked, best: bestOfRun(runDir) },
      ...{ run: join(runDir, 'run.json'), out: folders[i]! },
    });
  }
  if (wanted.length > 0)
    yield* runPython('merge.py', { checkpoints: wanted, folders: [], mixtures: [] }, place, signal);
  return folders;
}
