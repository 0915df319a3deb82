/** What a model is, from its config and headers, here or on a Hub; whatever is wrong becomes a finding, not an exception. */
import { lstat, opendir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { PtError, UserError } from '../errors.ts';
import type { Hub, HubRevision } from '../hub/types.ts';
import type { Finding, Profile } from '../rules/types.ts';
import {
  CONFIG,
  type Deciding,
  hashedFiles,
  INDEX,
  isPlainName,
  TOKENIZER_CONFIG,
  WEIGHTS,
  weightFiles,
} from './files.ts';
import { readHeader } from './header.ts';
import { decodeUtf8, isObject, type JsonObject, parseJson, type Spans } from './json.ts';
import { checkTensors, countParameters } from './parameters.ts';
import { hubSource, withFile } from './source.ts';
import type { ByteSource, ModelFacts, SafetensorsHeader, TensorInfo } from './types.ts';

/** Small files are read whole; a config of megabytes is an attack or a mistake. */
const MAX_JSON_BYTES: Record<string, number> = {
  [CONFIG]: 1 << 20,
  [INDEX]: 16 << 20,
  [TOKENIZER_CONFIG]: 4 << 20,
};
/** Entries of a folder that are looked at. */
const MAX_ENTRIES = 20_000;
/** Bookkeeping of other tools, never part of a model. */
const SKIPPED_FOLDERS = new Set(['.git', '.cache', '__pycache__']);

/** A model's files, and how to read them. */
interface Files {
  files: { path: string; size: number }[];
  problems: Finding[];
  withSource: <T>(path: string, use: (source: ByteSource) => Promise<T>) => Promise<T>;
  /** A folder here: `planUpload` will put right what it can. */
  mendable: boolean;
}

/** A model folder looked at: the facts, and the headers they come from. */
export interface Inspection {
  facts: ModelFacts;
  /** Header of each weight file, by path. */
  headers: Map<string, SafetensorsHeader>;
  /** Text of the small JSON files that were read, by path. */
  texts: Map<string, string>;
}

/** A problem that refuses the model. */
export function problem(
  rule: string,
  message: string,
  actual: unknown = null,
  limit: unknown = null,
): Finding {
  return { rule, ok: false, actual, limit, message };
}

/**
 * A local model folder, without reading its weights. Throws `UserError` `model.missing` when there is no such folder;
 * everything else that is wrong is in `problems`.
 */
export async function inspectFolder(dir: string, profile: Profile): Promise<ModelFacts> {
  return (await inspectFolderFully(dir, profile)).facts;
}

export async function inspectFolderFully(dir: string, profile: Profile): Promise<Inspection> {
  const root = await folder(dir);
  const { files, problems } = await listFolder(root);
  return inspect(
    { files, problems, withSource: (path, use) => withFile(join(root, path), path, use), mendable: true },
    profile,
  );
}

/** A revision on a Hub, by range requests; its weights are not downloaded. */
export async function inspectRemote(hub: Hub, revision: HubRevision, profile: Profile): Promise<ModelFacts> {
  const byPath = new Map(revision.files.map((file) => [file.path, file]));
  const { facts } = await inspect(
    {
      files: revision.files.map(({ path, size }) => ({ path, size })),
      problems: [],
      withSource: (path, use) => use(hubSource(hub, revision.repo, revision.commit, byPath.get(path)!)),
      mendable: false,
    },
    profile,
  );
  return facts;
}

/** The real path of a folder. Throws `UserError` `model.missing`. */
export async function folder(dir: string): Promise<string> {
  const missing = (why: string) =>
    new UserError('model.missing', `${dir}: ${why}`, { nextSteps: ['pt check DIR', 'pt runs'] });
  let root: string;
  try {
    root = await realpath(dir);
    if (!(await stat(root)).isDirectory()) throw missing('is not a folder.');
    return root;
  } catch (error) {
    if (error instanceof PtError) throw error;
    throw missing('there is no such folder, or it cannot be read.');
  }
}

/** All regular files under `root`, `/`-separated. A link that leaves the folder is a problem and is not followed. */
export async function listFolder(
  root: string,
  skipped: ReadonlySet<string> = SKIPPED_FOLDERS,
): Promise<Pick<Files, 'files' | 'problems'>> {
  const files: { path: string; size: number }[] = [];
  const problems: Finding[] = [];
  const pending = [root];
  let entries = 0;
  for (let at = pending.pop(); at !== undefined; at = pending.pop())
    for await (const entry of await opendir(at)) {
      if (++entries > MAX_ENTRIES) {
        problems.push(problem('files', `More than ${MAX_ENTRIES} files: this is not a model folder.`));
        return { files, problems };
      }
      const full = join(at, entry.name);
      const path = relative(root, full).split(sep).join('/');
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name)) pending.push(full);
      } else if (entry.isSymbolicLink()) {
        const target = await realpath(full).catch(() => null);
        if (target === null || !target.startsWith(root + sep))
          problems.push(
            problem(
              'files',
              `${path} is a link out of the folder and is not followed; copy the file itself (cp -L).`,
              path,
            ),
          );
        else if ((await stat(target)).isFile()) files.push({ path, size: (await stat(target)).size });
      } else if (entry.isFile()) files.push({ path, size: (await lstat(full)).size });
      else problems.push(problem('files', `${path} is not a regular file.`, path));
    }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, problems };
}

async function inspect(source: Files, profile: Profile): Promise<Inspection> {
  const paths = new Map(source.files.map((file) => [file.path, file.size]));
  const problems = [...source.problems];
  const texts = new Map<string, string>();
  const json = async (path: string): Promise<JsonObject | null> => {
    if (!paths.has(path)) return null;
    const parsed = await readJson(source, path, paths.get(path)!);
    if ('finding' in parsed) {
      problems.push(parsed.finding);
      return null;
    }
    texts.set(path, parsed.text);
    return parsed.value;
  };
  const config = await json(CONFIG);
  const names = new Set(paths.keys());
  const deciding: Deciding = {
    config,
    index: names.has(WEIGHTS) ? null : await json(INDEX),
    tokenizerConfig: profile.hashes_tokenizer ? await json(TOKENIZER_CONFIG) : null,
  };
  if (!names.has(CONFIG)) problems.push(problem('config', 'config.json is missing: nothing can load this.'));

  const weights = weightFiles(names, deciding.index);
  problems.push(...checkWeightFiles(names, deciding.index));
  const headers = new Map<string, SafetensorsHeader>();
  for (const path of weights)
    try {
      const header = await source.withSource(path, readHeader);
      headers.set(path, header);
      problems.push(...checkFormat(path, header, source.mendable));
    } catch (error) {
      if (!(error instanceof PtError) || error.code !== 'safetensors.invalid') throw error;
      problems.push({ ...problem('safetensors', error.message), actual: error.details });
    }
  problems.push(...checkIndex(deciding.index, headers));

  const tensors = [...headers.values()].flatMap((h) => h.tensors);
  const complete = weights.length > 0 && headers.size === weights.length && config !== null;
  const architecture = architectureOf(config);
  const unique = uniqueByName(tensors);
  if (complete) problems.push(...checkTensors(unique, architecture, config));
  return {
    headers,
    texts,
    facts: {
      architecture,
      parameters: complete ? countParameters(unique, architecture, config) : null,
      bytes: source.files.reduce((sum, file) => sum + file.size, 0),
      dtypes: [...new Set(tensors.map((t) => t.dtype))].sort(),
      config: config ?? {},
      files: source.files,
      hashedFiles: hashedFiles(names, deciding, profile),
      problems,
    },
  };
}

/** The one class the config names; null when it names none or several. */
export function architectureOf(config: JsonObject | null): string | null {
  const list = config?.architectures;
  return Array.isArray(list) && list.length === 1 && typeof list[0] === 'string' ? list[0] : null;
}

async function readJson(
  source: Files,
  path: string,
  size: number,
): Promise<{ value: JsonObject; text: string } | { finding: Finding }> {
  const limit = MAX_JSON_BYTES[path]!;
  const bad = (what: string) => ({ finding: problem('config', `${path}: ${what}`, size, limit) });
  if (size > limit) return bad(`${size} bytes; at most ${limit} are read.`);
  try {
    const text = decodeUtf8(await source.withSource(path, (file) => file.read(0, size)));
    const value = parseJson(text, { python: true });
    return isObject(value) ? { value, text } : bad('is not a JSON object.');
  } catch (error) {
    if (error instanceof SyntaxError) return bad(`is not valid JSON: ${error.message}.`);
    if (error instanceof TypeError) return bad('is not UTF-8.');
    throw error;
  }
}

/** Places of a config's top-level values, to change one without touching the rest. */
export function topLevelSpans(text: string): Spans {
  const spans: Spans = new Map();
  parseJson(text, { python: true, spans });
  return spans;
}

function checkWeightFiles(names: Set<string>, index: JsonObject | null): Finding[] {
  if (names.has(WEIGHTS)) return [];
  if (!names.has(INDEX)) {
    const pickles = [...names].filter((name) => /\.(bin|pt|pth|pkl|ckpt)$/.test(name));
    return [
      problem(
        'weights',
        pickles.length > 0
          ? `Only pickles (${pickles.slice(0, 3).join(', ')}): validators load safetensors alone. Save with safe_serialization=True.`
          : `There is neither ${WEIGHTS} nor ${INDEX}.`,
        pickles,
        WEIGHTS,
      ),
    ];
  }
  if (index === null) return [];
  const map = index.weight_map;
  if (!isObject(map) || Object.keys(map).length === 0)
    return [problem('weights', `${INDEX} has no weight_map.`)];
  const odd = Object.values(map).find((name) => typeof name !== 'string' || !isPlainName(name));
  if (odd !== undefined)
    return [
      problem(
        'weights',
        `${INDEX} names a shard that is no plain file name: ${JSON.stringify(odd)?.slice(0, 80)}`,
      ),
    ];
  const missing = [...new Set(Object.values(map) as string[])].filter((name) => !names.has(name));
  return missing.length === 0
    ? []
    : [
        problem(
          'weights',
          `${INDEX} names shards that are missing: ${missing.slice(0, 5).join(', ')}.`,
          missing,
        ),
      ];
}

/** The pinned transformers fail on a file that does not say for which framework it was saved. */
function checkFormat(path: string, header: SafetensorsHeader, mendable: boolean): Finding[] {
  if (header.metadata.format === 'pt') return [];
  return [
    {
      rule: 'weights_format',
      ok: mendable ? null : false,
      actual: header.metadata.format ?? null,
      limit: 'pt',
      message: `${path} does not say {"format": "pt"} in its metadata, without which the transformers that validators pin cannot load it${mendable ? '; `pt upload` writes it' : ''}.`,
    },
  ];
}

/** Every tensor must lie in the shard that the index names, and in one only. */
function checkIndex(index: JsonObject | null, headers: Map<string, SafetensorsHeader>): Finding[] {
  const map = index?.weight_map;
  if (!isObject(map)) return [];
  const problems: Finding[] = [];
  const where = new Map<string, string>();
  for (const [path, header] of headers)
    for (const tensor of header.tensors) {
      const other = where.get(tensor.name);
      if (other !== undefined)
        problems.push(
          problem('weights', `Tensor ${JSON.stringify(tensor.name)} is in ${other} and in ${path}.`),
        );
      where.set(tensor.name, path);
    }
  for (const [name, path] of Object.entries(map))
    if (typeof path === 'string' && headers.has(path) && where.get(name) !== path)
      problems.push(
        problem('weights', `${INDEX} says that ${JSON.stringify(name)} is in ${path}; it is not.`),
      );
  return problems.slice(0, 20);
}

function uniqueByName(tensors: TensorInfo[]): TensorInfo[] {
  return [...new Map(tensors.map((t) => [t.name, t])).values()];
}
