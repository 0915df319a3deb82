export type { ModelFacts, SafetensorsHeader, TensorInfo } from '../rules/types.ts';

/** Bytes that can be read at any place: a file, or a Hub file through range requests. */
export interface ByteSource {
  /** Shown in errors. */
  name: string;
  size: number;
  /** Bytes [start, end); exactly that many, or it throws. */
  read(start: number, end: number): Promise<Uint8Array>;
}
