/** Which files of a model count: what loading fetches enters the content hash, in both profiles. */
import { hashOrder } from '../rules/hash.ts';
import type { Profile } from '../rules/types.ts';
import { isObject, type JsonObject } from './json.ts';

export const CONFIG = 'config.json';
const GENERATION_CONFIG = 'generation_config.json';
export const WEIGHTS = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';
export const TOKENIZER_CONFIG = 'tokenizer_config.json';

/** Every tokenizer file that some class asks for. */
export const TOKENIZER_FILES = [
  TOKENIZER_CONFIG,
  'tokenizer.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'tokenizer.model',
  'vocab.json',
  'merges.txt',
  'vocab.txt',
];

/** Files that every fast tokenizer class asks for. */
const COMMON = [TOKENIZER_CONFIG, 'tokenizer.json', 'special_tokens_map.json', 'added_tokens.json'];

/** Vocabulary files by tokenizer class, without its `Fast` ending. */
const VOCABULARY: Record<string, string[]> = {
  PreTrainedTokenizer: [],
  BloomTokenizer: [],
  LlamaTokenizer: ['tokenizer.model'],
  CodeLlamaTokenizer: ['tokenizer.model'],
  GemmaTokenizer: ['tokenizer.model'],
  GPT2Tokenizer: ['vocab.json', 'merges.txt'],
  GPTNeoXTokenizer: ['vocab.json', 'merges.txt'],
  BartTokenizer: ['vocab.json', 'merges.txt'],
  CodeGenTokenizer: ['vocab.json', 'merges.txt'],
  Qwen2Tokenizer: ['vocab.json', 'merges.txt'],
  RobertaTokenizer: ['vocab.json', 'merges.txt'],
  BertTokenizer: ['vocab.txt'],
};

/** The class a model type's tokenizer has when tokenizer_config.json names none. */
const CLASS_OF_MODEL: Record<string, string> = {
  bart: 'BartTokenizer',
  falcon: 'PreTrainedTokenizer',
  gemma: 'GemmaTokenizer',
  gemma2: 'GemmaTokenizer',
  gpt2: 'GPT2Tokenizer',
  gpt_neox: 'GPTNeoXTokenizer',
  gptj: 'GPT2Tokenizer',
  llama: 'LlamaTokenizer',
  mistral: 'LlamaTokenizer',
  phi: 'CodeGenTokenizer',
  phi3: 'LlamaTokenizer',
  qwen2: 'Qwen2Tokenizer',
  stablelm: 'GPTNeoXTokenizer',
};

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

/** Tokenizer files that the tokenizer's class asks for. */
function tokenizerFiles(deciding: Deciding): string[] {
  const named = deciding.tokenizerConfig?.tokenizer_class;
  const type = deciding.config?.model_type;
  const name =
    typeof named === 'string'
      ? named.replace(/Fast$/, '')
      : typeof type === 'string'
        ? Object.hasOwn(CLASS_OF_MODEL, type)
          ? CLASS_OF_MODEL[type]!
          : ''
        : '';
  // A class not listed here may ask for any of them.
  const vocabulary = Object.hasOwn(VOCABULARY, name) ? VOCABULARY[name]! : TOKENIZER_FILES;
  return [...new Set([...COMMON, ...vocabulary])];
}
