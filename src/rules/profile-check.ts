/** What a subnet's profile says of a model by itself: files, sizes, dtypes, and what is not judged here. */
import { formatWhole } from '../text/format.ts';
import { cannotTell } from './model/problem.ts';
import type { Finding, ModelFacts, Profile } from './types.ts';

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
export function notJudged({ not_judged: list }: Profile): Finding[] {
  return list.map((what) => cannotTell('not_judged', `Not judged here: ${what}.`));
}

/** `fnmatch`: `*` is anything, folders included, `?` one character. */
export function globMatches(glob: string, path: string): boolean {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[\\s\\S]*')
    .replaceAll('?', '[\\s\\S]');
  return new RegExp(`^${source}$`, 'u').test(path);
}

/** Those that may not be there. */
export const forbiddenAmong = (paths: readonly string[], { forbid }: Profile['files']): string[] =>
  paths.filter((path) => forbid.some((glob) => globMatches(glob, path)));

/** Names and patterns that may be there, those that must be among them; undefined: any. */
export const allowedNames = ({ allow, required }: Profile['files']): string[] | undefined =>
  allow === undefined ? undefined : [...required, ...allow];

/** Those that none of `allowed` names. */
export const beyond = (paths: readonly string[], allowed: readonly string[] | undefined): string[] =>
  allowed === undefined ? [] : paths.filter((path) => !allowed.some((glob) => globMatches(glob, path)));

/** Required, allowed and forbidden names, and how many weight files there may be. */
export function checkFiles(paths: readonly string[], { files }: Profile): Finding[] {
  const missing = files.required.filter((name) => !paths.includes(name));
  const forbidden = forbiddenAmong(paths, files);
  const allow = allowedNames(files);
  const extra = beyond(paths, allow);
  const found: Finding[] = [];
  const say = (rule: string, names: string[], limit: unknown, wrong: string, right: string) =>
    found.push({
      rule,
      ok: names.length === 0,
      actual: names,
      limit,
      message:
        names.length === 0
          ? right
          : `${wrong}: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ` and ${names.length - 8} more` : ''}.`,
    });
  if (files.required.length > 0)
    say(
      'files_required',
      missing,
      files.required,
      'These files are missing',
      'Every file that must be there is.',
    );
  if (files.forbid.length > 0)
    say('files_forbidden', forbidden, files.forbid, 'These files may not be there', 'No forbidden file.');
  if (allow !== undefined) say('files_allowed', extra, allow, 'Nothing else may be there', 'No other file.');
  if (files.weights === 'one_onnx') {
    const models = paths.filter((path) => path.endsWith('.onnx') && !path.includes('/'));
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
    {
      rule: 'config_keys',
      ok: found.length === 0,
      actual: found,
      limit: keys,
      message:
        found.length === 0
          ? `config.json has none of ${keys.join(', ')}.`
          : `config.json may not hold ${found.join(', ')}.`,
    },
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
