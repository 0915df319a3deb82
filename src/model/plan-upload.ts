/** One pass over a model's bytes: read, cast, hash; what comes out can be uploaded without another look. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckError } from '../errors.ts';
import type { UploadFile } from '../hub/types.ts';
import type { Work } from '../progress.ts';
import { directoryHash, hashOfSha256 } from '../rules/hash.ts';
import { CONFIG, carriedFiles, INDEX } from '../rules/model/files.ts';
import type { Profile } from '../rules/types.ts';
import { against } from '../rules/verdict.ts';
import { shellWord } from '../text/shell-word.ts';
import { type Conversion, convert, planConversion, type TargetDtype } from './convert.ts';
import { type InspectedFolder, openFolder, topLevelSpans } from './inspect.ts';
import { withFile } from './source.ts';
import { Tally } from './tally.ts';
import type { ModelFacts } from './types.ts';

export interface UploadPlan {
  /** Exactly what the revision should hold, weights last. */
  files: UploadFile[];
  contentHash: string;
  /** Facts of what is published (after casting). */
  facts: ModelFacts;
}

export interface PlanOptions {
  /** `bf16` casts floating-point weights (fp32, fp16, fp64); `fp32` publishes them as they are saved. */
  dtype: TargetDtype;
  /** Plan what the rules refuse too, as long as it can be read. */
  unchecked?: boolean;
  signal?: AbortSignal;
  /** Filled with a tally of each weight file as it is, from the same reading; after a failure, of as much as was read. */
  asIs?: Map<string, Tally>;
}

/** Files for people that go along; they count in the repository's size and not in the hash. */
const EXTRA = ['README.md', 'LICENSE', 'LICENSE.md'];
/** A text file larger than this is not one. */
const MAX_TEXT_BYTES = 64 << 20;
/** Rules whose problems leave nothing that could be sent. */
const UNREAD = new Set(['weights', 'safetensors']);

/**
 * Plans a folder's upload: config, weights and tokenizer (plus README and licence), nothing else. Yields bytes hashed.
 * Throws `CheckError` `model.malformed` (what is wrong), `model.not_finite` (naming the tensor), `model.changed`.
 */
export async function* planUpload(
  dir: string,
  { profile, ...options }: PlanOptions & { profile: Profile },
): Work<UploadPlan> {
  return yield* planFolder(await openFolder(dir, profile), options);
}

/** The same for a folder that was looked at already. */
export async function* planFolder(inspection: InspectedFolder, options: PlanOptions): Work<UploadPlan> {
  const { dir, root, facts } = inspection;
  const problems = facts.problems.filter((p) => against(p) !== null && p.rule !== 'files');
  // The class is for the rules to judge, with all they have to say.
  const refusing = problems.filter((p) => against(p) === 'refused' && p.rule !== 'architecture');
  const readable = inspection.texts.has(CONFIG);
  const bad = options.unchecked ? refusing.filter((p) => !readable || UNREAD.has(p.rule)) : refusing;
  // What lies beside the model is no obstacle, but it may be why something seems missing (links, as in a cache of the Hub).
  const beside = facts.problems.filter((p) => p.ok === false && p.rule === 'files');
  if (bad.length > 0)
    throw new CheckError('model.malformed', [...bad, ...beside].map((p) => p.message).join(' '), {
      details: { findings: bad },
      nextSteps: [`pt check ${shellWord(dir)}`],
    });

  const present = new Set(facts.files.map((f) => f.path));
  const wanted = new Set(
    [...carriedFiles(present, facts.hashedFiles, inspection.profile), ...EXTRA].filter((p) => present.has(p)),
  );
  const plans = new Map<string, Conversion>();
  for (const path of [...inspection.headers.keys()].sort()) {
    const { size, mtimeMs, ino } = await stat(join(root, path));
    plans.set(
      path,
      planConversion(path, inspection.headers.get(path)!, options.dtype, { size, mtimeMs, ino }),
    );
  }
  const cast = [...plans.values()].some((p) => p.runs.some((r) => r.cast));

  const files: UploadFile[] = [];
  for (const path of [...wanted].filter((p) => !plans.has(p)).sort())
    files.push(await smallFile(root, path, inspection, plans, cast));

  const total = [...plans.values()].reduce((sum, p) => sum + p.size, 0);
  let done = 0;
  for (const [path, plan] of plans) {
    const source = new Tally();
    options.asIs?.set(path, source);
    const hash = plan.head === null ? source : new Tally();
    const onSource =
      options.asIs && hash !== source ? (bytes: Uint8Array) => source.update(bytes) : undefined;
    for await (const chunk of convert(join(root, path), plan, 0, plan.size, onSource)) {
      options.signal?.throwIfAborted();
      hash.update(chunk);
      done += chunk.length;
      yield {
        kind: 'progress',
        phase: cast ? 'casting and hashing' : 'hashing',
        done,
        total,
        unit: 'bytes',
        detail: path,
      };
    }
    files.push({
      path,
      size: plan.size,
      sha256: hash.sha256(),
      open: (start, end) => convert(join(root, path), plan, start, end),
    });
  }

  const sha = new Map(files.map((f) => [f.path, f.sha256]));
  const listed = files.map(({ path, size }) => ({ path, size })).sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    files,
    contentHash: directoryHash(facts.hashedFiles.map((path) => hashOfSha256(sha.get(path)!))),
    facts: {
      ...facts,
      bytes: listed.reduce((sum, f) => sum + f.size, 0),
      dtypes: cast ? castDtypes(facts.dtypes) : facts.dtypes,
      config: cast ? { ...facts.config, ...dtypeKeys(facts.config) } : facts.config,
      files: listed,
      problems: problems.filter((p) => !bad.includes(p)),
    },
  };
}

function castDtypes(dtypes: string[]): string[] {
  return [...new Set(dtypes.map((d) => (['F32', 'F16', 'F64'].includes(d) ? 'BF16' : d)))].sort();
}

async function smallFile(
  root: string,
  path: string,
  inspection: InspectedFolder,
  plans: Map<string, Conversion>,
  cast: boolean,
): Promise<UploadFile> {
  const bytes = await smallBytes(root, path, inspection, plans, cast);
  return {
    path,
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    open: async function* (start = 0, end = bytes.length) {
      yield bytes.subarray(start, end);
    },
  };
}

async function smallBytes(
  root: string,
  path: string,
  inspection: InspectedFolder,
  plans: Map<string, Conversion>,
  cast: boolean,
): Promise<Uint8Array> {
  const text = inspection.texts.get(path);
  if (path === CONFIG && cast && text !== undefined)
    return Buffer.from(withDtype(text, inspection.facts.config));
  if (path === INDEX && text !== undefined) return Buffer.from(withTotalSize(text, plans));
  return withFile(join(root, path), path, async (source) => {
    if (source.size > MAX_TEXT_BYTES)
      throw new CheckError(
        'model.malformed',
        `${path}: ${source.size} bytes is too large for this kind of file.`,
        { nextSteps: [`Take ${path} out of the folder, or write it again with save_pretrained.`] },
      );
    return source.read(0, source.size);
  });
}

/** Keys that name the weights' dtype: old and new transformers read different ones; the old one is always there. */
function dtypeKeys(config: Record<string, unknown>): Record<string, string> {
  return 'dtype' in config ? { torch_dtype: 'bfloat16', dtype: 'bfloat16' } : { torch_dtype: 'bfloat16' };
}

/** The config's text with its dtype changed and nothing else, so that numbers keep the digits they were written with. */
function withDtype(text: string, config: Record<string, unknown>): string {
  return replaceValues(text, dtypeKeys(config));
}

/** The index with `metadata.total_size` of the cast weights. */
function withTotalSize(text: string, plans: Map<string, Conversion>): string {
  if (![...plans.values()].some((p) => p.head !== null)) return text;
  const total = [...plans.values()].reduce(
    (sum, p) => sum + p.runs.reduce((s, r) => s + ((r.end - r.begin) / r.from) * r.to, 0),
    0,
  );
  return replaceValues(text, { metadata: { total_size: total } });
}

/** Replaces (or adds, first) top-level values of a JSON object, leaving every other byte alone. */
function replaceValues(text: string, values: Record<string, unknown>): string {
  const spans = topLevelSpans(text);
  const edits = Object.entries(values).map(([key, value]) => ({
    key,
    value: JSON.stringify(value),
    span: spans.get(key),
  }));
  let result = text;
  for (const { span, value } of edits.filter((e) => e.span).sort((a, b) => b.span![0] - a.span![0]))
    result = result.slice(0, span![0]) + value + result.slice(span![1]);
  const missing = edits.filter((e) => !e.span).map((e) => `${JSON.stringify(e.key)}: ${e.value}`);
  if (missing.length === 0) return result;
  const open = result.indexOf('{') + 1;
  const comma = spans.size > 0 ? ',' : '';
  return `${result.slice(0, open)}\n  ${missing.join(',\n  ')}${comma}${result.slice(open)}`;
}
