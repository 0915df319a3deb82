/**
 * A safetensors file as it will be published: the same tensors in the same order, floats cast to bf16 when asked, as a stream that
 * can start anywhere and be repeated. Nothing is kept on disk: casting again costs less than writing and reading a copy.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { DTYPE_BITS } from '../dtypes.ts';
import { CheckError } from '../errors.ts';
import { acquireScratch, CHUNK, releaseScratch, type Scratch } from './kernels.ts';
import type { SafetensorsHeader, TensorInfo } from './types.ts';

export type TargetDtype = 'bf16' | 'fp32';

/** Adjacent tensors that are treated alike. Input offsets are in the file, output offsets in the result. */
interface Run {
  dtype: string;
  cast: boolean;
  /** Bytes an element takes before and after. */
  from: number;
  to: number;
  begin: number;
  end: number;
  outBegin: number;
}

/** What to do with one file. */
export interface Conversion {
  path: string;
  /** Header of the result, complete with its length; null when the file goes out as it is. */
  head: Uint8Array | null;
  runs: Run[];
  tensors: TensorInfo[];
  /** Bytes of the result. */
  size: number;
  /** Identity of the file when it was planned. */
  stamp: FileStamp;
}

export interface FileStamp {
  size: number;
  mtimeMs: number;
  ino: number;
}

const CAST = new Set(['F32', 'F16', 'F64']);

/** `bf16` casts every float tensor; `fp32` leaves all as they are saved. */
export function planConversion(
  path: string,
  header: SafetensorsHeader,
  dtype: TargetDtype,
  stamp: FileStamp,
): Conversion {
  const casts = (tensor: TensorInfo) => dtype === 'bf16' && CAST.has(tensor.dtype);
  const rewrite = header.tensors.some(casts) || header.metadata.format !== 'pt';
  const entries: [string, unknown][] = [];
  const runs: Run[] = [];
  let at = 0;
  for (const tensor of header.tensors) {
    const from = DTYPE_BITS[tensor.dtype]! / 8;
    const to = casts(tensor) ? 2 : from;
    const length = tensor.end - tensor.begin;
    const size = casts(tensor) ? (length / from) * 2 : length;
    const last = runs.at(-1);
    if (last && last.dtype === tensor.dtype) last.end = tensor.end;
    else
      runs.push({
        dtype: tensor.dtype,
        cast: casts(tensor),
        from,
        to,
        begin: tensor.begin,
        end: tensor.end,
        outBegin: at,
      });
    entries.push([
      tensor.name,
      { dtype: casts(tensor) ? 'BF16' : tensor.dtype, shape: tensor.shape, data_offsets: [at, at + size] },
    ]);
    at += size;
  }
  const head = rewrite ? makeHead({ ...header.metadata, format: 'pt' }, entries) : null;
  const start = head?.length ?? header.dataStart;
  for (const run of runs) run.outBegin += start;
  return { path, head, runs, tensors: header.tensors, size: start + at, stamp };
}

/** Length, JSON and padding to 8 bytes; the same input gives the same bytes. */
function makeHead(metadata: Record<string, string>, entries: [string, unknown][]): Uint8Array {
  // Built by hand: an object would order number-like tensor names before the others.
  const parts = [['__metadata__', metadata], ...entries].map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  const json = Buffer.from(`{${parts.join(',')}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const head = Buffer.alloc(8 + padded, ' ');
  head.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(head, 8);
  return head;
}

/**
 * Bytes [start, end) of the result. A chunk is valid only until the next is asked for: one buffer serves the whole stream.
 * `onSource` is shown the bytes that are read, in order: all of the file when all of the result is asked for.
 * Throws `CheckError` `model.changed` when the file is not the planned one, `model.not_finite` naming the tensor.
 */
export async function* convert(
  file: string,
  plan: Conversion,
  start = 0,
  end = plan.size,
  onSource?: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, void> {
  const handle = await open(file, 'r');
  const scratch = acquireScratch();
  try {
    await assertUnchanged(handle, plan);
    const header = plan.runs[0]?.begin ?? plan.stamp.size;
    const source = plan.head && !onSource ? null : await readExactly(handle, plan, header);
    if (source) onSource?.(source);
    const first = plan.head ?? source!;
    if (start < first.length) yield first.subarray(start, Math.min(end, first.length));
    for (const run of plan.runs) {
      const outEnd = run.outBegin + ((run.end - run.begin) / run.from) * run.to;
      const from = Math.max(start, run.outBegin);
      const to = Math.min(end, outEnd);
      if (from < to) yield* convertRun(handle, plan, run, scratch, from, to, onSource);
    }
    await assertUnchanged(handle, plan);
  } finally {
    releaseScratch(scratch);
    await handle.close();
  }
}

/** Bytes [from, to) of the result that lie in one run; the next chunk is read while this one is worked on. */
async function* convertRun(
  handle: FileHandle,
  plan: Conversion,
  run: Run,
  scratch: Scratch,
  from: number,
  to: number,
  onSource?: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, void> {
  const firstElement = Math.floor((from - run.outBegin) / run.to);
  const lastElement = Math.ceil((to - run.outBegin) / run.to);
  const inEnd = run.begin + lastElement * run.from;
  let inAt = run.begin + firstElement * run.from;
  let outAt = run.outBegin + firstElement * run.to;
  let which: 0 | 1 = 0;
  const read = (at: number, into: 0 | 1) =>
    readInto(handle, plan, scratch.inputs[into], at, Math.min(CHUNK, inEnd - at));
  let pending = read(inAt, which);
  try {
    while (inAt < inEnd) {
      const bytes = await pending;
      const other: 0 | 1 = which === 0 ? 1 : 0;
      if (inAt + bytes < inEnd) {
        pending = read(inAt + bytes, other);
        // Awaited in the next turn; until then a failure must not count as unhandled.
        pending.catch(() => {});
      }
      onSource?.(scratch.inputs[which].subarray(0, bytes));
      const out = transform(plan, run, scratch, which, inAt, bytes);
      yield out.subarray(Math.max(0, from - outAt), Math.min(out.length, to - outAt));
      inAt += bytes;
      outAt += out.length;
      which = other;
    }
  } finally {
    // The scratch may serve another stream next: no read may still be writing into it.
    await pending.catch(() => {});
  }
}

function transform(
  plan: Conversion,
  run: Run,
  scratch: Scratch,
  which: 0 | 1,
  inAt: number,
  bytes: number,
): Uint8Array {
  const input = scratch.inputs[which].subarray(0, bytes);
  const refuse = (bad: (bits: number) => boolean) => refuseNotFinite(plan, run, input, inAt, bad);
  if (!run.cast) {
    if (run.dtype === 'F32' && scratch.scan32(which, bytes) >= 0x7f800000)
      refuse((b) => (b & 0x7fffffff) >= 0x7f800000);
    if (run.dtype === 'BF16' && scratch.scan16(which, bytes) >= 0x7f80) refuse((b) => (b & 0x7fff) >= 0x7f80);
    if (run.dtype === 'F16' && scratch.scan16(which, bytes) >= 0x7c00) refuse((b) => (b & 0x7fff) >= 0x7c00);
    // Whatever validators load it as has no larger numbers.
    if (run.dtype === 'F64' && !isFloat32(input)) refuse(() => true);
    return input;
  }
  if (run.dtype === 'F32') {
    // From here on the nearest bf16 is infinity.
    if (scratch.castF32(which, bytes) >= 0x7f7f8000) refuse((b) => (b & 0x7fffffff) >= 0x7f7f8000);
    return scratch.output.subarray(0, bytes / 2);
  }
  return castSlowly(run.dtype, input, scratch.output, refuse);
}

/** fp16 and fp64, which are rare: element by element, through fp32 as torch does. */
function castSlowly(
  dtype: string,
  input: Uint8Array,
  output: Uint8Array,
  refuse: (bad: (bits: number) => boolean) => void,
): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const size = dtype === 'F16' ? 2 : 8;
  const count = input.length / size;
  const out = new DataView(output.buffer, output.byteOffset, count * 2);
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  for (let i = 0; i < count; i++) {
    float[0] = size === 2 ? halfToNumber(view.getUint16(i * 2, true)) : view.getFloat64(i * 8, true);
    const x = bits[0]!;
    if ((x & 0x7fffffff) >= 0x7f7f8000) {
      refuse(() => true);
      throw new Error('unreachable');
    }
    out.setUint16(i * 2, (x + 0x7fff + ((x >>> 16) & 1)) >>> 16, true);
  }
  return output.subarray(0, count * 2);
}

/** Whether every double is a number that bf16 and fp32 have room for. */
function isFloat32(input: Uint8Array): boolean {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  for (let at = 0; at < input.length; at += 8) if (!fits(view.getFloat64(at, true))) return false;
  return true;
}

const fits = (value: number) => Math.abs(Math.fround(value)) < 3.39e38;

/** A half-precision number of its 16 bits. */
export function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Finds the first bad element of a chunk and names its tensor. */
function refuseNotFinite(
  plan: Conversion,
  run: Run,
  input: Uint8Array,
  inAt: number,
  bad: (bits: number) => boolean,
): never {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const step = run.from === 8 ? 8 : run.from;
  let at = 0;
  if (step <= 4)
    while (at + step < input.length && !bad(step === 4 ? view.getUint32(at, true) : view.getUint16(at, true)))
      at += step;
  else while (at + 8 < input.length && fits(view.getFloat64(at, true))) at += 8;
  const tensor = plan.tensors.find((t) => t.begin <= inAt + at && inAt + at < t.end);
  const name = tensor?.name ?? 'unknown';
  const index = tensor ? (inAt + at - tensor.begin) / step : 0;
  throw new CheckError(
    'model.not_finite',
    `${plan.path}: tensor ${JSON.stringify(name)} holds NaN, infinity or a value too large for bf16 (element ${index}); validators would score this model as lost.`,
    {
      details: { file: plan.path, tensor: name },
      nextSteps: ['Train on from an earlier checkpoint: pt train --resume RUN'],
    },
  );
}

async function assertUnchanged(handle: FileHandle, plan: Conversion): Promise<void> {
  const { size, mtimeMs, ino } = await handle.stat();
  if (size !== plan.stamp.size || mtimeMs !== plan.stamp.mtimeMs || ino !== plan.stamp.ino)
    throw new CheckError('model.changed', `${plan.path} changed since it was checked.`, {
      nextSteps: ['Wait until nothing writes to the folder any more, then try again.'],
    });
}

async function readExactly(handle: FileHandle, plan: Conversion, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await readInto(handle, plan, bytes, 0, length);
  return bytes;
}

async function readInto(
  handle: FileHandle,
  plan: Conversion,
  into: Uint8Array,
  at: number,
  length: number,
): Promise<number> {
  for (let got = 0; got < length; ) {
    const { bytesRead } = await handle.read(into, got, length - got, at + got);
    if (bytesRead === 0)
      throw new CheckError('model.changed', `${plan.path} became shorter while it was read.`, {
        nextSteps: ['Wait until nothing writes to the folder any more, then try again.'],
      });
    got += bytesRead;
  }
  return length;
}
