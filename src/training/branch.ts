import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeJson } from '../host/write-file.ts';
import { note, type Work } from '../progress.ts';
import { shellWord } from '../text/shell-word.ts';
import { checkpointsOf, linkCheckpoint } from './checkpoint.ts';
import { agree, type Given } from './resume.ts';
import { createRun, initialState, locateRun, readRunConfig, runWord } from './run-folder.ts';
import { readState } from './run-state.ts';
import type { PublishIntent } from './types.ts';

export interface BranchInput {
  runsDir: string;
  /** PT_HOME, for a hint that names a run. */
  home: string;
  /** `RUN` or `RUN@STEP`; the newest checkpoint when no step is named. */
  from: string;
  /** Name of the new run's folder; null: made of the time. */
  name: string | null;
  /** What was given with it: what may change of a resumed run may change here. */
  given: Given;
  settings: unknown;
  intent: PublishIntent | null;
}

/** What a run has beside its checkpoints that a branch of it goes on with. */
const CARRIED = [
  ...['metrics.jsonl', 'data.json', 'batch.json', 'rates.json', 'recipe.py'],
  ...['duel/king.json', 'duel/sample.safetensors'],
];

/**
 * A new run that goes on from a checkpoint of another, which may be training meanwhile, while its rate falls to 0 over `--tokens`. The checkpoint is
 * linked, so it costs no room while both have it; for the trainer it is a run to be resumed.
 *
 * @throws UserError `run.*`
 */
export async function* branchRun(input: BranchInput): Work<string> {
  const [, name = '', wanted] = /^(.*?)(?:@(\d+))?$/.exec(input.from) ?? [];
  const from = await locateRun(input.runsDir, name, '--decay-from');
  const id = runWord(from, input.home);
  const again = { asked: '--decay-from', id, command: (at: number | null) => decayCommand(id, at) };
  const only = wanted === undefined ? null : Number(wanted);
  const step = (await checkpointsOf(from, again, only ?? 0, only ?? undefined)).at(-1)!;
  const state = await readState(from);
  const config = await readRunConfig(from);
  const { changed } = agree(
    { runDir: from, resumeWith: '', config, state, intent: null, settings: [] },
    input.given,
    { cannot: 'be branched off', command: `pt train --decay-from ${shellWord(input.from)} --tokens N` },
  );
  const runDir = await createRun(input.runsDir, input.name, input.home);
  try {
    await linkCheckpoint(from, step, join(runDir, 'checkpoints', `step-${step}`), again);
    for (const file of CARRIED)
      if (existsSync(join(from, file))) {
        await mkdir(dirname(join(runDir, file)), { recursive: true });
        await copyFile(join(from, file), join(runDir, file));
      }
    await writeJson(join(runDir, 'settings.json'), input.settings);
    await writeJson(join(runDir, 'run.json'), {
      ...changed,
      run_dir: runDir,
      resume: true,
      from_start: false,
      // What ends a branch is its own.
      epochs: -1,
      max_steps: null,
      max_minutes: null,
      decay_from: { run: from, step },
    });
    await writeJson(join(runDir, 'state.json'), {
      ...initialState(basename(runDir), input.intent),
      started_from: state?.started_from ?? null,
    });
  } catch (error) {
    await rm(runDir, { recursive: true, force: true });
    throw error;
  }
  yield note(`Branched off run ${basename(from)} at step ${step}: from there the rate falls to 0.`);
  return runDir;
}

const decayCommand = (id: string, step: number | null): string =>
  `pt train --decay-from ${step === null ? id : `${id}@${step}`} --tokens 100M`;
