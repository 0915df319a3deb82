import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEvent, type TrainerEvent } from '../bridge/index.ts';
import { followLines } from '../host/follow-lines.ts';
import type { Work } from '../progress.ts';
import { formatOf, formatWhole } from '../text/format.ts';
import { isDriven, type RunSummary, readKing, readState, summariseRun, tellerOf } from '../training/index.ts';

const POLL_MS = 200;
/** Steps come up to ten times a second; a log has one of them so often, in the run's own time. */
const STEP_SECONDS = 10;

/** One line of a run's log. */
export interface Happening {
  /** Seconds since the epoch. */
  time: number;
  level: 'info' | 'warning' | 'error';
  text: string;
}

export interface FollowOptions {
  /** Go on until the run ends; else what there is so far. */
  follow: boolean;
  signal: AbortSignal;
}

/** Batches of a run's events as they come; the last one after the run has ended. */
async function* batches(runDir: string, { follow, signal }: FollowOptions): AsyncGenerator<TrainerEvent[]> {
  const follower = followLines(join(runDir, 'events.jsonl'));
  for (;;) {
    // Looked at before the file is read: what was written until then is in the batch.
    const ended = !follow || !isDriven(await readState(runDir));
    const batch: TrainerEvent[] = [];
    await follower.read(
      (line) => {
        const event = readEvent(line);
        if (event) batch.push(event);
      },
      () => {},
    );
    yield batch;
    if (ended || signal.aborted) return;
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/**
 * What happened in a run, oldest first, steps thinned out: at first all that there is, then, with `follow`, what comes, until the run ends.
 */
export async function* happenings(runDir: string, options: FollowOptions): AsyncGenerator<Happening[]> {
  let lastStep = Number.NEGATIVE_INFINITY;
  let heldBack: Happening | null = null;
  let tell = tellerOf(await readKing(runDir));
  for await (const batch of batches(runDir, options)) {
    const lines: Happening[] = [];
    for (const event of batch) {
      // Its king is known by then.
      if (event.type === 'start') tell = tellerOf(await readKing(runDir));
      const time = event.time ?? 0;
      const line = lineOf(event, time, tell);
      if (line === null) continue;
      if (event.type === 'step' && time - lastStep < STEP_SECONDS) {
        heldBack = line;
        continue;
      }
      // How far it was when something else happened.
      if (heldBack !== null && event.type !== 'step') lines.push(heldBack);
      heldBack = null;
      if (event.type === 'step') lastStep = time;
      lines.push(line);
    }
    yield lines;
  }
  if (heldBack !== null) yield [heldBack];
}

function lineOf(event: TrainerEvent, time: number, tell: ReturnType<typeof tellerOf>): Happening | null {
  if (event.type === 'checkpoint')
    return { time, level: 'info', text: `Step ${formatWhole(event.step ?? 0)}: checkpoint saved.` };
  if (event.type === 'error') return { time, level: 'error', text: event.message ?? '' };
  const progress = tell(event);
  if (progress === null) return null;
  if (progress.kind === 'note') return { time, level: progress.level, text: progress.message };
  if (event.type !== 'step') return { time, level: 'info', text: `${progress.phase} …` };
  const step = formatOf(progress.done, progress.total);
  return { time, level: 'info', text: `Step ${step}: ${progress.detail}` };
}

/** Watches a run that is being trained until it ends, from its newest start on; its end is the result. */
export async function* followRun(runDir: string, signal: AbortSignal): Work<RunSummary> {
  let caughtUp = false;
  let tell = tellerOf(await readKing(runDir));
  for await (const batch of batches(runDir, { follow: true, signal })) {
    const start = caughtUp ? 0 : Math.max(0, batch.map(({ type }) => type).lastIndexOf('start'));
    // Of what lies behind, what still holds: how the run began, and the newest of the rest.
    const news = caughtUp
      ? batch
      : batch.slice(start).filter(({ type }, at, all) => {
          const newest = all.findLastIndex((other) => other.type === type) === at;
          return newest || type === 'warning';
        });
    caughtUp = true;
    for (const event of news) {
      if (event.type === 'start') tell = tellerOf(await readKing(runDir));
      const progress = tell(event);
      if (progress !== null) yield progress;
    }
  }
  return summariseRun(runDir);
}
