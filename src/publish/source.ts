import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import { givenPin, type Profile } from '../rules/index.ts';
import type { PublishSource, UploadOutcome } from './types.ts';

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
export function sourceOf(
  { dir, commitOnly, repo, dtype }: SaidSource,
  profile: Profile,
): {
  source: PublishSource;
  repo: string;
} {
  if (commitOnly !== undefined) return pinnedSource(commitOnly, profile);
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

/** `REPO@PIN`, whose pin must be of a kind that validators take. */
function pinnedSource(given: string, profile: Profile): { source: PublishSource; repo: string } {
  const [, repo, text] = /^([^@\s]+)@(\S+)$/.exec(given) ?? [];
  const source = text === undefined ? null : givenPin(profile, text);
  if (repo !== undefined && source !== null) return { source, repo };
  const { store, forms } = profile.pin;
  const taken = store === 'file' ? ['[0-9a-f]{40}', ...forms] : forms;
  throw new UserError(
    'usage.commit_only',
    `--commit-only ${given}: must be REPO@PIN with a pin that validators take: ${taken.join(', ')}${store === 'none' ? '' : ' (of a commit all 40 digits)'}.`,
    {
      nextSteps: [
        'pt upload --commit-only me/model@0123456789abcdef0123456789abcdef01234567',
        'pt profiles show NAME   # what it pins',
      ],
    },
  );
}

function missing(flag: string, what: string, step: string): UserError {
  return new UserError('usage.missing_flag', `${flag} is missing: ${what}.`, {
    nextSteps: [step, 'pt upload --help'],
  });
}

/** What was published, in a few characters: the repository with its commit, or with the pin of what is elsewhere. */
export const publishedName = ({
  repo,
  commit,
  pin,
}: Pick<UploadOutcome, 'repo' | 'commit' | 'pin'>): string =>
  `${repo}@${commit?.slice(0, 8) ?? pin?.replace(/^(sha256:)?(.{8}).*$/, '$1$2')}`;

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
