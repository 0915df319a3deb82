/** The header of a safetensors file: 8 bytes of length, JSON, then the tensors' bytes without a gap. */

import { DTYPE_BITS } from '../dtypes.ts';
import { CheckError } from '../errors.ts';
import { decodeUtf8, isObject, parseJson } from '../text/strict-json.ts';
import { isLfsPointer, LFS_POINTER } from './lfs.ts';
import type { ByteSource, SafetensorsHeader, TensorInfo } from './types.ts';

/** The reference allows 100 MB; a 14B model needs 60 kB. Enough for any real model, and bounded in memory. */
export const MAX_HEADER_BYTES = 16 * 1024 * 1024;
/** One request that holds most headers whole. */
const FIRST_READ = 32 * 1024;
const U64 = 2n ** 64n;

/**
 * Reads and checks a header in one or two reads. Refuses all that the reference library refuses, and duplicate names.
 * Throws `CheckError` `safetensors.invalid` whose details name the file, the tensor (when it is about one) and the rule.
 */
export async function readHeader(source: ByteSource): Promise<SafetensorsHeader> {
  if (source.size < 8) throw invalid(source.name, 'header', 'the file is too short to hold a header length');
  const first = await source.read(0, Math.min(FIRST_READ, source.size));
  if (isLfsPointer(first)) throw invalid(source.name, 'lfs', LFS_POINTER);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    throw invalid(source.name, 'header', `a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are read`);
  const dataStart = 8 + Number(length);
  if (dataStart > source.size)
    throw invalid(
      source.name,
      'header',
      `the header should end at byte ${dataStart}, the file at ${source.size}`,
    );
  const bytes =
    dataStart <= first.length
      ? first.subarray(8, dataStart)
      : Buffer.concat([first.subarray(8), await source.read(first.length, dataStart)]);
  return parseHeader(source.name, bytes, dataStart, source.size);
}

function parseHeader(
  name: string,
  bytes: Uint8Array,
  dataStart: number,
  fileSize: number,
): SafetensorsHeader {
  let json: unknown;
  try {
    json = parseJson(decodeUtf8(bytes), { number: unsigned });
  } catch (error) {
    const what = error instanceof SyntaxError ? error.message : 'not UTF-8';
    throw invalid(name, 'header', `the header is not valid JSON: ${what}`);
  }
  if (!isObject(json)) throw invalid(name, 'header', 'the header is not an object');
  const metadata = readMetadata(name, json.__metadata__);
  const tensors: TensorInfo[] = [];
  for (const [tensor, value] of Object.entries(json))
    if (tensor !== '__metadata__') tensors.push(readTensor(name, tensor, value));
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const tensor of tensors) {
    if (tensor.begin !== at)
      throw invalid(
        name,
        'offsets',
        `begins at ${tensor.begin}, but the bytes before it end at ${at}`,
        tensor.name,
      );
    at = tensor.end;
    tensor.begin += dataStart;
    tensor.end += dataStart;
  }
  if (dataStart + at !== fileSize)
    throw invalid(name, 'offsets', `tensors end at byte ${dataStart + at}, the file at ${fileSize}`);
  return { metadata, tensors, dataStart, fileSize };
}

/** Whole numbers from 0 on as BigInt; anything else stays text, which no check takes for a number. */
function unsigned(token: string): unknown {
  if (!/^\d+$/.test(token)) return token;
  const value = BigInt(token);
  return value < U64 ? value : token;
}

function readMetadata(name: string, value: unknown): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null);
  if (value === undefined || value === null) return metadata;
  if (!isObject(value)) throw invalid(name, 'metadata', '__metadata__ is not an object');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string')
      throw invalid(name, 'metadata', `__metadata__.${JSON.stringify(key)} is not a string`);
    metadata[key] = text;
  }
  return metadata;
}

function readTensor(file: string, name: string, value: unknown): TensorInfo {
  const fail = (rule: string, what: string): CheckError => invalid(file, rule, what, name);
  // The reference's parser also takes the three fields as a list.
  const fields = Array.isArray(value) && value.length === 3 ? value : null;
  if (!fields && !isObject(value)) throw fail('tensor', 'is not described by an object');
  const [dtype, shape, offsets] = fields ?? [
    (value as Record<string, unknown>).dtype,
    (value as Record<string, unknown>).shape,
    (value as Record<string, unknown>).data_offsets,
  ];
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BITS, dtype))
    throw fail('dtype', `has the unknown dtype ${show(dtype)}`);
  if (!isCounts(shape)) throw fail('shape', `has no shape of whole numbers: ${show(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2)
    throw fail('offsets', `has no two data_offsets: ${show(offsets)}`);
  const [begin, end] = offsets as [bigint, bigint];
  if (end < begin) throw fail('offsets', `ends (${end}) before it begins (${begin})`);
  let elements = 1n;
  for (const size of shape) {
    elements *= size;
    if (elements >= U64) throw fail('shape', 'has more elements than 64 bits can count');
  }
  const bits = elements * BigInt(DTYPE_BITS[dtype]!);
  if (bits >= U64) throw fail('shape', 'has more bits than 64 bits can count');
  if (bits % 8n !== 0n) throw fail('shape', `${elements} elements of ${dtype} do not fill whole bytes`);
  if (end - begin !== bits / 8n) throw fail('offsets', `takes ${end - begin} bytes, its shape ${bits / 8n}`);
  if (end > BigInt(Number.MAX_SAFE_INTEGER)) throw fail('offsets', `ends beyond any file, at ${end}`);
  return { name, dtype, shape: shape.map(Number), begin: Number(begin), end: Number(end) };
}

function isCounts(value: unknown): value is bigint[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'bigint');
}

/** A value from a stranger's file, short and harmless. */
function show(value: unknown): string {
  const text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? v.toString() : v)) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function invalid(file: string, rule: string, what: string, tensor?: string): CheckError {
  const about = tensor === undefined ? '' : `tensor ${show(tensor)} `;
  return new CheckError('safetensors.invalid', `${file}: ${about}${what}.`, {
    details: { file, rule, ...(tensor === undefined ? {} : { tensor }) },
    nextSteps: ['Save the model again with save_pretrained(..., safe_serialization=True).'],
  });
}
