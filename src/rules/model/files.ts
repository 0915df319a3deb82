/** Which files of a model count: what loading fetches enters the content hash, in both profiles. */
import { architectureOf, classOf, loadArchitectures } from '../../constants.ts';
import { isObject, type JsonObject } from '../../text/strict-json.ts';
import { hashOrder } from '../hash.ts';
import type { Profile } from '../types.ts';

export const CONFIG = 'config.json';
const GENERATION_CONFIG = 'generation_config.json';
export const WEIGHTS = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';
export const TOKENIZER_CONFIG = 'tokenizer_config.json';

/** Every tokenizer file that some class asks for. */
export function allTokenizerFiles(): string[] {
  const { common, classes } = loadArchitectures().tokenizers;
  return [...new Set([...common, ...Object.values(classes).flat()])];
}

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

/** Files of a revision (or folder) that enter its content hash, in hashing order. */
export function hashedFiles(paths: ReadonlySet<string>, deciding: Deciding, profile: Profile): string[] {
  const weights = weightFiles(paths, deciding.index);
  const files = [
    CONFIG,
    GENERATION_CONFIG,
    ...weights,
    ...(paths.has(WEIGHTS) ? [] : [INDEX]),
    ...(profile.hashes_tokenizer ? tokenizerFiles(deciding) : []),
  ];
  return hashOrder(files.filter((file) => paths.has(file)));
}

/** Tokenizer files that the tokenizer's class asks for: the one that is named, else the one of the model's type. */
function tokenizerFiles({ tokenizerConfig, config }: Deciding): string[] {
  const { common, classes } = loadArchitectures().tokenizers;
  const named = tokenizerConfig?.tokenizer_class;
  const name =
    typeof named === 'string'
      ? named.replace(/Fast$/, '')
      : (architectureOf(classOf(config?.model_type))?.tokenizer ?? '');
  // A class not listed may ask for any of them.
  const vocabulary = Object.hasOwn(classes, name) ? classes[name]! : allTokenizerFiles();
  return [...new Set([...common, ...vocabulary])];
}
