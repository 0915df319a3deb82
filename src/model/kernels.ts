/**
 * The two loops over every weight, in WebAssembly SIMD (several times the speed of a typed-array loop): fp32 → bf16, and the search
 * for NaN and infinity. Written as bytes because they are this short; each line is one instruction.
 */

/** The part of WebAssembly's JavaScript interface used here; TypeScript declares it for browsers only. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

const ADDRESS = 0x7f; // i32
const VECTOR = 0x7b; // v128
const [INPUT, OUTPUT, END, MAX, A, B] = [0, 1, 2, 3, 4, 5];

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const add = (local: number, bytes: number) => [...get(local), 0x41, bytes, 0x6a, ...set(local)];
const load = (offset: number) => [...get(INPUT), 0xfd, 0x00, 0x00, offset];
const and = [0xfd, 0x4e];
const constant = (bytes: number[]) => [0xfd, 0x0c, ...bytes];
const each32 = (value: number) =>
  constant([...new Uint8Array(new Uint32Array([value, value, value, value]).buffer)]);
const each16 = (value: number) => constant([...new Uint8Array(new Uint16Array(8).fill(value).buffer)]);
const max32 = [0xfd, 0xb9, 0x01];
const max16 = [0xfd, 0x99, 0x01];
const add32 = [0xfd, 0xae, 0x01];
const shiftRight16 = [0x41, 16, 0xfd, 0xad, 0x01];
const highHalves = [0xfd, 0x0d, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31];

/** Largest magnitude so far: `MAX = max(MAX, vector & mask)`. */
const magnitude = (vector: number, mask: number[], max: number[]) => [
  ...get(MAX),
  ...get(vector),
  ...mask,
  ...and,
  ...max,
  ...set(MAX),
];
/** Round to nearest, ties to even, in the upper half: x + 0x7fff + ((x >> 16) & 1). */
const rounded = (vector: number) => [
  ...get(vector),
  ...each32(0x7fff),
  ...add32,
  ...get(vector),
  ...shiftRight16,
  ...each32(1),
  ...and,
  ...add32,
];
/** Repeats `body` while INPUT < END, then stores the largest magnitude at address 0. */
const loop = (body: number[]) => [
  0x01,
  3,
  VECTOR, // three vectors: MAX, A, B
  0x03,
  0x40, // loop
  ...body,
  ...get(INPUT),
  ...get(END),
  0x49,
  0x0d,
  0x00, // again if INPUT < END
  0x0b,
  0x41,
  0x00,
  ...get(MAX),
  0xfd,
  0x0b,
  0x00,
  0x00, // store at 0
  0x0b,
];

const CAST = loop([
  ...load(0),
  ...set(A),
  ...load(16),
  ...set(B),
  ...magnitude(A, each32(0x7fffffff), max32),
  ...magnitude(B, each32(0x7fffffff), max32),
  ...get(OUTPUT),
  ...rounded(A),
  ...rounded(B),
  ...highHalves,
  0xfd,
  0x0b,
  0x00,
  0x00,
  ...add(INPUT, 32),
  ...add(OUTPUT, 16),
]);
const SCAN32 = loop([...load(0), ...set(A), ...magnitude(A, each32(0x7fffffff), max32), ...add(INPUT, 16)]);
const SCAN16 = loop([...load(0), ...set(A), ...magnitude(A, each16(0x7fff), max16), ...add(INPUT, 16)]);

function leb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) return bytes;
  }
}
const sized = (bytes: number[]) => [...leb(bytes.length), ...bytes];
const section = (id: number, bytes: number[]) => [id, ...sized(bytes)];
const text = (name: string) => sized([...Buffer.from(name)]);

/** Bytes of input that one call takes; both input buffers, the output and the result fit the module's memory. */
export const CHUNK = 1 << 20;
const RESULT = 16;
const PAGES = Math.ceil((RESULT + 2 * CHUNK + CHUNK) / 65536) + 1;

const MODULE = new Uint8Array([
  0x00,
  0x61,
  0x73,
  0x6d,
  1,
  0,
  0,
  0,
  ...section(1, [1, 0x60, 3, ADDRESS, ADDRESS, ADDRESS, 0]),
  ...section(3, [3, 0, 0, 0]),
  ...section(5, [1, 0x00, ...leb(PAGES)]),
  ...section(7, [
    4,
    ...text('memory'),
    2,
    0,
    ...text('cast'),
    0,
    0,
    ...text('scan32'),
    0,
    1,
    ...text('scan16'),
    0,
    2,
  ]),
  ...section(10, [3, ...sized(CAST), ...sized(SCAN32), ...sized(SCAN16)]),
]);

type Kernel = (input: number, output: number, end: number) => void;

/** Two input buffers to read into by turns, one output buffer, and the loops over them. Not shared between streams. */
export interface Scratch {
  inputs: [Uint8Array, Uint8Array];
  output: Uint8Array;
  /** Casts the first `bytes` (a multiple of 4) of an input into `output`; gives the largest magnitude's bits. */
  castF32(which: 0 | 1, bytes: number): number;
  /** Largest magnitude's bits among 32-bit (16-bit) floats in the first `bytes` of an input. */
  scan32(which: 0 | 1, bytes: number): number;
  scan16(which: 0 | 1, bytes: number): number;
}

let compiled: object | undefined;
const idle: Scratch[] = [];

/** A scratch for one stream; hand it back with `releaseScratch`. */
export function acquireScratch(): Scratch {
  return idle.pop() ?? makeScratch();
}

export function releaseScratch(scratch: Scratch): void {
  idle.push(scratch);
}

function makeScratch(): Scratch {
  compiled ??= new WebAssembly.Module(MODULE);
  const { memory, cast, scan32, scan16 } = new WebAssembly.Instance(compiled).exports as {
    memory: { buffer: ArrayBuffer };
    cast: Kernel;
    scan32: Kernel;
    scan16: Kernel;
  };
  const { buffer } = memory;
  const at = [RESULT, RESULT + CHUNK] as const;
  const outputAt = RESULT + 2 * CHUNK;
  const inputs: [Uint8Array, Uint8Array] = [
    new Uint8Array(buffer, at[0], CHUNK),
    new Uint8Array(buffer, at[1], CHUNK),
  ];
  const result32 = new Uint32Array(buffer, 0, 4);
  const result16 = new Uint16Array(buffer, 0, 8);
  /** Runs whole steps; what is left is filled with zeros (they change no magnitude) up to the next step. */
  const run = (kernel: Kernel, which: 0 | 1, bytes: number, step: number): void => {
    const whole = Math.ceil(bytes / step) * step;
    inputs[which].fill(0, bytes, whole);
    if (whole > 0) kernel(at[which], outputAt, at[which] + whole);
    else result32.fill(0);
  };
  return {
    inputs,
    output: new Uint8Array(buffer, outputAt, CHUNK),
    castF32: (which, bytes) => {
      run(cast, which, bytes, 32);
      return Math.max(...result32);
    },
    scan32: (which, bytes) => {
      run(scan32, which, bytes, 16);
      return Math.max(...result32);
    },
    scan16: (which, bytes) => {
      run(scan16, which, bytes, 16);
      return Math.max(...result16);
    },
  };
}
