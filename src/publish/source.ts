import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import type { Place } from '../place.ts';
import { fieldsOf, givenFields, givenPin, type Profile } from '../rules/index.ts';
import { didYouMean } from '../text/suggest.ts';
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

/**
 * `NAME=VALUE` of each `--field`, of the fields that the profile's text has and that pt does not fill in itself. Throws `UserError`
 * `usage.field`.
 */
export function fieldsIn(
  given: readonly string[],
  { profile, profileName, competition }: Pick<Place, 'profile' | 'profileName' | 'competition'>,
): Record<string, string> {
  const all = fieldsOf(profile.commit.format).map(({ name }) => name);
  const own = givenFields(profile).map(({ name }) => name);
  const fields = new Map<string, string>();
  for (const text of given) {
    const wrong = (what: string) =>
      new UserError('usage.field', `--field ${JSON.stringify(text)}: ${what}`, {
        nextSteps: [`pt profiles show ${profileName}   # the fields of its text`],
      });
    const at = text.indexOf('=');
    if (at < 1) throw wrong('must be NAME=VALUE.');
    const [name, value] = [text.slice(0, at), text.slice(at + 1)];
    if (!own.includes(name) && all.includes(name)) throw wrong(`${name} is filled in by pt itself.`);
    if (!own.includes(name)) {
      const list = own.length === 0 ? 'none that is to be given' : own.join(', ');
      throw wrong(`the text of ${profileName} has no field ${name}; it has ${list}.${didYouMean(name, own)}`);
    }
    if (value.trim() === '') throw wrong('has no value.');
    if (fields.has(name)) throw wrong(`${name} is given twice.`);
    if (name === 'competition' && competition !== null && competition !== value)
      throw wrong(`competition ${competition} is named too (--competition, PT_COMPETITION); leave out one.`);
    fields.set(name, value);
  }
  return Object.fromEntries(fields);
}
