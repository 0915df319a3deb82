/** A model beside the king's: which of its settings and files a subnet locks. */
import { createHash } from 'node:crypto';
import { isObject } from '../text/strict-json.ts';
import { pythonEqual } from './python-equal.ts';
import type { Finding, Profile } from './types.ts';

/** What is compared: config.json as read, the files, and the sha256 of those that are asked for. */
export interface Beside {
  config: Record<string, unknown>;
  paths: readonly string[];
  /** Hex by path; what is missing was not read. */
  sha256?: ReadonlyMap<string, string>;
}

/** Every finding of a model beside the king's (or the genesis model's); those that need none are `checkProfile`'s. */
export function checkAgainst(model: Beside, king: Beside, profile: Profile): Finding[] {
  return [
    ...checkLocks(model.config, king.config, profile),
    ...checkCode(model, king, profile),
    ...checkLayout(model.paths, profile),
    ...checkEqualFiles(model, king, profile),
  ];
}

const ABSENT = Symbol('absent');

/** The files that must be the king's, or those of a sha256, to the byte. */
export const equalFiles = ({ files: { byte_equal: named = [] } }: Profile): string[] =>
  Array.isArray(named) ? named : Object.keys(named);

/** Whether the subnet holds a model's settings or files to its king's. */
export const locksFiles = (profile: Profile): boolean =>
  profile.config !== null || equalFiles(profile).length > 0;

/** Locked keys by Python's `==`. Whether an absent key is as good as null, the profile says. */
export function checkLocks(
  config: Record<string, unknown>,
  king: Record<string, unknown>,
  profile: Profile,
  keys: readonly string[] = profile.config?.lock ?? [],
): Finding[] {
  const { config: rule } = profile;
  if (rule === null) return [];
  const of = (from: Record<string, unknown>, key: string): unknown => {
    const value = atPath(from, key);
    return value === ABSENT && rule.absent_is_null ? null : value;
  };
  const shown = (value: unknown): unknown => (value === ABSENT ? 'absent' : value);
  const differing = keys.filter((key) => !pythonEqual(of(config, key), of(king, key)));
  const findings = differing.map((key): Finding => {
    const [actual, limit] = [shown(of(config, key)), shown(of(king, key))];
    return {
      rule: `lock:${key}`,
      ok: false,
      actual,
      limit,
      message: `config.json: ${key} is ${JSON.stringify(actual)}; it is locked to ${JSON.stringify(limit)}.`,
    };
  });
  const architectures = checkArchitectures(config.architectures, king.architectures, rule.lock_architectures);
  if (architectures.length + findings.length > 0) return [...architectures, ...findings];
  return keys.length === 0
    ? []
    : [
        {
          rule: 'locks',
          ok: true,
          actual: [],
          limit: keys,
          message: `All ${keys.length} locked keys are the king's.`,
        },
      ];
}

function atPath(config: Record<string, unknown>, path: string): unknown {
  let at: unknown = config;
  for (const key of path.split('.')) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return ABSENT;
    at = at[key];
  }
  return at;
}

function checkArchitectures(
  own: unknown,
  king: unknown,
  how: NonNullable<Profile['config']>['lock_architectures'],
): Finding[] {
  const bothNamed = [own, king].every((list) => Array.isArray(list) && list.length > 0);
  if (how === undefined || (how === 'if_both' && !bothNamed) || pythonEqual(own ?? null, king ?? null))
    return [];
  return [
    {
      rule: 'architecture',
      ok: false,
      actual: own ?? null,
      limit: king ?? null,
      message: `architectures is ${JSON.stringify(own ?? null)}; it is locked to ${JSON.stringify(king ?? null)}.`,
    },
  ];
}

/** Python files: none, or the ones that the profile names, with exactly its auto_map and byte for byte the king's. */
function checkCode(model: Beside, king: Beside, { files, config }: Profile): Finding[] {
  const { code } = files;
  if (code === undefined) return [];
  const wrong = (message: string, actual: unknown): Finding[] => [
    { rule: 'custom_code', ok: false, actual, limit: code, message },
  ];
  const python = model.paths.filter((path) => path.endsWith('.py'));
  const other = python.filter((path) => !code.includes(path));
  if (other.length > 0)
    return wrong(`Python files that are not the king's: ${other.slice(0, 5).join(', ')}.`, other);
  const map = model.config.auto_map;
  const named = isObject(map) ? Object.keys(map).length > 0 : Boolean(map);
  if (!named)
    return python.length > 0
      ? wrong('Python files are taken only with the auto_map that names them.', python)
      : [];
  if (!isObject(map) || !pythonEqual(map, config?.auto_map ?? null))
    return wrong(`auto_map must be exactly ${JSON.stringify(config?.auto_map ?? null)}.`, map);
  const missing = code.filter((path) => !python.includes(path));
  if (missing.length > 0) return wrong(`auto_map needs ${missing.join(', ')}.`, missing);
  const changed = code.filter((path) => model.sha256?.get(path) !== king.sha256?.get(path));
  return changed.length > 0 ? wrong(`${changed.join(', ')}: not byte for byte the king's.`, changed) : [];
}

const SHARD = /^model-\d{5}-of-\d{5}\.safetensors\n?$/;

/** The names by which transformers saves weights: one file, or an index and numbered shards. */
export function checkLayout(paths: readonly string[], { files }: Profile): Finding[] {
  if (files.weights !== 'single_or_indexed') return [];
  const single = paths.includes('model.safetensors');
  const sharded = paths.includes('model.safetensors.index.json') && paths.some((path) => SHARD.test(path));
  const ok = single || sharded;
  const weights = paths.filter((path) => path.endsWith('.safetensors'));
  return [
    {
      rule: 'layout',
      ok,
      actual: weights,
      limit: 'model.safetensors, or model-NNNNN-of-NNNNN.safetensors with an index',
      message: ok
        ? 'Weights have their usual names.'
        : `No weights under their usual names (${weights.slice(0, 3).join(', ') || 'none at all'}).`,
    },
  ];
}

function checkEqualFiles(model: Beside, king: Beside, { files }: Profile): Finding[] {
  const named = files.byte_equal;
  if (named === undefined) return [];
  const wanted = Array.isArray(named)
    ? named.map((path) => [path, king.sha256?.get(path)] as const)
    : Object.entries(named);
  const unknown = wanted.filter(([path, sha256]) => sha256 === undefined || !model.sha256?.has(path));
  const changed = wanted.filter(
    ([path, sha256]) => !unknown.some(([name]) => name === path) && model.sha256?.get(path) !== sha256,
  );
  const missing = unknown.map(([path]) => path).filter((path) => !model.paths.includes(path));
  const bad = [...changed.map(([path]) => path), ...missing];
  return [
    {
      rule: 'byte_equal',
      ok: bad.length === 0 ? (unknown.length > missing.length ? null : true) : false,
      ...(bad.length === 0 && unknown.length > missing.length ? { verdict: 'unknown' as const } : {}),
      actual: bad,
      limit: wanted.map(([path]) => path),
      message:
        bad.length > 0
          ? `These files must be byte for byte the king's: ${bad.join(', ')}.`
          : unknown.length > missing.length
            ? `Not compared with the king's: ${unknown.map(([path]) => path).join(', ')}.`
            : "The files that must be the king's are.",
    },
  ];
}

/** A config that must equal one of a list of sizes (Affine). Null: it does; else what kind of wrong it is. */
export function checkAllowlist(config: Record<string, unknown>, { config: rule }: Profile): Finding[] {
  const allowed = rule?.allow;
  if (allowed === undefined) return [];
  const fits = allowed.some((entry) =>
    Object.entries(entry).every(([path, wanted]) => {
      const value = atPath(config, path);
      return pythonEqual(value === ABSENT ? null : value, wanted);
    }),
  );
  const quantised = rule!.unquantised === true && isObject(config.quantization_config);
  if (fits && quantised)
    return [
      {
        rule: 'quantized_model',
        ok: false,
        actual: config.quantization_config,
        limit: null,
        message: 'config.json has a quantization_config: only full models are taken.',
      },
    ];
  return [
    {
      rule: 'model_not_allowed',
      ok: fits,
      actual: config.model_type ?? null,
      limit: allowed,
      message: fits
        ? 'Its sizes are among those that are allowed.'
        : 'Its sizes are none of those that are allowed.',
    },
  ];
}

/** requirements.txt with every package pinned by its hash: null, or what is wrong (cascade). */
export function requirementsProblem(
  text: string,
  { allowed, most }: { allowed: readonly string[] | null; most: number },
): string | null {
  const lines = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: where Python's splitlines ends a line
    .split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const joined: string[] = [];
  let begun = '';
  for (const line of lines) {
    if (line.endsWith('\\')) begun += `${line.slice(0, -1)} `;
    else {
      joined.push(begun + line);
      begun = '';
    }
  }
  if (begun !== '') joined.push(begun);
  if (joined.length > most) return 'too_many_packages';
  const names = joined.map((line) => REQUIREMENT.exec(line)?.[1]?.toLowerCase() ?? null);
  if (names.includes(null)) return 'requirement_not_hash_locked';
  const known = allowed === null ? null : new Set(allowed.map((name) => name.toLowerCase()));
  return known !== null && names.some((name) => !known.has(name!)) ? 'requirement_not_allowlisted' : null;
}

const REQUIREMENT =
  /^([A-Za-z0-9_.-]+)\s*==\s*[A-Za-z0-9_.+-]+(?:\s+--hash=sha256:[A-Fa-f0-9]{64})+\s*(?:#.*)?$/;

/**
 * One digest for the weights, of each file's sha256 by its name, in Python's order of names (Teutonic). Throws `RangeError` for none, or for
 * what is no sha256.
 */
export function safetensorsDigest(digests: Readonly<Record<string, string>>): string {
  const names = Object.keys(digests).sort(byCodePoint);
  if (names.length === 0) throw new RangeError('there are no weights');
  const hash = createHash('sha256');
  for (const name of names) {
    const digest = digests[name]!.toLowerCase().replace(/^sha256:/, '');
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new RangeError(`${name} has no sha256`);
    hash.update(name).update('\0').update(Buffer.from(digest, 'hex'));
  }
  return hash.digest('hex');
}

const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
