/** Runs one of python/'s scripts to its `result` event, with its phases and scores as progress. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EventOf, runScript, type TrainerEvent } from '../bridge/index.ts';
import type { Place } from '../place.ts';
import type { Progress, Work } from '../progress.ts';
import { formatLoss } from '../text/format.ts';

/** Starts `script` with `config` (plus `run_dir`) and returns its result. Failures are `OutsideError` (exit 7) with the script's own words. */
export async function* runPython(
  script: string,
  config: Record<string, unknown>,
  place: Pick<Place, 'python' | 'home' | 'childEnv'>,
  signal?: AbortSignal,
): Work<EventOf<'result'>> {
  // Each call has a folder of its own, with its config, events and log.
  const parent = join(place.home, 'scripts');
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const runDir = await mkdtemp(join(parent, `${script.replace(/\.py$/, '')}-`));
  const file = join(runDir, 'config.json');
  await writeFile(file, JSON.stringify({ ...config, run_dir: runDir }, null, 2));
  const python = await place.python();
  const events = runScript({ python, script, config: file, runDir, env: place.childEnv }, signal);
  for (;;) {
    const next = await events.next();
    if (next.done) {
      // Only what failed is worth keeping: its log says why.
      await rm(runDir, { recursive: true, force: true });
      return next.value;
    }
    const progress = asProgress(next.value);
    if (progress) yield progress;
  }
}

function asProgress(event: TrainerEvent): Progress | null {
  if (event.type === 'score')
    return {
      kind: 'progress',
      phase: `scoring ${event.model}`,
      done: event.batch ?? 0,
      ...(event.batches === undefined ? {} : { total: event.batches }),
      unit: 'sequences',
      detail: `loss ${event.loss == null ? 'not finite' : formatLoss(event.loss)}`,
    };
  if (event.type === 'phase')
    return {
      kind: 'progress',
      phase: [event.name, event.detail].filter(Boolean).join(': '),
      done: 0,
      unit: 'steps',
    };
  if (event.type === 'warning') return { kind: 'note', level: 'warning', message: event.message ?? '' };
  return null;
}
