import { UserError } from '../errors.ts';

/** What `--report-to` may name: the trackers of python/trainer/record/trackers.py, or that there is none. */
export const REPORT_TO = ['wandb', 'trackio', 'tensorboard', 'none'] as const;

/**
 * The trackers that `--report-to` asks for; null when it was not given.
 *
 * @throws UserError `usage.report_to` for `none` beside a tracker.
 */
export function trackersOf(given: string[] | undefined): string[] | null {
  if (given === undefined) return null;
  const named = [...new Set(given)];
  if (!named.includes('none')) return named;
  if (named.length === 1) return [];
  throw new UserError('usage.report_to', `--report-to ${named.join(', ')}: none goes with no other.`, {
    nextSteps: ['Name the trackers, or none of them with --report-to none.'],
  });
}
