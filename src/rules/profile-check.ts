/** What a subnet's profile says of a model by itself: files, sizes, dtypes, and what is not judged here. */
import { formatWhole } from '../text/format.ts';
import { pinnedFiles } from './model/files.ts';
import { cannotTell } from './model/problem.ts';
import { undecidedHere } from './profile-summary.ts';
import type { Finding, ModelFacts, Profile } from './types.ts';
import { NOT_JUDGED } from './verdict.ts';

/** All findings on `facts` that need no king beside it. What decides there and is not looked at here makes the verdict `unknown`. */
export function checkProfile(facts: ModelFacts, profile: Profile): Finding[] {
  const paths = facts.files.map(({ path }) => path);
  return [
    ...facts.problems,
    ...checkFiles(paths, profile),
    ...checkSize(facts.bytes, profile),
    ...checkConfigKeys(facts.config, profile),
    ...checkDtypes(facts.dtypes, profile),
    ...notJudged(profile),
  ];
}

/** One finding for each thing that decides there and that `pt` cannot look at. */
export function notJudged(profile: Profile): Finding[] {
  return undecidedHere(profile).map((what) => cannotTell('not_judged', `${NOT_JUDGED}${what}.`));
}

/** `fnmatch`: `*` is anything, folders included, `?` one character. */
export function globMatches(glob: string, path: string): boolean {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[\\s\\S]*')
    .replaceAll('?', '[\\s\\S]');
  return new RegExp(`^${source}$`, 'u').test(path);
}

/** Names and patterns that may be there, those that must be among them; undefined: any. */
const allowedNames = ({ allow, required }: Profile['files']): string[] | undefined =>
  allow === undefined ? undefined : [...required, ...allow];

/** Where any weights do, one file of them must be there: `openFolder` says so of itself. */
const SOME_WEIGHTS = '*.safetensors';

/** What of the files is missing, what may not be there, and what else is not allowed, by names and patterns. */
export function manifestOf(
  paths: readonly string[],
  { files }: Pick<Profile, 'files'>,
): { missing: string[]; forbidden: string[]; extras: string[] } {
  const present = [...new Set(paths)];
  const among = (globs: readonly string[]) => (path: string) => globs.some((glob) => globMatches(glob, path));
  const needed = [...files.required, ...(files.weights === 'any' ? [SOME_WEIGHTS] : [])];
  const forbidden = present.filter(among(files.forbid));
  const allowed = allowedNames(files);
  return {
    missing: needed.filter((glob) => !present.some(among([glob]))),
    forbidden: forbidden.sort(),
    extras:
      allowed === undefined
        ? []
        : present.filter((path) => !forbidden.includes(path) && !among(allowed)(path)).sort(),
  };
}

/** A finding of names: right without any, else `wrong` with the first of them. */
function listed(
  rule: string,
  names: readonly string[],
  { limit, right, wrong }: { limit: unknown; right: string; wrong: (names: string) => string },
): Finding {
  const [ok, more] = [names.length === 0, names.length > 8 ? ` and ${names.length - 8} more` : ''];
  const message = ok ? right : wrong(`${names.slice(0, 8).join(', ')}${more}`);
  return { rule, ok, actual: names, limit, message };
}

/** Required, allowed and forbidden names, and how many weight files there may be. */
export function checkFiles(paths: readonly string[], profile: Profile): Finding[] {
  const { files } = profile;
  const { missing, forbidden, extras } = manifestOf(paths, profile);
  const allow = allowedNames(files);
  const found: Finding[] = [];
  if (files.required.length > 0)
    found.push(
      listed(
        'files_required',
        missing.filter((name) => name !== SOME_WEIGHTS),
        {
          limit: files.required,
          right: 'Every file that must be there is.',
          wrong: (names) => `These files are missing: ${names}.`,
        },
      ),
    );
  if (files.forbid.length > 0)
    found.push(
      listed('files_forbidden', forbidden, {
        limit: files.forbid,
        right: 'No forbidden file.',
        wrong: (names) => `These files may not be there: ${names}.`,
      }),
    );
  if (allow !== undefined)
    found.push(
      listed('files_allowed', extras, {
        limit: allow,
        right: 'No other file.',
        wrong: (names) => `Nothing else may be there: ${names}.`,
      }),
    );
  if (files.weights === 'one_onnx') {
    const models = pinnedFiles(paths);
    found.push({
      rule: 'weights',
      ok: models.length === 1,
      actual: models,
      limit: 'one .onnx',
      message:
        models.length === 1
          ? `${models[0]} is the model.`
          : `One .onnx must lie in the root, not ${models.length}.`,
    });
  }
  return found;
}

function checkSize(bytes: number, { files }: Profile): Finding[] {
  const { max_bytes: limit } = files;
  if (limit === undefined) return [];
  const ok = bytes <= limit;
  const [has, may] = [bytes, limit].map((count) => formatWhole(count));
  return [
    {
      rule: 'bytes',
      ok,
      actual: bytes,
      limit,
      message: ok
        ? `${has} bytes in all files, ${may} allowed.`
        : `${has} bytes in all files; ${may} are allowed.`,
    },
  ];
}

function checkConfigKeys(config: Record<string, unknown>, profile: Profile): Finding[] {
  const keys = profile.config?.forbid_keys ?? [];
  if (keys.length === 0) return [];
  const found = keys.filter((key) => Object.hasOwn(config, key));
  return [
    listed('config_keys', found, {
      limit: keys,
      right: `config.json has none of ${keys.join(', ')}.`,
      wrong: (names) => `config.json may not hold ${names}.`,
    }),
  ];
}

/** The dtypes of the weights, where only some are taken. */
export function checkDtypes(dtypes: readonly string[], profile: Profile): Finding[] {
  const allowed = profile.config?.dtypes;
  if (allowed === undefined) return [];
  const other = dtypes.filter((dtype) => !allowed.includes(dtype));
  return [
    {
      rule: 'dtype',
      ok: other.length === 0,
      actual: dtypes,
      limit: allowed,
      message:
        other.length === 0
          ? `Weights in ${dtypes.join(', ') || 'no dtype'}.`
          : `Weights in ${other.join(', ')}; only ${allowed.join(' and ')} are taken.`,
    },
  ];
}
