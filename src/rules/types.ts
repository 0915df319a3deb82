export type * from '../protocol.ts';

/**
 * What validators make of a model. `refused`: they do not take it; `cannot_score`: they take it, and its loss is infinite or it loses for
 * certain; `unknown`: `pt` cannot tell, and a finding says why.
 */
export type Verdict = 'ready' | 'cannot_score' | 'refused' | 'unknown';

/**
 * What one rule says. `ok: null` means it could not be looked at here (said in `message`), or is advice. `verdict` is what it says against
 * the model; left out, `ok: false` refuses and anything else says nothing (`against` in verdict.ts reads it).
 */
export interface Finding {
  rule: string;
  ok: boolean | null;
  verdict?: Exclude<Verdict, 'ready'>;
  actual: unknown;
  limit: unknown;
  message: string;
}

/** One tensor of a safetensors header. */
export interface TensorInfo {
  name: string;
  dtype: string;
  shape: number[];
  /** Absolute byte offsets in the file: [begin, end). */
  begin: number;
  end: number;
}

/** Parameter shapes by name; a tied output matrix is left out. */
export type Shapes = Map<string, number[]>;

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  /** In the order of their bytes. */
  tensors: TensorInfo[];
  /** Where the data section begins: 8 + header length. */
  dataStart: number;
  fileSize: number;
}

/** What a model is, from config and headers alone. */
export interface ModelFacts {
  architecture: string | null;
  /** Unique parameters as validators count them: tied weights once, buffers not. Null when it cannot be told. */
  parameters: number | null;
  /** Of them those that one token goes through: fewer in a mixture of experts. Null when it cannot be told. */
  activeParameters: number | null;
  /** Sum of all files, bytes. */
  bytes: number;
  dtypes: string[];
  /** config.json; empty when it is missing or unreadable (then `problems` says so). */
  config: Record<string, unknown>;
  /** generation_config.json; null: there is none, or it cannot be read and releases pass it over. */
  generation: Record<string, unknown> | null;
  files: { path: string; size: number }[];
  /** Files that enter the content hash, in hashing order. */
  hashedFiles: string[];
  /** What is malformed or missing, mostly `ok: false`, so that a check can list everything at once. */
  problems: Finding[];
}
