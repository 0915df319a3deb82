/** What a model is, from its config and headers, here or on a Hub; whatever is wrong becomes a finding, not an exception. */
import { join } from 'node:path';
import { PtError } from '../errors.ts';
import type { Hub, HubRevision } from '../hub/types.ts';
import { checkContent } from '../rules/model/content.ts';
import {
  CONFIG,
  type Deciding,
  GENERATION_CONFIG,
  hashedFiles,
  holdsTensors,
  INDEX,
  TOKENIZER_CONFIG,
  tokenizerFilesAmong,
  WEIGHTS,
  weightFiles,
} from '../rules/model/files.ts';
import { problem } from '../rules/model/problem.ts';
import type { Finding, Profile } from '../rules/types.ts';
import { decodeUtf8, isObject, type JsonObject, parseJson, type Spans } from '../text/strict-json.ts';
import { build } from './architectures.ts';
import { readHeader } from './header.ts';
import { isLfsPointer, LFS_POINTER, MAX_POINTER_BYTES } from './lfs.ts';
import { folder, listFolder } from './list-folder.ts';
import { countActive, countParameters } from './parameters.ts';
import { hubSource, withFile } from './source.ts';
import type { ByteSource, ModelFacts, SafetensorsHeader, TensorInfo } from './types.ts';

/** Small files are read whole; a config of megabytes is an attack or a mistake. */
const MAX_JSON_BYTES: Record<string, number> = {
  [CONFIG]: 1 << 20,
  [GENERATION_CONFIG]: 1 << 20,
  [INDEX]: 16 << 20,
  [TOKENIZER_CONFIG]: 4 << 20,
};
/** A model's files, and how to read them. */
interface Files {
  files: { path: string; size: number }[];
  problems: Finding[];
  withSource: <T>(path: string, use: (source: ByteSource) => Promise<T>) => Promise<T>;
  /** A folder here: `planUpload` will put right what it can. */
  mendable: boolean;
}

/** A model looked at: the facts, and the headers they come from. */
interface Inspection {
  facts: ModelFacts;
  /** Header of each weight file, by path. */
  headers: Map<string, SafetensorsHeader>;
  /** Text of the small JSON files that were read, by path. */
  texts: Map<string, string>;
}

/** A folder here looked at: what reading its weights, in whichever way, starts from. */
export interface InspectedFolder extends Inspection {
  /** As it was named, and its real path. */
  dir: string;
  root: string;
  profile: Profile;
}

/**
 * A local model folder, without reading its weights. Throws `UserError` `model.missing` when there is no such folder;
 * everything else that is wrong is in `problems`.
 */
export async function inspectFolder(dir: string, profile: Profile): Promise<ModelFacts> {
  return (await openFolder(dir, profile)).facts;
}

/** The same with what was read, for those who go on to the weights. */
export async function openFolder(dir: string, profile: Profile): Promise<InspectedFolder> {
  const root = await folder(dir);
  const { files, problems } = await listFolder(root);
  const inspection = await inspect(
    { files, problems, withSource: (path, use) => withFile(join(root, path), path, use), mendable: true },
    profile,
  );
  return { ...inspection, dir, root, profile };
}

/** A revision on a Hub, by range requests; its weights are not downloaded. */
export async function inspectRemote(hub: Hub, revision: HubRevision, profile: Profile): Promise<ModelFacts> {
  return (await openRemote(hub, revision, profile)).facts;
}

/** The same with its headers, for those who go on to ranges of the weights. */
export async function openRemote(
  hub: Hub,
  revision: HubRevision,
  profile: Profile,
): Promise<Pick<Inspection, 'facts' | 'headers'>> {
  const byPath = new Map(revision.files.map((file) => [file.path, file]));
  return inspect(
    {
      files: revision.files.map(({ path, size }) => ({ path, size })),
      problems: [],
      withSource: (path, use) => use(hubSource(hub, revision.repo, revision.commit, byPath.get(path)!)),
      mendable: false,
    },
    profile,
  );
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
  const generation = paths.has(GENERATION_CONFIG)
    ? await readJson(source, GENERATION_CONFIG, paths.get(GENERATION_CONFIG)!)
    : null;
  const names = new Set(paths.keys());
  const deciding: Deciding = {
    config,
    index: names.has(WEIGHTS) ? null : await json(INDEX),
    tokenizerConfig: profile.pretraining?.hashes_tokenizer ? await json(TOKENIZER_CONFIG) : null,
  };
  const weights = weightFiles(names, deciding.index);
  const headers = new Map<string, SafetensorsHeader>();
  for (const path of weights)
    try {
      headers.set(path, await source.withSource(path, readHeader));
    } catch (error) {
      if (!(error instanceof PtError) || error.code !== 'safetensors.invalid') throw error;
      problems.push({ ...problem('safetensors', error.message), actual: error.details });
    }

  problems.push(...(await pointersAmong(source, paths, texts, weights)));
  const tensors = [...headers.values()].flatMap((h) => h.tensors);
  const complete = weights.length > 0 && headers.size === weights.length && config !== null;
  const architecture = architectureNamed(config);
  const built = config === null ? null : build(architecture, config);
  const { index } = deciding;
  const unique = uniqueByName(tensors);
  const parameters = complete ? countParameters(unique, architecture, config, built) : null;
  const { mendable } = source;
  const content = { names, config, architecture, built, index, headers, complete, mendable };
  if (holdsTensors(profile))
    problems.push(...checkContent(content, profile.pretraining?.transformers ?? null));
  return {
    headers,
    texts,
    facts: {
      architecture,
      parameters,
      activeParameters: parameters === null ? null : countActive(parameters, unique, config ?? {}),
      bytes: source.files.reduce((sum, file) => sum + file.size, 0),
      dtypes: [...new Set(tensors.map((t) => t.dtype))].sort(),
      config: config ?? {},
      generation: generation !== null && 'value' in generation ? generation.value : null,
      files: source.files,
      hashedFiles: hashedFiles(names, deciding, profile),
      problems,
    },
  };
}

/** Files that loading reads and that are pointers of Git LFS; weights and the files that decide have been read already. */
async function pointersAmong(
  source: Files,
  paths: ReadonlyMap<string, number>,
  texts: ReadonlyMap<string, string>,
  weights: string[],
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const path of [GENERATION_CONFIG, ...tokenizerFilesAmong(paths.keys())]) {
    const size = paths.get(path);
    if (size === undefined || size > MAX_POINTER_BYTES || texts.has(path) || weights.includes(path)) continue;
    if (isLfsPointer(await source.withSource(path, (file) => file.read(0, size))))
      found.push(problem('files_lfs', `${path} ${LFS_POINTER}.`, path));
  }
  return found;
}

/** The one class the config names; null when it names none or several. */
function architectureNamed(config: JsonObject | null): string | null {
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
    const bytes = await source.withSource(path, (file) => file.read(0, size));
    if (isLfsPointer(bytes)) return bad(`${LFS_POINTER}.`);
    const text = decodeUtf8(bytes);
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

function uniqueByName(tensors: TensorInfo[]): TensorInfo[] {
  return [...new Map(tensors.map((t) => [t.name, t])).values()];
}
