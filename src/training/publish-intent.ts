import { UserError } from '../errors.ts';
import { parseCondition } from './publish-condition.ts';
import type { PublishIntent } from './types.ts';

/** What the flags of `pt train` say about publishing; null: nothing. */
export interface IntentFlags {
  repo: string | null;
  threshold: number | null;
  /** `--publish-when` */
  when: string | null;
  dtype: 'bf16' | 'fp32' | null;
  useHotkeyInHash: boolean | null;
  makePublic: boolean | null;
}

/** Whether the flags themselves ask to publish, offline or not so far. */
export const asksToPublish = ({ repo, threshold, when }: IntentFlags): boolean =>
  repo !== null || threshold !== null || when !== null;

/**
 * What is to be published, where and when: by the flags, else as the run was meant, else (for a run that was not meant for anything) by the
 * standing settings. Null: it trains only, for want of a repository, or of a threshold or condition.
 *
 * @throws UserError `usage.publish_when` when `--publish-when` cannot be obeyed.
 */
export function publishIntent(
  flags: IntentFlags,
  kept: PublishIntent | null,
  standing: { repo: string | null; threshold: number | null },
  offline: boolean,
): PublishIntent | null {
  const when = flags.when === null ? (kept?.when ?? null) : parseCondition(flags.when);
  const repo = flags.repo ?? kept?.repo ?? standing.repo;
  const threshold = flags.threshold ?? (kept === null ? standing.threshold : kept.threshold);
  if (flags.when !== null && (offline || repo === null))
    throw new UserError(
      'usage.publish_when',
      offline ? '--publish-when: --offline publishes nothing.' : '--publish-when: where to is missing.',
      { nextSteps: ['pt train --hf-repo-id NAMESPACE/NAME --publish-when "p(win) > 0.9"'] },
    );
  if (offline || repo === null || (threshold === null && when === null)) return null;
  return {
    repo,
    threshold,
    when,
    dtype: flags.dtype ?? kept?.dtype ?? 'bf16',
    useHotkeyInHash: flags.useHotkeyInHash ?? kept?.useHotkeyInHash ?? false,
    makePublic: flags.makePublic ?? kept?.makePublic ?? true,
  };
}
