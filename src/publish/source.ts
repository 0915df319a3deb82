import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import type { PublishSource } from './types.ts';

/** What the command line says of what is published, as it was typed. */
export interface SaidSource {
  /** `--load-model-dir` */
  dir: string | undefined;
  /** `--commit-only` */
  commitOnly: string | undefined;
  repo: string | null;
  dtype: 'bf16' | 'fp32';
}

/**
 * What is published, and where to.
 *
 * @throws UserError `usage.commit_only`, `usage.missing_flag`
 */
export function sourceOf({ dir, commitOnly, repo, dtype }: SaidSource): {
  source: PublishSource;
  repo: string;
} {
  if (commitOnly !== undefined) {
    const match = /^([^@\s]+)@([0-9a-f]{40})$/.exec(commitOnly);
    if (match) return { source: { kind: 'hub', commit: match[2]! }, repo: match[1]! };
    throw new UserError(
      'usage.commit_only',
      `--commit-only ${commitOnly}: must be REPO@COMMIT with all 40 digits.`,
      { nextSteps: ['pt upload --commit-only me/model@0123456789abcdef0123456789abcdef01234567'] },
    );
  }
  if (!dir)
    throw missing(
      '--load-model-dir',
      'the folder of the model to publish',
      'pt runs   # folders of past runs; their best model is in best/',
    );
  if (!repo)
    throw missing('--hf-repo-id', 'the repository to publish to', `--hf-repo-id your-name/${basename(dir)}`);
  return { source: { kind: 'folder', dir, dtype }, repo };
}

function missing(flag: string, what: string, step: string): UserError {
  return new UserError('usage.missing_flag', `${flag} is missing: ${what}.`, {
    nextSteps: [step, 'pt upload --help'],
  });
}

/** `NAME=VALUE` of each `--field`. Throws `UserError` `usage.field`. */
export function fieldsIn(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at < 1)
        throw new UserError('usage.field', `--field ${JSON.stringify(text)} is not NAME=VALUE.`, {
          nextSteps: ['pt profiles show NAME   # the fields of its text'],
        });
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
