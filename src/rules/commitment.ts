/** The string that a miner puts on chain. */
import { UserError } from '../errors.ts';
import { boundHash } from './hash.ts';
import { isCommit, parseRepoId } from './repository.ts';
import type { Profile } from './types.ts';

/** A commitment's fields. Everything read from a chain is untrusted text: check with `asHubRepo` before using it in a path or URL. */
export interface ModelId {
  namespace: string;
  name: string;
  /** Hub revision; null for none. */
  commit: string | null;
  /** Content hash (profile `3.2`: or the hotkey-bound one); in `6.0` only in legacy strings of four parts. */
  hash: string | null;
  /** Hotkey-bound hash, profile `6.0`. */
  secureHash: string | null;
  /** Null where the profile names none. */
  competitionId: number | null;
}

const NOTHING = 'None';

/** The chain string. Formats what it is given, as the reference does; `commitmentFor` is the strict way to make one. */
export function formatCommitment(
  profile: Profile,
  id: Partial<ModelId> & { namespace: string; name: string },
): string {
  const values = {
    namespace: id.namespace,
    name: id.name,
    commit: id.commit ?? NOTHING,
    hash: id.hash ?? NOTHING,
    secure_hash: id.secureHash ?? NOTHING,
    competition_id: String(id.competitionId ?? 0),
  };
  return profile.chain_fields.map((field) => values[field]).join(':');
}

/**
 * Reads a chain string as the profile's validators do; null when they would see no model.
 * A profile that names competitions also reads the older four-part string, as `defaultCompetitionId`.
 */
export function parseCommitment(
  profile: Profile,
  text: string | null,
  defaultCompetitionId = 0,
): ModelId | null {
  const parts = text?.split(':') ?? [];
  if (parts.length < 4) return null;
  const [namespace, name] = parts as [string, string];
  const commit = orNull(parts[2]!);
  const hash = orNull(parts[3]!);
  if (!profile.chain_fields.includes('competition_id'))
    return { namespace, name, commit, hash, secureHash: null, competitionId: null };
  if (parts.length === 4)
    return { namespace, name, commit, hash, secureHash: hash, competitionId: defaultCompetitionId };
  const competitionId = parsePythonInt(parts[4]!);
  return competitionId === null
    ? null
    : { namespace, name, commit, hash: null, secureHash: hash, competitionId };
}

function orNull(part: string): string | null {
  return part === NOTHING ? null : part;
}

const PYTHON_SPACE =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*';
const PYTHON_INT = new RegExp(`^${PYTHON_SPACE}([+-]?)(\\p{Nd}+(?:_\\p{Nd}+)*)${PYTHON_SPACE}$`, 'u');

/** Validators read the competition with Python's `int()`: spaces around, `_` between digits and any script's digits are fine. */
function parsePythonInt(text: string): number | null {
  const match = PYTHON_INT.exec(text);
  if (!match) return null;
  const digits = [...match[2]!.replaceAll('_', '')].map(digitValue).join('');
  const value = Number(`${match[1]}${digits}`);
  return Number.isSafeInteger(value) ? value + 0 : null;
}

/** Decimal digits lie in runs of ten (or several tens) from each script's zero on. */
function digitValue(char: string): number {
  const code = char.codePointAt(0)!;
  let start = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(start - 1))) start--;
  return (code - start) % 10;
}

/** What to commit for a model on the Hub. */
export interface CommitmentInput {
  /** `namespace/name`. */
  repo: string;
  commit: string;
  contentHash: string;
  /** SS58. */
  hotkey: string;
  /** Profile `3.2`: bind the hash to the hotkey (`--use-hotkey-in-hash`); `6.0` always does. */
  useHotkeyInHash?: boolean;
  competitionId?: number | null;
}

/**
 * The chain string for a model, checked: a repository both sides accept, a full commit, a sha256 hash, at most 128 bytes.
 * Throws `UserError` `repo.invalid` or `commitment.invalid`.
 */
export function commitmentFor(profile: Profile, input: CommitmentInput): string {
  const { namespace, name } = parseRepoId(profile, input.repo);
  const wrong = (what: string) =>
    new UserError('commitment.invalid', `Not a valid commitment: ${what}`, {
      nextSteps: [
        'pt upload --load-model-dir DIR --hf-repo-id NAMESPACE/NAME   # makes commit and hash itself',
      ],
    });
  if (!isCommit(input.commit))
    throw wrong(`commit must be 40 hex digits, not ${JSON.stringify(input.commit)}.`);
  if (!/^[A-Za-z0-9+/]{43}=$/.test(input.contentHash))
    throw wrong('the content hash is not a sha256 in base64.');
  const bound = boundHash(input.contentHash, input.hotkey);
  const text = formatCommitment(profile, {
    namespace,
    name,
    commit: input.commit,
    hash: input.useHotkeyInHash ? bound : input.contentHash,
    secureHash: bound,
    competitionId: input.competitionId ?? 0,
  });
  const bytes = Buffer.byteLength(text);
  if (bytes > profile.max_commitment_bytes)
    throw wrong(`${bytes} bytes, ${profile.max_commitment_bytes} fit on chain.`);
  return text;
}

/** Whether validators find the chain's hash in a model's content, for the hotkey that committed it. */
export function hashMatches(profile: Profile, id: ModelId, contentHash: string, hotkey: string): boolean {
  const bound = boundHash(contentHash, hotkey);
  return profile.hash === 'hotkey_bound'
    ? id.hash === contentHash || id.secureHash === bound
    : id.hash === contentHash || id.hash === bound;
}
