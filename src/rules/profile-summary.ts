/** A profile in the words of its readers: how it is written, what pins it, what is judged here and what is not. */
import { type Constants, profileNamed } from '../constants.ts';
import { PtError } from '../errors.ts';
import { decidedByLosses } from './duel/by-losses.ts';
import { fieldsOf, writeText } from './grammar.ts';
import { holdsTensors } from './model/files.ts';
import { repoLength } from './repository.ts';
import type { Profile } from './types.ts';

export interface ProfileSummary {
  name: string;
  netuid: number;
  title: string;
  paysFor: string | null;
  /** Whether the commitment is sealed until a moment, or in the open at once. */
  sealed: boolean;
  /** When a seal is opened, in words; null for a plain one. */
  reveal: string | null;
  /** The text on chain with the names of its fields in the place of their values. */
  text: string;
  maxBytes: number;
  store: 'hf' | 'hippius' | 'file' | 'none';
  /** What pins the content. */
  pin: string;
  /** How the subnet decides. */
  scoring: string;
  source: { repo: string; commit: string; date: string } | null;
  /** What `pt` judges there. */
  judged: string[];
  notJudged: string[];
}

/** Bytes of a plain commitment where the profile names no fewer. */
export const MAX_PLAIN_BYTES = 128;
const MAX_SEALED_BYTES = 778;

export function maxTextBytes({ commit }: Profile): number {
  return commit.max_bytes ?? (commit.mode === 'plain' ? MAX_PLAIN_BYTES : MAX_SEALED_BYTES);
}

/** All profiles of a constants folder that can be read, and what is wrong with each other one. */
export function describeProfiles(constants: Pick<Constants, 'profiles'>): {
  profiles: ProfileSummary[];
  broken: PtError[];
} {
  const [profiles, broken]: [ProfileSummary[], PtError[]] = [[], []];
  for (const name of Object.keys(constants.profiles))
    try {
      profiles.push(describeProfile(name, profileNamed(constants, name)));
    } catch (error) {
      if (!(error instanceof PtError)) throw error;
      broken.push(error);
    }
  return { profiles, broken };
}

export function describeProfile(name: string, profile: Profile): ProfileSummary {
  const { netuid, commit, pin, source } = profile;
  return {
    name,
    netuid,
    title: profile.name ?? name,
    paysFor: profile.pays_for ?? null,
    sealed: commit.mode === 'timelock',
    reveal: commit.mode === 'timelock' ? revealInWords(commit) : null,
    text: exampleText(profile),
    maxBytes: maxTextBytes(profile),
    store: pin.store,
    pin: pinInWords(profile),
    scoring: scoringInWords(profile),
    source: source && { repo: source.repo, commit: source.commit, date: source.date },
    judged: judgedInWords(profile),
    notJudged: undecidedHere(profile),
  };
}

function revealInWords({
  blocks,
  boundary,
}: {
  blocks?: number | undefined;
  boundary?: { epoch_blocks: number; margin: number } | undefined;
}) {
  if (boundary)
    return `${boundary.margin} blocks before the next multiple of ${boundary.epoch_blocks} blocks`;
  return `${blocks} ${blocks === 1 ? 'block' : 'blocks'} after it is sent`;
}

/** The text with `<field>` for every value. Patterns are left out, which no name would meet. */
function exampleText({ commit: { format } }: Profile): string {
  const bare = JSON.parse(
    JSON.stringify(format, (key, value) =>
      ['match', 'write', 'strip', 'lower', 'type', 'stem', 'truthy'].includes(key) ? undefined : value,
    ),
  ) as typeof format;
  return writeText(bare, Object.fromEntries(allFields(format).map((field) => [field, `<${field}>`])));
}

const allFields = (format: Profile['commit']['format']) => fieldsOf(format).map(({ name }) => name);

export function pinInWords({ pin: { store, hub_prefix: prefix } }: Profile): string {
  switch (store) {
    case 'hf':
      return 'a revision on the Hub';
    case 'hippius':
      return `an image in the Hippius registry${prefix === undefined ? '' : ', or a commit of the Hub'}`;
    case 'file':
      return 'the sha256 of one file';
    case 'none':
      return 'a container image';
  }
}

/**
 * What decides on the subnet and is not looked at here. A profile that names nothing, of a subnet that does not decide by losses or keeps its
 * content where `pt` does not read, has that all the same: nobody is to hear yes.
 */
export function undecidedHere(profile: Profile): string[] {
  const { not_judged: named, pretraining, pin, duel } = profile;
  if (named.length > 0 || pretraining !== null) return named;
  return [
    ...(decidedByLosses(duel) ? [] : [`how validators decide (${scoringInWords(profile)})`]),
    ...(pin.store === 'none' || pin.store === 'hippius'
      ? [`what is in a store that pt does not read (${pinInWords(profile)})`]
      : []),
  ];
}

export function scoringInWords({ duel }: Profile): string {
  switch (duel.kind) {
    case 'bootstrap_lcb':
      return `paired losses against the king: the lower bound (alpha ${duel.alpha}, ${duel.B} resamples) of the mean difference must be above ${duel.delta}`;
    case 'mean_margin':
      return `the mean score must be ${duel.margin} above the king's${duel.wins > 1 ? `, ${duel.wins} times` : ''}`;
    case 'pareto_envs':
      return `better by ${duel.margin} in ${duel.need} environment${duel.need > 1 ? 's' : ''}, and in none worse by ${duel.tolerance * 100}%`;
    case 'relative_lcb':
      return `the lower bound (alpha ${duel.alpha}) of the relative gain must reach a margin of ${duel.margin_start}, falling to ${duel.margin_end} over ${duel.margin_rounds} rounds`;
    case 'threshold_earliest':
      return `of all within ${duel.threshold} of the best, the earliest wins`;
    case 'epsilon_wins':
      return `win rate with an epsilon of ${duel.epsilon_start}, falling to ${duel.epsilon_end} in ${duel.decay_blocks} blocks`;
    case 'advantage_wins':
      return `win rate with an advantage of ${duel.initial} for the older model, times ${duel.decay} every ${duel.per_blocks} blocks`;
    case 'external':
      return duel.what;
  }
}

function judgedInWords(profile: Profile): string[] {
  const { files, config, pretraining } = profile;
  const { max_chars: longest } = repoLength(profile);
  if (pretraining !== null) return ['everything that its validators look at, from config and headers'];
  return [
    `the text on chain and the repository's name (at most ${longest} characters)`,
    ...(holdsTensors(profile) ? ['config.json, weight files and their headers'] : []),
    ...(files.required.length + files.forbid.length > 0 || files.allow ? ['which files are there'] : []),
    ...(config
      ? [
          `config.json against the ${config.against === 'allowlist' ? 'sizes that are allowed' : config.against}`,
        ]
      : []),
    ...copiesInWords(profile),
    ...duelInWords(profile),
  ];
}

function copiesInWords({ copies }: Profile): string[] {
  if (copies === undefined) return [];
  return copies.kind === 'cosine'
    ? [`near copies of the king, by ${copies.samples} values of each tensor`]
    : [`near copies of the king, by the first ${copies.bytes} bytes of its tensors`];
}

function duelInWords({ duel }: Profile): string[] {
  if (duel.kind === 'external') return [];
  return decidedByLosses(duel)
    ? ['the duel with the king, on text of yours (`pt evaluate --against king`)']
    : ['the rule that decides, for programs that have the scores (`rules.duel` of the API)'];
}
