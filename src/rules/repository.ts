/** What a repository may be called: by the profile's validators, and by a Hub. */
import { UserError } from '../errors.ts';
import { pythonPattern } from '../text/python.ts';
import type { Profile } from './types.ts';

/** Splits `namespace/name` by the reference's rule alone: length in code points, exactly one slash. Null when it refuses. */
export function splitRepoId(profile: Profile, text: string): { namespace: string; name: string } | null {
  const length = [...text].length;
  const { min_chars: min, max_chars: max } = repoLength(profile);
  if (length < min || length > max) return null;
  const parts = text.split('/');
  return parts.length === 2 ? { namespace: parts[0]!, name: parts[1]! } : null;
}

/** Fewest and most characters of `namespace/name`, code points, both ends included. */
export function repoLength({ repo }: Profile): { min_chars: number; max_chars: number } {
  return { min_chars: repo.min_chars ?? MIN_CHARS, max_chars: repo.max_chars ?? MAX_CHARS };
}

/** As short and as long as a Hub has them. */
const [MIN_CHARS, MAX_CHARS] = [3, 193];

/** One half of it: 1 to 96 letters, digits, `-`, `_`, `.`, with a letter, digit or `_` at both ends. */
const HALF = '[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?';

/** As the Hub's own client has it (`validate_repo_id`): two halves, no `--` or `..` anywhere, no `.git` or `.ipynb` at the end. */
const HUB_REPO = new RegExp(`^(?!.*(?:--|\\.\\.))(?!.*\\.(?:git|ipynb)$)${HALF}/${HALF}$`);

/** Whether a Hub could have a repository of this name; such a name is safe in URLs and paths. */
export function isHubRepo(text: string): boolean {
  return HUB_REPO.test(text);
}

export interface RepoId {
  namespace: string;
  name: string;
  /** `namespace/name`. */
  repo: string;
}

/**
 * A repository id that both the profile's validators and a Hub accept, safe in URLs and paths.
 * Throws `UserError` `repo.invalid` that says what is wrong.
 */
export function parseRepoId(profile: Profile, text: string): RepoId {
  const fail = (why: string) =>
    new UserError('repo.invalid', `--hf-repo-id ${JSON.stringify(text)}: ${why}`, {
      nextSteps: [`--hf-repo-id ${likeIt(profile, text)}`],
    });
  const { min_chars: min, max_chars: max } = repoLength(profile);
  const length = [...text].length;
  if (length < min || length > max)
    throw fail(`must have ${min} to ${max} characters (validators refuse others), not ${length}.`);
  const split = splitRepoId(profile, text);
  if (!split) throw fail('must be namespace/name with exactly one slash.');
  if (!isHubRepo(text))
    throw fail(
      'is not a name that a Hub allows: letters, digits, `-`, `_` and `.`, no `--` or `..`, no `-` or `.` at an end, not ending in `.git` or `.ipynb`.',
    );
  const { match, max_bytes: most } = profile.repo;
  if (match !== undefined && !pythonPattern(match).test(text))
    throw fail(`validators take names of the form ${match}.`);
  if (most !== undefined && Buffer.byteLength(text) > most)
    throw fail(`must have at most ${most} bytes, not ${Buffer.byteLength(text)}.`);
  return { ...split, repo: text };
}

/** A name that validators take, as near to `text` as their pattern lets one be made of it. */
function likeIt({ repo: { match } }: Profile, text: string): string {
  const [namespace = '', name = ''] = isHubRepo(text) ? text.split('/') : ['your-name', 'your-model'];
  const made = (match ?? '')
    .replace(/^\^|\$$/g, '')
    .replace('[^/]+', () => namespace)
    .replace(/\.\+$/, () => name)
    .replaceAll('\\.', '.');
  return isHubRepo(made) && pythonPattern(match ?? '').test(made) ? made : 'your-name/your-model';
}

/** `namespace/name` when a Hub could have it, for reading other people's repositories; null otherwise. */
export function asHubRepo(namespace: string, name: string): string | null {
  const repo = `${namespace}/${name}`;
  return isHubRepo(repo) ? repo : null;
}

const COMMIT = /^[0-9a-f]{40}$/;
const REVISION = /^(?!.*\.\.)(?=.{1,255}$)(?!.*[./-]$)\w[\w.-]*(?:\/\w[\w.-]*)*$/;

/** Whether text is a full commit id. */
export function isCommit(text: string): boolean {
  return COMMIT.test(text);
}

/** Whether a Hub could be asked for it: a commit, whole or short, a branch or a tag. */
export function isRevision(text: string): boolean {
  return REVISION.test(text);
}

/** `namespace/name[@revision]`; null when it is not a repository reference (then it may be a folder). */
export function parseRepoRef(text: string): { repo: string; revision: string | null } | null {
  const [id, revision, ...rest] = text.split('@');
  if (rest.length > 0 || !isHubRepo(id!)) return null;
  if (revision !== undefined && !isRevision(revision)) return null;
  return { repo: id!, revision: revision ?? null };
}
