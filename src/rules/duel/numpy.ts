/**
 * The part of numpy that duels are decided with, to the last bit: `default_rng(seed).integers(0, n)`, `sum` and `mean` in numpy's order,
 * `quantile` by linear interpolation. After numpy 2 (`_generator.pyx`, `pcg64.c`, `bit_generator.pyx`, `loops_utils.h`).
 */

const [INIT_A, MULT_A, INIT_B, MULT_B] = [0x43b0d7e5, 0x931e8875, 0x8b51f9dd, 0x58f38ded];
const [MIX_L, MIX_R] = [0xca01f9dd, 0x4973f715];
const WORD = 0x1_0000_0000;

const shifted = (value: number): number => (value ^ (value >>> 16)) >>> 0;

/** `SeedSequence(seed).generate_state(8)`. */
function seedWords(seed: bigint): number[] {
  const entropy: number[] = [];
  for (let rest = seed; rest > 0n || entropy.length === 0; rest >>= 32n)
    entropy.push(Number(rest & 0xffffffffn));
  let constant = INIT_A;
  const hash = (value: number): number => {
    const mixed = (value ^ constant) >>> 0;
    constant = Math.imul(constant, MULT_A) >>> 0;
    return shifted(Math.imul(mixed, constant) >>> 0);
  };
  const mix = (x: number, y: number): number => shifted((Math.imul(MIX_L, x) - Math.imul(MIX_R, y)) >>> 0);
  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++)
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to]!, hash(pool[from]!));
  for (const word of entropy.slice(4)) for (let to = 0; to < 4; to++) pool[to] = mix(pool[to]!, hash(word));
  let out = INIT_B;
  return Array.from({ length: 8 }, (_, i) => {
    const mixed = (pool[i % 4]! ^ out) >>> 0;
    out = Math.imul(out, MULT_B) >>> 0;
    return shifted(Math.imul(mixed, out) >>> 0);
  });
}

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const limbs = (value: bigint): number[] =>
  [0n, 32n, 64n, 96n].map((at) => Number((value >> at) & 0xffffffffn));
const [M0, M1, M2, M3] = limbs(MULTIPLIER) as [number, number, number, number];

/** The upper half of a product of two words. */
function high(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  // No sum here reaches 33 bits.
  const middle = low(a1, b0) + (low(a0, b0) >>> 16);
  const other = low(a0, b1) + (middle & 0xffff);
  return low(a1, b1) + (middle >>> 16) + (other >>> 16);
}

const low = (a: number, b: number): number => Math.imul(a, b) >>> 0;
/** What is above 32 bits of a sum of words. */
const carry = (sum: number): number => (sum - (sum >>> 0)) / WORD;

/** `numpy.random.default_rng(seed)`, as far as whole numbers below a bound are drawn of it. */
export interface Generator {
  /** Fills `out` with `integers(0, bound, size=out.length)`; `bound` fits into 32 bits. */
  integers(bound: number, out: Uint32Array): void;
}

export function defaultRng(seed: number | bigint): Generator {
  const words = seedWords(BigInt(seed)).map(BigInt);
  const long = (i: number) => words[2 * i]! | (words[2 * i + 1]! << 32n);
  const mask = (1n << 128n) - 1n;
  const increment = ((((long(2) << 64n) | long(3)) << 1n) | 1n) & mask;
  const begun = ((increment + ((long(0) << 64n) | long(1))) * MULTIPLIER + increment) & mask;
  const state = Uint32Array.from(limbs(begun));
  const [c0, c1, c2, c3] = limbs(increment) as [number, number, number, number];
  /** The upper half of the last draw; -1: it was given. */
  let kept = -1;

  return {
    integers(bound, out) {
      if (bound <= 1) {
        out.fill(0);
        return;
      }
      const threshold = (WORD - bound) % bound;
      // In locals, where numbers are not boxed: a duel draws a hundred million times.
      let [s0, s1, s2, s3] = [...state] as [number, number, number, number];
      let waiting = kept;
      for (let i = 0; i < out.length; ) {
        let draw: number;
        if (waiting >= 0) {
          draw = waiting;
          waiting = -1;
        } else {
          const r0 = low(s0, M0) + c0;
          const r1 = high(s0, M0) + low(s0, M1) + low(s1, M0) + c1 + carry(r0);
          const r2 = high(s0, M1) + high(s1, M0) + low(s0, M2) + low(s1, M1) + low(s2, M0) + c2 + carry(r1);
          s3 =
            (high(s0, M2) +
              high(s1, M1) +
              high(s2, M0) +
              low(s0, M3) +
              low(s1, M2) +
              low(s2, M1) +
              low(s3, M0) +
              c3 +
              carry(r2)) >>>
            0;
          s0 = r0 >>> 0;
          s1 = r1 >>> 0;
          s2 = r2 >>> 0;
          // XSL-RR: both halves folded, and turned by the six highest bits. The lower half is given first, the upper kept.
          const turn = s3 >>> 26;
          const below = turn & 32 ? s1 ^ s3 : s0 ^ s2;
          const above = turn & 32 ? s0 ^ s2 : s1 ^ s3;
          const by = turn & 31;
          draw = by === 0 ? below >>> 0 : ((below >>> by) | (above << (32 - by))) >>> 0;
          waiting = by === 0 ? above >>> 0 : ((above >>> by) | (below << (32 - by))) >>> 0;
        }
        // Lemire's: the upper word of a product, drawn again where the lower one would favour some.
        if (low(draw, bound) < threshold) continue;
        out[i++] = high(draw, bound);
      }
      state.set([s0, s1, s2, s3]);
      kept = waiting;
    },
  };
}

/** `sum` of `count` values from `from` on, in pairs as numpy adds. */
export function pairwiseSum(values: ArrayLike<number>, from = 0, count = values.length - from): number {
  if (count < 8) {
    let sum = count === 0 ? 0 : -0;
    for (let i = 0; i < count; i++) sum += values[from + i]!;
    return sum;
  }
  if (count <= 128) {
    const r = Array.from({ length: 8 }, (_, i) => values[from + i]!);
    let at = 8;
    for (; at < count - (count % 8); at += 8) for (let i = 0; i < 8; i++) r[i]! += values[from + at + i]!;
    let sum = r[0]! + r[1]! + (r[2]! + r[3]!) + (r[4]! + r[5]! + (r[6]! + r[7]!));
    for (; at < count; at++) sum += values[from + at]!;
    return sum;
  }
  const half = Math.floor(count / 2) - (Math.floor(count / 2) % 8);
  return pairwiseSum(values, from, half) + pairwiseSum(values, from + half, count - half);
}

export const meanOf = (values: ArrayLike<number>): number => pairwiseSum(values) / values.length;

/** `quantile(values, q)`; sorts `values`. */
export function quantileOf(values: Float64Array, q: number): number {
  values.sort();
  const at = q * (values.length - 1);
  const below = Math.floor(at);
  const [a, b] = [values[below]!, values[Math.min(below + 1, values.length - 1)]!];
  const t = at - below;
  return t >= 0.5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
}

/** `round(value, digits)` of Python, ties of the decimal text aside. */
export const rounded = (value: number, digits: number): number => Number(value.toFixed(digits)) + 0;
