/**
 * The small form of a profile, for a sandbox that plays it: the same texts, seals, names, files and locks, without what only a full-sized model or
 * months of a chain could meet. Its name and `not_judged` say what it is.
 */
import { UserError } from '../errors.ts';
import { pythonPattern } from '../text/python.ts';
import { checkNames, type Owner, tokenOf } from './names.ts';
import { scoringInWords } from './profile-summary.ts';
import { isHubRepo, parseRepoId } from './repository.ts';
import type { Profile } from './types.ts';

export const smallFormName = (name: string): string => `${name}-sandbox`;

/** An epoch's boundary comes in minutes, a model's age in blocks of a second. */
const EPOCH = { epoch_blocks: 60, margin: 5 };
const MOST_AGE = 5;
/** As many sequences of the built-in text as two cores score in seconds; as long as the sandbox's competition. */
const SAMPLE = { n: 64, length: 256 };
/** How the sandbox decides where the subnet does not decide by losses. */
const BY_LOSSES = { kind: 'bootstrap_lcb', alpha: 0.05, delta: 0, B: 1000, seed: 0, ...SAMPLE } as const;
const LOSSES = new Set<Profile['duel']['kind']>(['bootstrap_lcb', 'epsilon_wins', 'advantage_wins']);

/** `king`: its config.json, whose sizes take the place of a list of allowed ones; null: there is none. */
export function smallForm(name: string, profile: Profile, king: Record<string, unknown> | null): Profile {
  const { commit, config, duel, limits, repo } = profile;
  const { min_block: _block, seals_from_block: _from, min_age_blocks: age, ...kept } = limits;
  const decides = profile.pretraining !== null || LOSSES.has(duel.kind);
  return {
    ...profile,
    name: `${profile.name ?? name} (sandbox)`,
    stands_in_for: name,
    commit:
      commit.mode === 'timelock' && commit.boundary ? { ...commit, boundary: { ...EPOCH } } : { ...commit },
    repo: {
      ...repo,
      ...(repo.contains ? { contains: repo.contains.map(({ from_block: _, ...each }) => each) } : {}),
    },
    config:
      config?.allow && king
        ? { ...config, allow: config.allow.map((sizes) => takeFrom(king, Object.keys(sizes))) }
        : config,
    limits: { ...kept, ...(age === undefined ? {} : { min_age_blocks: Math.min(age, MOST_AGE) }) },
    duel:
      duel.kind === 'bootstrap_lcb'
        ? { ...duel, ...SAMPLE }
        : decides
          ? duel
          : { ...BY_LOSSES, ...(duel.kind === 'mean_margin' && duel.wins > 1 ? { wins: duel.wins } : {}) },
    not_judged: [
      ...(decides
        ? []
        : [
            `how the subnet decides (${scoringInWords(profile)}): the sandbox compares losses on its own text`,
          ]),
      ...profile.not_judged,
    ],
  };
}

type Plain = string | number | boolean | null;

function takeFrom(config: Record<string, unknown>, paths: string[]): Record<string, Plain> {
  const at = (path: string): Plain => {
    let value: unknown = config;
    for (const key of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[key];
    return value === undefined ? null : (value as Plain);
  };
  return Object.fromEntries(paths.map((path) => [path, at(path)]));
}

/** Whether the sandbox can have a king there: a language model in a repository on the Hub. */
export function canHaveKing({ files, pin }: Profile): boolean {
  const onHub = pin.store === 'hf' || pin.hub_prefix !== undefined;
  return onHub && files.weights !== 'one_onnx' && files.weights !== 'none';
}

const NAMESPACE = 'king';

/** A repository name for the king that the profile takes. Throws `UserError` `profile.king_name` when none can be made up. */
export function kingRepo(profileName: string, profile: Profile, owner: Owner): string {
  const { repo: rule, sandbox } = profile;
  const base = sandbox?.king_name ?? nameLike(rule.match) ?? 'model-king';
  const words = (rule.contains ?? []).map((part) => ({
    ...part,
    token: tokenOf(
      part.of === 'hotkey' ? owner.hotkey : part.of === 'coldkey' ? (owner.coldkey ?? '') : part.of,
      part.take,
    ),
  }));
  let repo = `${NAMESPACE}/${base}`;
  for (const { token, where } of words.toSorted(
    (a, b) => Number(a.where === 'name_end') - Number(b.where === 'name_end'),
  ))
    if (where === 'name_end' || !repo.toLowerCase().includes(token.toLowerCase())) repo = `${repo}-${token}`;
  try {
    parseRepoId(profile, repo);
  } catch (error) {
    throw noName(profileName, (error as Error).message);
  }
  const wrong = checkNames(repo, owner, profile, Number.MAX_SAFE_INTEGER).find(({ ok }) => ok === false);
  if (wrong) throw noName(profileName, wrong.message);
  return repo;
}

/** A name that fits a simple pattern: its anchors and escapes taken off, its wildcards filled. Null: it does not fit, or there is none. */
function nameLike(pattern: string | undefined): string | null {
  if (pattern === undefined) return null;
  const filled = pattern
    .replace(/^\^|\$$/g, '')
    .replace(/\[\^\/\][+*]/, NAMESPACE)
    .replaceAll(/\.[+*]/g, 'king')
    .replaceAll(/\\(.)/g, '$1');
  const name = filled.startsWith(`${NAMESPACE}/`) ? filled.slice(NAMESPACE.length + 1) : null;
  return name !== null && isHubRepo(filled) && pythonPattern(pattern).test(filled) ? name : null;
}

const noName = (profile: string, why: string): UserError =>
  new UserError('profile.king_name', `No name for the king of profile ${profile} can be made up: ${why}`, {
    nextSteps: [
      `"sandbox": { "king_name": "NAME" } in the file of profile ${profile}`,
      'pt profiles show NAME',
    ],
  });
