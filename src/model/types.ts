/** One tensor of a safetensors header. */
export interface TensorInfo {
  name: string;
  dtype: string;
  shape: number[];
  /** Absolute byte offsets in the file: [begin, end). */
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  metadata: Record<string, string>;
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
  /** Sum of all files, bytes. */
  bytes: number;
  dtypes: string[];
  config: Record<string, unknown>;
  files: { path: string; size: number }[];
  /** Files that enter the content hash, in hashing order. */
  hashedFiles: string[];
}
