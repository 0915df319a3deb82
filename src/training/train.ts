import { join } from 'node:path';
import { startTrainer, type TrainerEvent } from '../bridge/index.ts';
import type { TrainerRequest } from '../bridge/types.ts';
import { Cancelled, PtError } from '../errors.ts';
import { note, type Work } from '../progress.ts';
import { mask } from '../secret.ts';
import { keepStanding, type RunDuel, readKing, readStanding } from './duel-folder.ts';
import { createDuels, readDuels } from './duels.ts';
import { tellerOf } from './progress-of.ts';
import { checkpointSteps, hasCheckpoint, holder, readBest, updateState } from './run-folder.ts';
import type { TrainOutcome } from './types.ts';
import { undecidedBest } from './undecided.ts';

export interface Launch extends Omit<TrainerRequest, 'config' | 'script'> {
  resumed: boolean;
  /** The command that goes on with this run. */
  resumeWith: string;
  /** `best/` holds a best model that nobody has decided on: of this held-out loss, duel and step. */
  onBest?: (loss: number, duel: RunDuel | null, step: number | null) => void;
  /** Ends it when its gain over the king has flattened below what a win needs. */
  stopEarly: boolean;
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
  const { resumed, resumeWith, onBest, stopEarly, stop, kill, ...request } = launch;
  const { runDir } = request;
  const outcome: TrainOutcome = {
    runDir,
    bestDir: null,
    bestLoss: null,
    // An end before its first step leaves a run where its checkpoint is.
    steps: resumed ? ((await checkpointSteps(runDir)).at(-1) ?? 0) : 0,
    tokens: 0,
    resumed,
    cancelled: false,
    stoppedEarly: null,
    duel: null,
    unigramEntropy: null,
    data: [],
    seconds: 0,
  };
  await updateState(runDir, {
    state: 'running',
    ...holder(),
    ended_at: null,
    error: null,
    stopped_early: null,
  });
  const king = await readKing(runDir);
  const fought = resumed ? await readDuels(runDir) : [];
  const duels = king && createDuels(king, fought);
  const tell = tellerOf(king);
  let bestDuel = resumed ? await readStanding(runDir) : null;
  const left = resumed && onBest ? await undecidedBest(runDir, king, fought) : null;
  if (left !== null) onBest?.(left.loss, left.duel, left.step);
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
      if (event.type === 'start') duels?.cut(event.resumed_from ?? 0);
      if (event.type === 'duel' || event.type === 'best') {
        if (event.type === 'duel') outcome.duel = duels?.take(event) ?? null;
        else if (outcome.duel?.step === event.step) bestDuel = outcome.duel;
        if (duels !== null) await keepStanding(runDir, { best: bestDuel, newest: outcome.duel });
        if (event.type === 'best' && event.eval_loss !== undefined)
          onBest?.(event.eval_loss, bestDuel, event.step ?? null);
      }
      const progress = tell(event);
      if (progress !== null) yield progress;
      if (event.type === 'duel' && stopEarly && outcome.stoppedEarly === null) {
        outcome.stoppedEarly = duels?.inVain() ?? null;
        if (outcome.stoppedEarly === null) continue;
        yield note(`Stopping early: ${outcome.stoppedEarly} (--no-stop-early trains on)`);
        cancel();
      }
    }
    // Who presses Ctrl-C meanwhile has stopped it.
    if (outcome.stoppedEarly !== null && !stop.aborted && !kill.aborted) outcome.cancelled = false;
    else outcome.stoppedEarly = null;
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
  // Of a run that had nothing left to do.
  if (king !== null) outcome.duel ??= await readStanding(runDir);
  const { reason }: { reason: unknown } = stop;
  await updateState(runDir, {
    state: outcome.cancelled ? 'cancelled' : 'done',
    ended_at: new Date().toISOString(),
    stopped_early: outcome.stoppedEarly,
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
