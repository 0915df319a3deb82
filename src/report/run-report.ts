import { join } from 'node:path';
import type { CheckVerdict } from '../check/types.ts';
import { followLines, type LineFollower } from '../host/follow-lines.ts';
import { readJson } from '../host/read-json.ts';
import { type BestModel, type RunState, readBest, readSettings, summariseRun } from '../training/index.ts';
import { type Collected, type Collector, createCollector } from './collect.ts';
import { type KeptForecast, readForecast } from './forecast-file.ts';

export type Json = Record<string, unknown>;

/** Everything a run's page shows. Only `collected` is our own; the rest was read from files and is shown as text. */
export interface RunReport {
  id: string;
  dir: string;
  status: RunState['state'];
  state: Partial<RunState>;
  /** `run.json`. */
  config: Json;
  /** `settings.json`: each setting with its origin, secrets masked. */
  settings: { key: string; value: unknown; origin: string; summary: string }[];
  collected: Collected;
  /** As `best.json` says; null: there is none yet. */
  best: BestModel | null;
  /** What validators would say of the best model; null: not looked at, or there is none. */
  check: CheckVerdict | null;
  forecast: KeptForecast | null;
  madeAt: Date;
}

/** Reads a run's files again and again; the logs from where they were left. */
export interface RunReader {
  read(): Promise<RunReport>;
}

/** Opens a run's folder for reading, finished or not; files that are missing or broken only leave their part of the page empty. */
export function openRunReader(dir: string, check: CheckVerdict | null = null): RunReader {
  const collector: Collector = createCollector();
  const metrics: LineFollower = followLines(join(dir, 'metrics.jsonl'));
  const events: LineFollower = followLines(join(dir, 'events.jsonl'));
  return {
    async read() {
      await metrics.read(
        (line) => collector.metric(line),
        () => collector.restartMetrics(),
      );
      // Written to by appending only; were it ever replaced, its curves would say so by going back.
      await events.read(
        (line) => collector.event(line),
        () => {},
      );
      const [summary, best, state, config, settings, forecast] = await Promise.all([
        summariseRun(dir),
        readBest(dir),
        readObject(join(dir, 'state.json')),
        readObject(join(dir, 'run.json')),
        readSettings(dir),
        readForecast(dir),
      ]);
      return {
        id: summary.id,
        dir,
        status: summary.state,
        state,
        config,
        settings,
        collected: collector.data,
        best,
        check,
        forecast,
        madeAt: new Date(),
      };
    },
  };
}

/** An object of a file, or an empty one. */
export function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

const readObject = async (path: string): Promise<Json> => asObject(await readJson(path));
