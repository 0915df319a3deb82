import { join, sep } from 'node:path';
import type { CheckVerdict } from '../check/types.ts';
import { followLines, type LineFollower } from '../host/follow-lines.ts';
import { readJson } from '../host/read-json.ts';
import {
  type BestModel,
  type King,
  type RunDuel,
  type RunState,
  readBest,
  readKing,
  readSettings,
  summariseRun,
} from '../training/index.ts';
import { type Collected, type Collector, createCollector } from './collect.ts';
import { type KeptForecast, readForecast } from './forecast-file.ts';
import { type KeptMerge, readMerges } from './merge-file.ts';
import { type Rates, readRates } from './rates-file.ts';

export type Json = Record<string, unknown>;

/** Everything a run's page shows. Only `collected` is our own; the rest was read from files and is shown as text. */
export interface RunReport {
  id: string;
  /** What it is called beside other runs. */
  name: string;
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
  /** Of `--lr auto`; null: the rate was given. */
  rates: Rates | null;
  /** What `pt merge` made of its models, newest first. */
  merges: KeptMerge[];
  /** Of a run that was started with `--against`: its king, and how it stands. */
  king: King | null;
  duel: RunDuel | null;
  madeAt: Date;
}

/** Reads a run's files again and again; the logs from where they were left. */
export interface RunReader {
  read(): Promise<RunReport>;
}

export interface ReaderOptions {
  check?: CheckVerdict | null;
  /** Its folder's, where nothing else is said. */
  name?: string;
  /** Points of a curve. */
  points?: number;
}

/** Opens a run's folder for reading, finished or not; files that are missing or broken only leave their part of the page empty. */
export function openRunReader(dir: string, { check = null, name, points }: ReaderOptions = {}): RunReader {
  let opened: { king: King | null; collector: Collector } | null = null;
  const metrics: LineFollower = followLines(join(dir, 'metrics.jsonl'));
  const events: LineFollower = followLines(join(dir, 'events.jsonl'));
  return {
    async read() {
      opened ??= await open(dir, points);
      const { king, collector } = opened;
      await metrics.read(
        (line) => collector.metric(line),
        () => collector.restartMetrics(),
      );
      // Written to by appending only; were it ever replaced, its curves would say so by going back.
      await events.read(
        (line) => collector.event(line),
        () => {},
      );
      const [summary, best, state, config, settings, forecast, rates, merges] = await Promise.all([
        summariseRun(dir),
        readBest(dir),
        readObject(join(dir, 'state.json')),
        readObject(join(dir, 'run.json')),
        readSettings(dir),
        readForecast(dir),
        readRates(dir),
        readMerges(dir),
      ]);
      return {
        id: summary.id,
        name: name ?? summary.id,
        dir,
        status: summary.state,
        state,
        config,
        settings,
        collected: collector.data,
        best,
        check,
        forecast,
        rates,
        merges,
        king,
        duel: summary.duel,
        madeAt: new Date(),
      };
    },
  };
}

/** Points of all curves of one kind on a page of several runs: what a browser draws without a pause. */
const POINTS = 6000;

/** Opens several runs for one page: each under a name of its own, with as many points as there is room for. */
export function openRunReaders(dirs: string[], check: CheckVerdict | null = null): RunReader[] {
  const [only] = dirs;
  if (dirs.length === 1) return [openRunReader(only!, { check })];
  const names = namesOf(dirs);
  const points = Math.min(2000, Math.floor(POINTS / dirs.length));
  return dirs.map((dir, i) => openRunReader(dir, { name: names[i]!, points }));
}

/** Names of folders; of folders that are called the same, with what stands above them. */
export function namesOf(dirs: string[]): string[] {
  const last = (dir: string, count: number) => dir.split(sep).slice(-count).join('/');
  return dirs.map((dir) => {
    for (let count = 1; ; count += 1) {
      const name = last(dir, count);
      const alike = dirs.filter((other) => other !== dir && last(other, count) === name);
      if (alike.length === 0 || count > 20) return name;
    }
  });
}

async function open(
  dir: string,
  points: number | undefined,
): Promise<{ king: King | null; collector: Collector }> {
  const king = await readKing(dir);
  return { king, collector: createCollector(points, king) };
}

/** An object of a file, or an empty one. */
export function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

const readObject = async (path: string): Promise<Json> => asObject(await readJson(path));
