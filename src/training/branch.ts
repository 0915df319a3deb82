import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../errors.ts';
import { readJson } from '../host/read-json.ts';
import { writeJson } from '../host/write-file.ts';
import { note, type Work } from '../progress.ts';
import { shellWord } from '../text/shell-word.ts';
import { agree, type Given } from './resume.ts';
import { checkpointSteps, createRun, initialState, locateRun, readRunConfig, runWord } from './run-folder.ts';
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
  const step = await checkpointOf(from, id, wanted === undefined ? null : Number(wanted));
  const state = await readState(from);
  const config = await readRunConfig(from);
  const { changed } = agree(
    { runDir: from, resumeWith: '', config, state, intent: null, settings: [] },
    input.given,
    { cannot: 'be branched off', command: `pt train --decay-from ${shellWord(input.from)} --tokens N` },
  );
  const runDir = await createRun(input.runsDir, input.name, input.home);
  try {
    await linkCheckpoint(from, runDir, step, id);
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

async function checkpointOf(runDir: string, id: string, wanted: number | null): Promise<number> {
  const steps = await checkpointSteps(runDir);
  const step = wanted === null ? steps.at(-1) : steps.find((each) => each === wanted);
  if (step !== undefined) return step;
  const has = steps.length === 0 ? 'it has none' : `it has ${steps.join(', ')}`;
  throw new UserError(
    'run.no_checkpoint',
    `--decay-from: run ${basename(runDir)} has no checkpoint${wanted === null ? '' : ` of step ${wanted}`}; ${has}.`,
    {
      nextSteps:
        steps.length === 0
          ? [`pt train --resume ${id} --from-start`]
          : steps.map((each) => `pt train --decay-from ${id}@${each} --tokens 100M`),
    },
  );
}

async function linkCheckpoint(from: string, to: string, step: number, id: string): Promise<void> {
  const [source, target] = [from, to].map((dir) => join(dir, 'checkpoints', `step-${step}`)) as [
    string,
    string,
  ];
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
  // A run that goes on drops its older checkpoints, maybe in this very moment.
  const files = await readJson(join(target, 'files.json'));
  const whole =
    typeof files === 'object' &&
    files !== null &&
    Object.keys(files).every((file) => existsSync(join(target, file)));
  if (whole) return;
  throw new UserError(
    'run.no_checkpoint',
    `--decay-from: checkpoint step-${step} of run ${basename(from)} is not whole, or was replaced while it was copied.`,
    { nextSteps: [`pt train --decay-from ${id} --tokens 100M`] },
  );
}
