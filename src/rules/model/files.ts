/** Which files of a model count: what loading fetches enters the content hash, in both profiles. */
import { tokenizerFilesOf, tokenizerFilesOfAll } from '../../architectures.ts';
import { isObject, type JsonObject } from '../../text/strict-json.ts';
import { hashOrder } from '../hash.ts';
import type { Profile } from '../types.ts';

export const CONFIG = 'config.json';
export const GENERATION_CONFIG = 'generation_config.json';
export const WEIGHTS = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';
const TOKENIZER = 'tokenizer.json';
export const TOKENIZER_CONFIG = 'tokenizer_config.json';

/**
 * Those of `paths` that are tokenizer files: of some class in some release, or a fast tokenizer for some release (`tokenizer.4.0.0.json`; which of these
 * is taken, tokenizer_config.json and the release decide). Pickles are none.
 */
export function tokenizerFilesAmong(paths: Iterable<string>): string[] {
  const known = new Set(
    tokenizerFilesOfAll().flatMap(({ common, classes }) => [...common, ...Object.values(classes).flat()]),
  );
  return [...paths].filter(
    (path) =>
      (known.has(path) && /\.(json|txt|model|codes|tokenizer)$/.test(path)) ||
      (isPlainName(path) && VERSIONED.test(path)),
  );
}

const VERSIONED = /tokenizer\.(.*)\.json/;

const NONE = { common: [TOKENIZER_CONFIG], classes: {}, by_model_type: {} };

/** The small files that decide which others count, parsed; absent or unreadable ones are null. */
export interface Deciding {
  config: JsonObject | null;
  index: JsonObject | null;
  tokenizerConfig: JsonObject | null;
}

/** The weight files that loading reads: the single file wins over an index and its shards. */
export function weightFiles(paths: ReadonlySet<string>, index: JsonObject | null): string[] {
  if (paths.has(WEIGHTS)) return [WEIGHTS];
  return paths.has(INDEX) ? shardNames(index).filter((shard) => paths.has(shard)) : [];
}

/** Shard names of an index, each once; names that are not plain file names are left out (they never load). */
function shardNames(index: JsonObject | null): string[] {
  const map = index?.weight_map;
  if (!isObject(map)) return [];
  const names = Object.values(map).filter((name): name is string => typeof name === 'string');
  return [...new Set(names)].filter(isPlainName);
}

/** A file name without folders, control characters or tricks. */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/.test(name);
}

/** Whether models of this profile are safetensors of a transformer, and not ONNX or code. */
export function holdsTensors({ files }: Pick<Profile, 'files'>): boolean {
  return files.weights === 'single_or_indexed' || files.weights === 'any';
}

/** Those of `paths` that can be the one file which is the model (ONNX): in the root. */
export const pinnedFiles = (paths: readonly string[]): string[] =>
  paths.filter((path) => /^[^/]+\.onnx$/.test(path));

/** What a copy of a model carries of `paths`: what loading reads, a tokenizer, and what the profile says must be there. */
export function carriedFiles(
  paths: ReadonlySet<string>,
  hashed: readonly string[],
  { files }: Pick<Profile, 'files'>,
): string[] {
  const wanted = [...hashed, ...tokenizerFilesAmong(paths), ...files.required.filter(isPlainName)];
  return [...new Set(wanted)].filter((path) => paths.has(path));
}

/** Files of a revision (or folder) that enter its content hash, in hashing order. */
export function hashedFiles(paths: ReadonlySet<string>, deciding: Deciding, profile: Profile): string[] {
  if (!holdsTensors(profile)) return hashOrder([...paths].filter((path) => !path.startsWith('.')));
  const weights = weightFiles(paths, deciding.index);
  const { pretraining: validators } = profile;
  const files = [
    CONFIG,
    GENERATION_CONFIG,
    ...weights,
    ...(paths.has(WEIGHTS) ? [] : [INDEX]),
    ...(validators?.hashes_tokenizer ? tokenizerFiles(deciding, validators.transformers) : []),
  ];
  return hashOrder(files.filter((file) => paths.has(file)));
}

/**
 * The fast tokenizer's file: of those that tokenizer_config.json lists by release (`tokenizer.4.0.0.json`), in the order of their texts, the last
 * before the first that is newer than this one. Null: the release fails on the list before it asks for more.
 */
function fastTokenizerFile(listed: unknown, release: string): string | null {
  if (listed === undefined || typeof listed === 'string' || isObject(listed)) return TOKENIZER;
  if (!Array.isArray(listed) || listed.some((name) => typeof name !== 'string')) return null;
  const byVersion = new Map<string, string>();
  for (const name of listed as string[]) {
    const version = VERSIONED.exec(name)?.[1];
    if (version !== undefined) byVersion.set(version, name);
  }
  let file = TOKENIZER;
  for (const version of [...byVersion.keys()].sort()) {
    if (!/^\d+(\.\d+)*$/.test(version)) return null;
    if (isNewer(version, release)) break;
    file = byVersion.get(version)!;
  }
  return file;
}

function isNewer(version: string, than: string): boolean {
  const [one, other] = [version, than].map((text) => text.split('.').map(Number)) as [number[], number[]];
  const at = one.findIndex((part, i) => part !== (other[i] ?? 0));
  return at >= 0 && one[at]! > (other[at] ?? 0);
}

/**
 * Tokenizer files that AutoTokenizer asks for: those of the class that tokenizer_config.json names, else config.json, else of the model's
 * type. Of a class that it does not know it reads nothing but the name.
 */
function tokenizerFiles({ tokenizerConfig, config }: Deciding, release: string): string[] {
  const { common, classes, by_model_type: types } = tokenizerFilesOf(release) ?? NONE;
  const of = (table: Record<string, string[]>, name: unknown) => {
    const files = typeof name === 'string' && Object.hasOwn(table, name) ? table[name]! : null;
    if (files === null) return [TOKENIZER_CONFIG];
    const fast = fastTokenizerFile(tokenizerConfig?.fast_tokenizer_files, release);
    if (fast === null) return [TOKENIZER_CONFIG];
    return [...common, ...files].map((file) => (file === TOKENIZER ? fast : file));
  };
  const named = tokenizerConfig?.tokenizer_class ?? config?.tokenizer_class ?? null;
  return named === null ? of(types, config?.model_type) : of(classes, named);
}
