import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Work } from '../progress.ts';
import { createRun, runConfig, writeRun } from './run-folder.ts';
import type { SourceChoice } from './source.ts';
import type { PublishIntent, RunRequest } from './types.ts';

export interface NewRun {
  runsDir: string;
  /** PT_HOME, for a hint that names a run. */
  home: string;
  /** Name of the folder; null: made of the time. */
  name: string | null;
  choice: SourceChoice;
  request: Omit<RunRequest, 'source'>;
  /** Every setting with its origin, secrets masked, for `settings.json`. */
  settings: unknown;
  intent: PublishIntent | null;
  /** Downloads and verifies a model of the network into `dir`; `run`: run.json as it will be. */
  fetchRemote: (which: 'best' | number, dir: string, run: Record<string, unknown>) => Work<unknown>;
}

/** Makes the folder of a new run, with the model to start from in it, and gives its path. A failed start leaves no folder. */
export async function* openRun({
  runsDir,
  home,
  name,
  choice,
  request,
  settings,
  intent,
  fetchRemote,
}: NewRun): Work<string> {
  const runDir = await createRun(runsDir, name, home);
  try {
    if ('local' in choice) {
      await writeRun(runDir, { ...request, source: choice.local }, settings, intent);
    } else {
      const path = join(runDir, 'source');
      const whole: RunRequest = { ...request, source: { kind: 'model_dir', path, config: null } };
      yield* fetchRemote(choice.remote, path, runConfig(runDir, whole, false));
      await writeRun(runDir, whole, settings, intent, choice.remote);
    }
  } catch (error) {
    await rm(runDir, { recursive: true, force: true });
    throw error;
  }
  return runDir;
}
