import { type EventOf, readEvent } from '../bridge/index.ts';
import { chanceAt, duelOfRow, type King } from '../training/index.ts';
import { createSeries, type Series } from './series.ts';
import { CURVES, type CurveName } from './types.ts';

/** One held-out evaluation; null: not a finite number. */
export interface EvalRow {
  step: number;
  tokens: number | null;
  loss: number | null;
}

export interface LogRow {
  /** Milliseconds since the epoch; null when the event does not say. */
  time: number | null;
  kind: 'start' | 'warning' | 'error' | 'done';
  message: string;
}

/** What the model wrote at an evaluation. */
export interface SampleRow {
  step: number;
  texts: { prompt: string; text: string }[];
}

/** What a run's two logs say, so far. Texts in it come from the trainer and from model folders: not to be trusted as HTML. */
export interface Collected {
  series: Record<CurveName, Series>;
  /** The newest evaluations, oldest first. */
  evals: EvalRow[];
  evalCount: number;
  /** What the model wrote, oldest first. */
  samples: SampleRow[];
  lastStep: number;
  lastTokens: number | null;
  /** Steps whose loss was NaN or infinite. */
  badSteps: number;
  /** The newest `start` event. */
  start: EventOf<'start'> | null;
  /** Steps at which training went on from a checkpoint. */
  resumed: number[];
  phase: string | null;
  totalSteps: number | null;
  etaSeconds: number | null;
  /** Seconds in which a trainer was at work, pauses between resumed parts left out. */
  seconds: number;
  log: LogRow[];
  done: string | null;
}

/** Rows kept for tables; curves hold the rest. */
const KEPT = 200;
const AXIS_POINTS = 400;
/** Of what the model wrote: the newest. */
const SAMPLES = 50;

const number = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;
const stepOf = (value: unknown): number | null =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;

export interface Collector {
  readonly data: Collected;
  /** One line of `metrics.jsonl`; what is not one is passed over. */
  metric(line: string): void;
  /** `metrics.jsonl` was written anew: a run that went back to a checkpoint. */
  restartMetrics(): void;
  /** One line of `events.jsonl`. */
  event(line: string): void;
}

/** What `metrics.jsonl` alone tells, before its first line. */
const nothingMeasured = (): Pick<
  Collected,
  'evals' | 'evalCount' | 'lastStep' | 'lastTokens' | 'badSteps'
> => ({ evals: [], evalCount: 0, lastStep: 0, lastTokens: null, badSteps: 0 });

/** Builds a picture of a run from its logs, line by line, in bounded memory: `points` a curve. `king`: of its duel. */
export function createCollector(points?: number, king: King | null = null): Collector {
  const data: Collected = {
    series: Object.fromEntries(CURVES.map((name) => [name, createSeries(pointsOf(name, points))])) as Record<
      CurveName,
      Series
    >,
    ...nothingMeasured(),
    samples: [],
    start: null,
    resumed: [],
    phase: null,
    totalSteps: null,
    etaSeconds: null,
    seconds: 0,
    log: [],
    done: null,
  };
  const clock = { start: null as number | null, before: 0 };

  return {
    data,
    metric(line) {
      const value = parse(line);
      const step = stepOf(value?.step);
      if (value === null || step === null || step < data.lastStep) return;
      data.lastStep = step;
      const tokens = number(value.tokens);
      data.lastTokens = tokens ?? data.lastTokens;
      if (tokens !== null && data.series.tokens.lastX !== step) data.series.tokens.push(step, tokens);
      if ('eval_loss' in value) {
        const row = { step, tokens, loss: number(value.eval_loss) };
        data.series.eval.push(step, row.loss);
        data.evalCount += 1;
        data.evals.push(row);
        if (data.evals.length > KEPT) data.evals.shift();
        const fought = king && 'duel' in value ? duelOfRow(line) : null;
        if (king === null || fought === null) return;
        data.series.gain.push(step, fought.mean ?? null);
        data.series.pWin.push(step, chanceAt(king, fought));
      } else if ('loss' in value) {
        const loss = number(value.loss);
        if (loss === null) data.badSteps += 1;
        data.series.train.push(step, loss);
        if ('lr' in value) data.series.lr.push(step, number(value.lr));
        if ('grad_norm' in value) data.series.gradNorm.push(step, number(value.grad_norm));
      }
    },
    restartMetrics() {
      for (const name of ['eval', 'train', 'gradNorm', 'lr', 'tokens', 'gain', 'pWin'] as const) {
        const { generation } = data.series[name];
        data.series[name] = createSeries(pointsOf(name, points), generation + 1);
      }
      Object.assign(data, nothingMeasured());
    },
    event(line) {
      // Most of a long run's events; nothing in them but the time.
      if (line.startsWith('{"type": "heartbeat"')) return;
      const event = readEvent(line);
      if (event === null) return;
      const seconds = event.time ?? null;
      // A number that no clock shows is no time.
      const time =
        seconds === null || Number.isNaN(new Date(seconds * 1000).getTime()) ? null : seconds * 1000;
      const log = (kind: LogRow['kind'], message: string) => {
        data.log.push({ time, kind, message });
        if (data.log.length > KEPT) data.log.shift();
      };
      // Another process begins: what lies between it and the last one is a pause.
      if (event.type === 'phase' && event.name === 'loading') clock.start = null;
      if (event.type === 'start') {
        Object.assign(clock, { start: seconds, before: data.seconds });
      } else if (seconds !== null && clock.start !== null) {
        data.seconds = clock.before + Math.max(0, seconds - clock.start);
      }
      switch (event.type) {
        case 'start': {
          data.start = event;
          data.done = null;
          data.totalSteps = event.total_steps ?? null;
          const from = event.resumed_from ?? null;
          if (from !== null) {
            data.resumed.push(from);
            if (data.resumed.length > KEPT) data.resumed.shift();
            for (const name of ['speed', 'mfu', 'memory', 'seconds'] as const) data.series[name].cut(from);
            data.samples = data.samples.filter((sample) => sample.step <= from);
          }
          const where = event.device_name || event.device || '';
          log('start', `${from === null ? 'Started' : `Went on from step ${from}`} on ${where}.`);
          return;
        }
        case 'phase':
          data.phase = [event.name, event.detail].filter(Boolean).join(': ');
          return;
        case 'step': {
          const { step } = event;
          if (step === undefined) return;
          data.phase = 'training';
          if (event.total_steps !== undefined) data.totalSteps = event.total_steps;
          data.etaSeconds = event.eta_seconds ?? null;
          if (clock.start !== null) pushForward(data.series.seconds, step, data.seconds);
          pushForward(data.series.speed, step, event.tokens_per_second ?? null);
          pushForward(data.series.memory, step, event.memory_bytes ?? null);
          // Null off GPU: not measured, which is not the same as not finite.
          if (event.mfu != null) pushForward(data.series.mfu, step, event.mfu);
          return;
        }
        case 'samples': {
          const { step, texts } = event;
          if (step === undefined || texts === undefined) return;
          // A run that went back writes for the same steps again.
          data.samples = [...data.samples.filter((sample) => sample.step < step), { step, texts }].slice(
            -SAMPLES,
          );
          return;
        }
        case 'warning':
        case 'error':
          return log(event.type, event.message || event.code || '');
        case 'done':
          data.done = event.reason ?? '';
          data.etaSeconds = null;
          return log('done', `Ended: ${data.done}.`);
        default:
          return;
      }
    },
  };
}

/** Axes are read between their points: they need few. */
const pointsOf = (name: CurveName, points?: number): number | undefined =>
  name === 'tokens' || name === 'seconds' ? AXIS_POINTS : points;

/** Steps of events come twice when a run goes back to a checkpoint: the later time counts. */
function pushForward(series: Series, step: number, value: number | null): void {
  if (series.lastX !== null && step <= series.lastX) series.cut(step - 1);
  series.push(step, value);
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
