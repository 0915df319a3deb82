import { UserError } from '../errors.ts';
import { OTHER_FLAGS } from './knobs.ts';
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
  /** `--field`, each as it was typed. */
  fields: string[] | null;
}

/** Whether the flags themselves ask to publish, offline or not so far. */
export const asksToPublish = ({ repo, threshold, when }: IntentFlags): boolean =>
  repo !== null || threshold !== null || when !== null;

/** Standing settings: environment, .env, config file. */
interface Standing {
  repo: string | null;
  threshold: number | null;
}

/** By the flags, else as the run was meant, else (for a run that was not meant for anything) by the standing settings. */
function aimOf(flags: IntentFlags, kept: PublishIntent | null, standing: Standing) {
  return {
    repo: flags.repo ?? kept?.repo ?? standing.repo,
    threshold: flags.threshold ?? (kept === null ? standing.threshold : kept.threshold),
    when: flags.when === null ? (kept?.when ?? null) : parseCondition(flags.when),
  };
}

/**
 * What is to be published, where and when. Null: it trains only, for want of a repository, or of a threshold or condition.
 *
 * @throws UserError `usage.publish_when` when `--publish-when` cannot be obeyed.
 */
export function publishIntent(
  flags: IntentFlags,
  kept: PublishIntent | null,
  standing: Standing,
  offline: boolean,
): PublishIntent | null {
  const { repo, threshold, when } = aimOf(flags, kept, standing);
  if (flags.when !== null && (offline || repo === null))
    throw new UserError(
      'usage.publish_when',
      offline ? '--publish-when: --offline publishes nothing.' : '--publish-when: where to is missing.',
      {
        nextSteps: offline
          ? ['pt train   # without --offline', 'pt train   # without --publish-when']
          : ['pt train --hf-repo-id NAMESPACE/NAME'],
      },
    );
  if (offline || repo === null || (threshold === null && when === null)) return null;
  return {
    repo,
    threshold,
    when,
    dtype: flags.dtype ?? kept?.dtype ?? null,
    useHotkeyInHash: flags.useHotkeyInHash ?? kept?.useHotkeyInHash ?? false,
    makePublic: flags.makePublic ?? kept?.makePublic ?? true,
    fields: flags.fields ?? kept?.fields ?? [],
  };
}

/** Says which of the publishing flags of the command line (`given`) do nothing, and what is missing; null: none was given, or it publishes. */
export function idlePublishFlags(
  given: Record<string, unknown>,
  flags: IntentFlags,
  kept: PublishIntent | null,
  standing: Standing,
  offline: boolean,
): string | null {
  const idle = OTHER_FLAGS.publishing
    .filter((flag) => given[flag] !== undefined)
    .map((flag) => (given[flag] === false ? `--no-${flag}` : `--${flag}`));
  const { repo, threshold, when } = aimOf(flags, kept, standing);
  const missing = [
    ...(repo === null ? ['--hf-repo-id'] : []),
    ...(threshold === null && when === null ? ['--avg-loss-upload-threshold or --publish-when'] : []),
  ];
  if (idle.length === 0 || (!offline && missing.length === 0)) return null;
  const why = offline ? 'this start is offline' : `without ${missing.join(' and ')}`;
  return `${idle.join(', ')} ${idle.length > 1 ? 'do' : 'does'} nothing: ${why}${offline ? ', and' : ''} nothing is published.`;
}
