import { basename } from 'node:path';
import { Cancelled, PtError } from '../errors.ts';
import type { Notice } from '../notify/index.ts';
import { publishedName, type UploadOutcome } from '../publish/index.ts';
import { formatLoss, formatWhole } from '../text/format.ts';
import type { TrainOutcome } from '../training/index.ts';

/** What is told of a run that has ended by itself. */
export function endedNotice({ runDir, steps, tokens, bestLoss, seconds }: TrainOutcome): Notice {
  const run = basename(runDir);
  const text = `Run ${run} has ended after ${formatWhole(steps)} steps; best held-out loss ${formatLoss(bestLoss)}.`;
  return { event: 'run_ended', text, run, state: 'done', steps, tokens, bestLoss, seconds };
}

/** What is told of a run that was stopped, or that failed. */
export function brokenNotice(runDir: string, error: unknown): Notice {
  const run = basename(runDir);
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Cancelled)
    return { event: 'run_ended', text: `Run ${run} was stopped. ${message}`, run, state: 'cancelled' };
  const code = error instanceof PtError ? error.code : 'bug';
  return { event: 'run_failed', text: `Run ${run} failed: ${message}`, run, state: 'failed', code };
}

/** What is told of a publish: that it is on chain, and that its seal was opened where that was waited for. */
export function publishNotices(outcome: UploadOutcome): Notice[] {
  const { repo, commit, pin, block, seal, hotkey } = outcome;
  const facts = { repo, ...(commit === null ? { pin } : { commit }), block, hotkey };
  const name = publishedName(outcome);
  const published: Notice = {
    event: 'published',
    text: `${name} is on chain since block ${block}${seal?.state === 'sealed' ? ', sealed' : ''}.`,
    ...facts,
  };
  return seal?.state === 'revealed'
    ? [published, { event: 'revealed', text: `The seal of ${name} was opened.`, ...facts }]
    : [published];
}
