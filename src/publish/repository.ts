import { type HubFile, type HubRevision, isSameContent, type UploadFile } from '../hub/index.ts';

/** Files of a revision in relation to a model that is to be the only one in it. */
export interface RevisionComparison {
  /** Ours that are missing or different there. */
  missing: string[];
  /** Files of another model: they would enter loading or the hash, or are weights in another form. */
  foreign: HubFile[];
  /** Everything else (README, .gitattributes, notes): kept, but validators count its bytes. */
  kept: HubFile[];
}

/** Config, weights in any form, their indexes, tokenizers: what belongs to one model and must not stay from another. */
const MODEL_FILE =
  /(^|\/)((generation_|adapter_|tokenizer_|preprocessor_|quantize_)?config\.json|[^/]*\.(safetensors|bin|pt|pth|ckpt|pkl|pickle|msgpack|h5|gguf|onnx|model)|[^/]*\.index\.json|tokenizer\.json|vocab\.(json|txt)|merges\.txt|added_tokens\.json|special_tokens_map\.json|chat_template\.(json|jinja)|modeling_[^/]*\.py|configuration_[^/]*\.py|tokenization_[^/]*\.py)$/;

/** Whether a path belongs to a model, so that a revision with another model must not hold it. */
export function isModelFile(path: string): boolean {
  return MODEL_FILE.test(path);
}

/** Compares what a revision holds with `files`. Reads small local files (git ids), never the network. */
export async function compareRevision(
  revision: HubRevision | null,
  files: UploadFile[],
): Promise<RevisionComparison> {
  const remote = new Map((revision?.files ?? []).map((file) => [file.path, file]));
  const missing: string[] = [];
  for (const file of files) if (!(await isSameContent(remote.get(file.path), file))) missing.push(file.path);
  const ours = new Set(files.map((file) => file.path));
  const others = [...remote.values()].filter((file) => !ours.has(file.path));
  return {
    missing,
    foreign: others.filter((file) => isModelFile(file.path)),
    kept: others.filter((file) => !isModelFile(file.path)),
  };
}

/** Whether the revision holds exactly this model (and perhaps a README and the like). */
export function holdsExactly(comparison: RevisionComparison): boolean {
  return comparison.missing.length === 0 && comparison.foreign.length === 0;
}

export function totalBytes(files: { size: number }[]): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}
