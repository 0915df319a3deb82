/** A run in one line: what its files say of it, read from their ends. */
import { open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readStanding } from './duel-folder.ts';
import { isCount, readBest, readObject, runFolders } from './run-folder.ts';
import { isDriven, readLabels, readState } from './run-state.ts';
import type { RunState, RunSummary } from './types.ts';

/** What is said of a run whose `pt` is gone without having said why. */
const KILLED = {
  code: 'run.killed',
  message: 'The pt that trained it was killed, or the machine went down.',
};
const TAIL_BYTES = 16_384;

export async function listRuns(runsDir: string): Promise<RunSummary[]> {
  return Promise.all((await runFolders(runsDir)).map(summariseRun));
}

export async function summariseRun(dir: string): Promise<RunSummary> {
  const state = await readState(dir);
  const died = state?.state === 'running' && !isDriven(state);
  const [metrics, events, config, best] = await Promise.all([
    newestObjects(join(dir, 'metrics.jsonl')),
    newestObjects(join(dir, 'events.jsonl')),
    readObject(join(dir, 'run.json')),
    readBest(dir),
  ]);
  const status = state === null || died ? 'failed' : state.state;
  const loss = metrics.map((line) => line.loss).find((value) => typeof value === 'number');
  const end = events.find(({ type }) => type === 'step' || type === 'start')?.total_steps;
  return {
    id: basename(dir),
    dir,
    startedAt: state?.started_at ?? '',
    endedAt: status === 'running' ? null : await endOf(dir, state),
    state: status,
    recipe: recipeOf(config),
    seconds: await secondsTrained(dir, state),
    steps: metrics.map(({ step }) => step).find(isCount) ?? 0,
    totalSteps: isCount(end) ? end : null,
    loss: loss === undefined ? null : (loss as number),
    bestLoss: best?.loss ?? null,
    duel: await readStanding(dir),
    labels: await readLabels(dir),
    error: died ? KILLED : (state?.error ?? null),
    published: state?.published ?? null,
  };
}

/** Seconds that a `pt` trained the run: all its starts together, without the time between them. */
export async function secondsTrained(dir: string, state: RunState | null): Promise<number> {
  if (state === null) return 0;
  const end = isDriven(state) ? Date.now() : Date.parse((await endOf(dir, state)) ?? '');
  const last = end - Date.parse(state.resumed_at ?? state.started_at);
  return (state.seconds_before ?? 0) + (last > 0 ? last / 1000 : 0);
}

/** When a run ended, which one that was killed has not written down: its trainer beat until then. */
async function endOf(dir: string, state: RunState | null): Promise<string | null> {
  if (state?.ended_at) return state.ended_at;
  const beat = await stat(join(dir, 'events.jsonl')).catch(() => null);
  return beat === null ? null : beat.mtime.toISOString();
}

function recipeOf(config: Record<string, unknown> | null): string | null {
  if (typeof config?.recipe_file === 'string') return basename(config.recipe_file);
  const name = (config?.recipe as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' ? name : null;
}

/** The last whole lines of a file of JSON objects, newest first; reads the end of the file only. */
async function newestObjects(path: string): Promise<Record<string, unknown>[]> {
  const file = await open(path).catch(() => null);
  if (file === null) return [];
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer
      .toString('utf8')
      .split('\n')
      .reverse()
      .map(objectIn)
      .filter((line) => line !== null);
  } finally {
    await file.close();
  }
}

/** Null: a line cut by a kill, or by our window. */
function objectIn(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
