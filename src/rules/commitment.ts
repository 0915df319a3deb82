/** The string that a miner puts on chain. */
import type { Field } from '../profile-schema.ts';
import { pythonPattern } from '../text/python.ts';
import { type Fields, fieldsOf, fieldText, type Read, readText, writeText } from './grammar.ts';
import { boundHash } from './hash.ts';
import { asHubRepo, isCommit, isRevision } from './repository.ts';
import type { Profile } from './types.ts';

/** A commitment's fields. Everything read from a chain is untrusted text: check with `asHubRepo` before using it in a path or URL. */
export interface ModelId {
  namespace: string;
  name: string;
  /** Hub revision; null for none, or where something else pins the content. */
  commit: string | null;
  /** What pins the content, as the text has it: a Hub revision, an image's digest, a file's sha256; null for none. */
  pin: string | null;
  /** Content hash (profile `3.2`: or the hotkey-bound one); in `6.0` only in legacy strings of four parts. */
  hash: string | null;
  /** Hotkey-bound hash, profile `6.0`. */
  secureHash: string | null;
  /** Null where the profile names none, or names it otherwise than by number. */
  competitionId: number | null;
  /** Everything that the text names, by the profile's names of it. */
  fields: Fields;
}

/** The chain string of these values. Formats what it is given, as the reference does; `commitmentFor` is the strict way to make one. */
export function formatCommitment(
  profile: Profile,
  id: Partial<Omit<ModelId, 'fields'>> & { namespace: string; name: string },
): string {
  return writeText(profile.commit.format, {
    repo: `${id.namespace}/${id.name}`,
    repo_ns: id.namespace,
    repo_name: id.name,
    pin: id.commit ?? id.pin,
    hash: id.hash,
    secure_hash: id.secureHash,
    competition: id.competitionId ?? 0,
  });
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
  const read: Read = text === null ? { kind: 'other' } : readText(profile.commit.format, text);
  return read.kind === 'read' ? modelIdOf(profile, read.fields, defaultCompetitionId) : null;
}

/** The fields of a text as a model. */
export function modelIdOf(profile: Profile, fields: Fields, defaultCompetitionId = 0): ModelId {
  const word = (name: string) => fieldText(fields, name);
  const [namespace = '', ...rest] = (word('repo') ?? '').split('/');
  const pin = word('pin') ?? word('sha256');
  const competition = fields.competition;
  return {
    namespace: word('repo_ns') ?? namespace,
    name: word('repo_name') ?? rest.join('/'),
    commit: pin === null ? null : hubCommitOf(profile, pin),
    pin,
    hash: word('hash'),
    secureHash: word('secure_hash'),
    competitionId: namesCompetition(profile)
      ? typeof competition === 'number'
        ? competition
        : defaultCompetitionId
      : null,
    fields,
  };
}

/** The Hub revision that a pin is; null when it pins something elsewhere. */
function hubCommitOf({ pin: { store, hub_prefix: prefix } }: Profile, pin: string): string | null {
  if (store === 'file' || store === 'none') return null;
  if (prefix !== undefined) return pin.startsWith(prefix) ? pin.slice(prefix.length) : null;
  return pin.startsWith('sha256:') ? null : pin;
}

/** Where on a Hub a text's model is found; `revision` null: the head, because the text names none. */
export interface HubPlace {
  repo: string;
  revision: string | null;
}

/** What a Hub can be asked for; null: the text names something that is elsewhere, or nothing that a Hub could have. */
export function hubPlaceOf(profile: Profile, id: ModelId): HubPlace | null {
  const { store } = profile.pin;
  const repo = asHubRepo(id.namespace, id.name);
  if (repo === null || store === 'none') return null;
  // A file's digest says which file, and no revision: it is looked for where the branch is now.
  if (store === 'file') return id.pin !== null && isOfForm(profile, id.pin) ? { repo, revision: null } : null;
  if (!fieldsOf(profile.commit.format).some(({ name }) => name === 'pin')) return { repo, revision: null };
  const { commit, pin } = id;
  const asked = commit !== null && pin !== null && isRevision(commit) && isOfForm(profile, pin);
  return asked ? { repo, revision: commit } : null;
}

/** Whether it is a pin of a form that the profile's validators take. */
export const isOfForm = ({ pin: { forms } }: Profile, pin: string): boolean =>
  forms.some((form) => pythonPattern(`^(?:${form})$`).test(pin));

/** What was found at a text's place on a Hub. */
export interface FoundContent {
  commit: string;
  contentHash: string;
  /** Of its files, hex. */
  sha256: ReadonlySet<string>;
}

/** Whether it is what the text pins, for the hotkey that committed it; null: the text pins nothing (a branch, or no revision at all). */
export function isPinned(profile: Profile, id: ModelId, found: FoundContent, hotkey: string): boolean | null {
  if (hasContentHash(profile)) return hashMatches(profile, id, found.contentHash, hotkey);
  if (profile.pin.store === 'file') return id.pin !== null && found.sha256.has(id.pin);
  return id.commit !== null && SHORT.test(id.commit) && found.commit.startsWith(id.commit) ? true : null;
}

/** A commit, whole or as short as git still takes it. */
const SHORT = /^[0-9a-f]{7,40}$/;

/** A Hub revision as this profile's texts name it. */
export function pinOfCommit({ pin: { hub_prefix: prefix } }: Profile, commit: string): string {
  return `${prefix ?? ''}${commit}`;
}

/** What `--commit-only REPO@PIN` pins: a revision that a Hub can be asked for, or content that is elsewhere. */
export type GivenPin = { kind: 'hub'; commit: string } | { kind: 'elsewhere'; pin: string };

/** A digest names content, never a revision of the Hub, also where the profile's store is one. */
const DIGEST = /^(?:sha256:)?[0-9a-f]{64}$/;

/** A pin as it was given, by the profile's kinds; null: of no kind that its validators take, or a revision that is not whole. */
export function givenPin(profile: Profile, given: string): GivenPin | null {
  const { store, hub_prefix: prefix } = profile.pin;
  const commit = prefix !== undefined && given.startsWith(prefix) ? given.slice(prefix.length) : given;
  const onHub = store === 'hf' || store === 'file' || prefix !== undefined;
  if (onHub && isCommit(commit)) return { kind: 'hub', commit };
  if (!isOfForm(profile, given)) return null;
  const digests = store === 'hf' || store === 'file';
  return digests && !DIGEST.test(given) ? null : { kind: 'elsewhere', pin: given };
}

/** Whether commitments of this profile name a competition by its number. */
export function namesCompetition({ commit: { format } }: Profile): boolean {
  const integer = (part: unknown) =>
    (part as Partial<Field>).name === 'competition' && (part as Partial<Field>).type === 'integer';
  return format.kind === 'join' && format.parts.some(integer);
}

/**
 * Whether validators find the chain's hash in a model's content, for the hotkey that committed it. Where the text holds no hash, the Hub revision
 * that it names is the content.
 */
export function hashMatches(profile: Profile, id: ModelId, contentHash: string, hotkey: string): boolean {
  if (!hasContentHash(profile)) return id.commit !== null;
  const bound = boundHash(contentHash, hotkey);
  if (profile.pretraining?.hash === 'content_or_hotkey_bound')
    return id.hash === contentHash || id.hash === bound;
  return id.hash === contentHash || id.secureHash === bound;
}

/** Whether the profile's texts hold a hash of the content, beside what pins it. */
export function hasContentHash({ commit }: Profile): boolean {
  return fieldsOf(commit.format).some(({ name }) => name === 'hash' || name === 'secure_hash');
}
