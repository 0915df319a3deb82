/** A commitment made, strictly: every value is there, of its kind, and read back as what was meant; else what is wrong is said by its flag. */
import { createHash } from 'node:crypto';
import { UserError } from '../errors.ts';
import { shellWord } from '../text/shell-word.ts';
import { hasContentHash, isOfForm, pinOfCommit } from './commitment.ts';
import { type Fields, fieldsOf, readText, Unwritable, writeText } from './grammar.ts';
import { boundHash } from './hash.ts';
import { maxTextBytes, pinInWords } from './profile-summary.ts';
import { isCommit, parseRepoId } from './repository.ts';
import type { Profile } from './types.ts';

/** What to commit for a model on the Hub. */
export interface CommitmentInput {
  /** `namespace/name`. */
  repo: string;
  /** The Hub's revision, 40 hex digits; null: `pin` is what pins it. */
  commit: string | null;
  /** What pins content that no revision of a Hub is; left out: `commit`, or `sha256` where the profile pins a file. */
  pin?: string | null;
  /** Null: pt has not seen the content. */
  contentHash: string | null;
  /** SS58. */
  hotkey: string;
  /** Profile `3.2`: bind the hash to the hotkey (`--use-hotkey-in-hash`); `6.0` always does. */
  useHotkeyInHash?: boolean;
  /** As the text names it; null or left out: competition 0 of the pretraining releases, and nothing elsewhere. */
  competitionId?: number | string | null;
  /** Of the one file that the pin is of, where the profile pins a file: hex, and its name. */
  sha256?: string | null;
  file?: string | null;
  /** What else the text names (`--field NAME=VALUE`). */
  fields?: Fields;
}

/** Fields that `pt` fills in by itself, on whatever subnet. */
const OWN = new Set(['repo', 'repo_ns', 'repo_name', 'pin', 'sha256', 'hash', 'secure_hash', 'hotkey']);

/** A field of the text that the miner gives. `flag`: with which flag. */
export interface GivenField {
  name: string;
  /** The text is not written without it. */
  needed: boolean;
  flag: '--field' | '--competition';
}

/** The fields of a profile's text that only the miner knows, in their order. */
export function givenFields({ commit, pin, pretraining }: Profile): GivenField[] {
  return fieldsOf(commit.format).flatMap(({ name, needed, digest }): GivenField[] => {
    const known = OWN.has(name) || digest !== null || (name === 'competition' && pretraining !== null);
    if (known) return [];
    if (name === 'competition') return [{ name, needed, flag: '--competition' }];
    // The file that is pinned has a name, which is taken.
    return [{ name, needed: needed && !(name === 'file' && pin.store === 'file'), flag: '--field' }];
  });
}

/** Whether its text names one of the subnet's competitions, which only its validators know. */
export const namesOwnCompetition = (profile: Profile): boolean =>
  givenFields(profile).some(({ flag }) => flag === '--competition');

/**
 * The chain string for a model, checked: a repository both sides accept, a pin of the profile's kind, a sha256 hash, no longer than it may be,
 * and read back by the same grammar as what was meant. Throws `UserError` `repo.invalid`, `commitment.invalid`, or `commitment.field` for a
 * value that the miner gives.
 */
export function commitmentFor(profile: Profile, input: CommitmentInput): string {
  const wrong = (what: string) =>
    new UserError('commitment.invalid', `Not a valid commitment: ${what}`, {
      nextSteps: [
        'pt upload --load-model-dir DIR --hf-repo-id NAMESPACE/NAME   # makes commit and hash itself',
      ],
    });
  const { commit, contentHash } = input;
  if (commit !== null && !isCommit(commit))
    throw wrong(`commit must be 40 hex digits, not ${JSON.stringify(commit)}.`);
  if (contentHash !== null && !/^[A-Za-z0-9+/]{43}=$/.test(contentHash))
    throw wrong('the content hash is not a sha256 in base64.');
  const fields = valuesOf(profile, input);
  const missing = fieldsOf(profile.commit.format)
    .filter(({ name, needed }) => needed && isNothing(fields[name]))
    .map(({ name }) => name);
  refuseWithout(
    profile,
    input,
    missing.filter((name) => isGiven(profile, name)),
  );
  if (missing.includes('pin'))
    throw wrong(`the text pins ${pinInWords(profile)}: name it, --commit-only ${input.repo}@PIN.`);
  if (missing.length > 0) throw wrong(`it also names ${missing.join(', ')}, which pt does not know here.`);
  const { pin } = fields;
  if (typeof pin === 'string' && !isOfForm(profile, pin))
    throw wrong(
      `the pin ${JSON.stringify(pin)} is of no form that validators take: ${profile.pin.forms.join(', ')}.`,
    );
  let text: string;
  try {
    text = writeText(profile.commit.format, fields);
  } catch (error) {
    if (!(error instanceof Unwritable)) throw error;
    if (error.field === null || !isGiven(profile, error.field)) throw wrong(`${error.message}.`);
    throw badField(profile, input, [error.field], error.what);
  }
  refuseOtherMeaning(profile, input, { text, fields, wrong });
  refuseTooLong(profile, input, text);
  return text;
}

/** Before there is a model: throws `UserError` `commitment.field` while the text names what only the miner knows, and it was not given. */
export function refuseMissing(
  profile: Profile,
  { fields = {}, competitionId }: Pick<CommitmentInput, 'fields' | 'competitionId'>,
): void {
  const known: Fields = { competition: competitionId, ...fields };
  const missing = givenFields(profile).filter(({ name, needed }) => needed && isNothing(known[name]));
  refuseWithout(
    profile,
    { fields },
    missing.map(({ name }) => name),
  );
}

function refuseWithout(
  profile: Profile,
  input: Pick<CommitmentInput, 'fields'>,
  missing: readonly string[],
): void {
  if (missing.length === 0) return;
  const what = `needed in the text, and only you know ${missing.length > 1 ? 'them' : 'it'}`;
  throw badField(profile, input, missing, what);
}

const isNothing = (value: unknown): boolean => value === undefined || value === null || value === '';

const isGiven = (profile: Profile, name: string): boolean =>
  givenFields(profile).some((field) => field.name === name);

function valuesOf(profile: Profile, input: CommitmentInput): Fields {
  const { namespace, name } = parseRepoId(profile, input.repo);
  const { commit, contentHash, hotkey, sha256 } = input;
  const bound = contentHash === null ? undefined : boundHash(contentHash, hotkey);
  const pin =
    input.pin ??
    (profile.pin.store === 'file'
      ? sha256
      : profile.pin.store === 'none' || commit === null
        ? null
        : pinOfCommit(profile, commit));
  const named = {
    ...{ repo: input.repo, repo_ns: namespace, repo_name: name, pin, sha256, hotkey },
    ...(contentHash === null
      ? {}
      : { hash: input.useHotkeyInHash ? bound : contentHash, secure_hash: bound }),
  };
  const competition =
    input.fields?.competition ?? input.competitionId ?? (profile.pretraining === null ? undefined : 0);
  const file = profile.pin.store === 'file' ? (input.fields?.file ?? input.file) : input.fields?.file;
  const fields: Fields = { ...input.fields, file, competition, ...named };
  for (const { name: made, digest } of fieldsOf(profile.commit.format))
    if (digest !== null && !digest.some((each) => isNothing(fields[each])))
      fields[made] = digestOf(digest.map((each) => String(fields[each])));
  return fields;
}

/** As dippy has it: `int(sha256(' '.join(…)).hexdigest()[:16], 16)`. */
const digestOf = (words: readonly string[]): string =>
  BigInt(`0x${createHash('sha256').update(words.join(' ')).digest('hex').slice(0, 16)}`).toString();

/** What a value that the miner gives has wrong, with the flags that mend it. */
function badField(
  profile: Profile,
  { fields = {} }: Pick<CommitmentInput, 'fields'>,
  names: readonly string[],
  what: string,
  placeholder = 'VALUE',
): UserError {
  const flagOf = (name: string) =>
    name === 'competition' && fields.competition === undefined ? '--competition' : '--field';
  const kept = Object.entries(fields).filter(([name]) => !names.includes(name));
  const asFields = [
    ...kept.map(([name, value]) => shellWord(`${name}=${String(value)}`)),
    ...names.filter((name) => flagOf(name) === '--field').map((name) => `${name}=${placeholder}`),
  ];
  const step = [
    ...(names.some((name) => flagOf(name) === '--competition') ? [`--competition ${placeholder}`] : []),
    ...(names.some((name) => flagOf(name) === '--field') ? asFields.map((each) => `--field ${each}`) : []),
  ].join(' ');
  const shown = names.map((name) => `${flagOf(name)}${flagOf(name) === '--field' ? ` ${name}=` : ''}`);
  const all = givenFields(profile).map(({ name, needed }) => `${name}${needed ? '' : ' (may be left out)'}`);
  return new UserError(
    'commitment.field',
    `${shown.join(', ')}: ${what}. The text names ${all.join(', ')}.`,
    { nextSteps: [step] },
  );
}

/** Refuses a text that validators would read as something else, by the value that does it where that can be told. */
function refuseOtherMeaning(
  profile: Profile,
  input: CommitmentInput,
  { text, fields, wrong }: { text: string; fields: Fields; wrong: (what: string) => UserError },
): void {
  const { format } = profile.commit;
  const read = readText(format, text, true);
  const back = read.kind === 'read' ? read.fields : null;
  const plain = (value: unknown) => String(value).toLowerCase();
  const other = fieldsOf(format).find(
    ({ name }) =>
      back !== null &&
      back[name] !== undefined &&
      fields[name] !== undefined &&
      plain(back[name]) !== plain(fields[name]),
  );
  if (back !== null && other === undefined) return;
  const splits = ({ name }: { name: string }) =>
    format.kind === 'join' && String(fields[name] ?? '').includes(format.sep) && isGiven(profile, name);
  const guilty = fieldsOf(format).find(splits) ?? other;
  if (guilty === undefined || !isGiven(profile, guilty.name))
    throw wrong(`${JSON.stringify(text)} would be read as something else than was meant.`);
  const value = JSON.stringify(fields[guilty.name]);
  throw badField(
    profile,
    input,
    [guilty.name],
    splits(guilty)
      ? `${value} holds ${JSON.stringify((format as { sep: string }).sep)}, which stands between the parts of the text`
      : `${value} would be read as ${JSON.stringify(back?.[guilty.name] ?? null)}`,
  );
}

/** Refuses a text that is too long, by the longest of what can be chosen: a value that was given, or the repository's name. */
function refuseTooLong(profile: Profile, input: CommitmentInput, text: string): void {
  const { max_chars: mostChars } = profile.commit;
  const most = maxTextBytes(profile);
  const bytes = Buffer.byteLength(text);
  const chars = [...text].length;
  const [over, what] =
    bytes > most
      ? [bytes - most, `${bytes} bytes, ${most} fit on chain`]
      : mostChars !== undefined && chars > mostChars
        ? [chars - mostChars, `${chars} characters, ${mostChars} are taken there`]
        : [0, ''];
  if (over === 0) return;
  const given = givenFields(profile).map(({ name }) => name);
  const length = (name: string) => String(input.fields?.[name] ?? '').length;
  const longest = given.toSorted((a, b) => length(b) - length(a))[0];
  if (longest !== undefined && length(longest) > Math.max(over, input.repo.length))
    throw badField(profile, input, [longest], `the whole text has ${what}: ${over} too many`, 'SHORTER');
  throw new UserError(
    'commitment.invalid',
    `Not a valid commitment: ${what}: ${over} too many; ${input.repo} takes ${input.repo.length} of them.`,
    {
      nextSteps: [
        `--hf-repo-id NAMESPACE/NAME   # of at most ${input.repo.length - over} characters`,
        ...(hasContentHash(profile) ? ['pt profiles show NAME   # what the text holds'] : []),
      ],
    },
  );
}
