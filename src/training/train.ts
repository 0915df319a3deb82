import { join } from 'node:path';
import { type EventOf, startTrainer, type TrainerEvent } from '../bridge/index.ts';
import type { TrainerRequest } from '../bridge/types.ts';
import { Cancelled, PtError } from '../errors.ts';
import type { Progress, Work } from '../progress.ts';
import { mask } from '../secret.ts';
import { dataNote } from './data-note.ts';
import { hasCheckpoint, holder, readBest, updateState } from './run-folder.ts';
import type { TrainOutcome } from './types.ts';

export interface Launch extends Omit<TrainerRequest, 'config' | 'script'> {
  resumed: boolean;
  /** The command that goes on with this run. */
  resumeWith: string;
  /** `best/` holds a new best model, of this held-out loss. */
  onBest?: (loss: number) => void;
  /** First Ctrl-C: checkpoint and end; its reason, when it is `Cancelled`, is kept in `state.json`. */
  stop: AbortSignal;
  /** Second Ctrl-C: end at once. */
  kill: AbortSignal;
}

/**
 * Starts the trainer on a prepared run folder and follows it to its end, keeping `state.json` true.
 * A run that was stopped by Ctrl-C returns with `cancelled: true`; a failure is thrown with `resumeWith` among its next steps.
 */
export async function* train(launch: Launch): Work<TrainOutcome> {
  const { resumed, resumeWith, onBest, stop, kill, ...request } = launch;
  const { runDir } = request;
  const outcome: TrainOutcome = {
    runDir,
    bestDir: null,
    bestLoss: null,
    steps: 0,
    tokens: 0,
    resumed,
    cancelled: false,
    unigramEntropy: null,
    data: [],
    seconds: 0,
  };
  await updateState(runDir, { state: 'running', ...holder(), ended_at: null, error: null });
  try {
    const trainer = await startTrainer({ ...request, config: join(runDir, 'run.json') });
    const cancel = () => void trainer.cancel();
    for (const signal of [stop, kill]) {
      if (signal.aborted) cancel();
      else signal.addEventListener('abort', cancel, { once: true });
    }
    for (;;) {
      const next = await trainer.events.next();
      if (next.done) {
        outcome.cancelled = next.value.kind === 'cancelled';
        break;
      }
      const event = next.value;
      absorb(outcome, event);
      if (event.type === 'best' && event.eval_loss !== undefined) onBest?.(event.eval_loss);
      const progress = progressOf(event);
      if (progress !== null) yield progress;
    }
  } catch (error) {
    const report = error instanceof PtError ? error : null;
    // Nothing is written into a folder that was taken away: that would make it anew.
    if (report?.code === 'run.folder_gone') throw error;
    await updateState(runDir, {
      state: 'failed',
      ended_at: new Date().toISOString(),
      error: {
        code: report?.code ?? 'bug',
        message: mask(error instanceof Error ? error.message : String(error)),
      },
    });
    // The trainer names it where it helps; a run without a whole checkpoint has nothing to go on from.
    const named = report?.nextSteps.some((step) => step.includes('--resume'));
    if (report !== null && !named && (await hasCheckpoint(runDir)))
      report.nextSteps.push(`${resumeWith}   # goes on from the last checkpoint`);
    throw error;
  }
  const best = await readBest(runDir);
  if (best !== null) Object.assign(outcome, { bestDir: join(runDir, 'best'), bestLoss: best.loss });
  const { reason }: { reason: unknown } = stop;
  await updateState(runDir, {
    state: outcome.cancelled ? 'cancelled' : 'done',
    ended_at: new Date().toISOString(),
    // Where nobody reads the terminal any more, the folder says why it stopped.
    ...(outcome.cancelled &&
      reason instanceof Cancelled && { error: { code: reason.code, message: reason.message } }),
  });
  return outcome;
}

/** Takes what an event says about the run as a whole. */
function absorb(outcome: TrainOutcome, event: TrainerEvent): void {
  if (event.type === 'start') outcome.unigramEntropy = event.unigram_entropy ?? null;
  if (event.type === 'data') outcome.data = event.sources ?? [];
  if (event.type === 'step' || event.type === 'eval') {
    outcome.steps = event.step ?? outcome.steps;
    outcome.tokens = event.tokens ?? outcome.tokens;
  }
  if (event.type === 'done') {
    outcome.steps = event.steps ?? outcome.steps;
    outcome.tokens = event.tokens ?? outcome.tokens;
    outcome.seconds = event.seconds ?? 0;
  }
}

/** An event in the words of the progress line; null for what people need not see. */
function progressOf(event: TrainerEvent): Progress | null {
  switch (event.type) {
    case 'start': {
      const from = event.resumed_from ?? null;
      const message =
        `${from === null ? 'Training' : `Going on from step ${from}`}: ${count(event.parameters ?? null)} parameters ` +
        `(${event.architecture}) on ${event.device_name || event.device}, ${event.dtype}, attention ${event.attention}.` +
        (event.tokenizer === undefined ? '' : ` Tokenizer: ${event.tokenizer}.`) +
        (event.end === undefined ? '' : ` It ends ${event.end}.`);
      return { kind: 'note', level: 'info', message };
    }
    case 'data':
      return { kind: 'note', level: 'info', message: dataNote(event) };
    case 'phase':
      return { kind: 'progress', phase: phaseTitle(event), done: 0, unit: 'steps' };
    case 'step':
      return {
        kind: 'progress',
        phase: 'Training',
        done: event.step ?? 0,
        ...(event.total_steps == null ? {} : { total: event.total_steps }),
        unit: 'steps',
        detail: stepDetail(event),
      };
    case 'eval':
      return {
        kind: 'note',
        level: 'info',
        message: `Step ${event.step}: held-out loss ${event.eval_loss?.toFixed(4) ?? 'not finite'}${averagedNote(event)}${event.best === true ? ' (best so far)' : ''}.`,
      };
    case 'warning':
      return { kind: 'note', level: 'warning', message: event.message ?? '' };
    default:
      return null;
  }
}

function averagedNote({ averaged_loss: loss }: EventOf<'eval'>): string {
  return loss == null ? '' : `, of the averaged weights ${loss.toFixed(4)}`;
}

function phaseTitle({ name = '', detail = '' }: EventOf<'phase'>): string {
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  return detail === '' ? title : `${title}: ${detail}`;
}

function stepDetail(event: EventOf<'step'>): string {
  const parts = [`loss ${event.loss?.toFixed(4) ?? 'not finite'}`];
  if (event.tokens_per_second != null) parts.push(`${count(event.tokens_per_second)} tokens/s`);
  if (event.mfu != null) parts.push(`MFU ${(event.mfu * 100).toFixed(1)}%`);
  // With a known end the progress bar tells the time left itself.
  if (event.total_steps == null && event.eta_seconds != null) parts.push(`${clock(event.eta_seconds)} left`);
  return parts.join(' · ');
}

/** 2_600_000 → `2.6M`. */
export function count(value: number | null): string {
  if (value === null) return '?';
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(value);
}

/** Seconds as `m:ss` or `h:mm:ss`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
