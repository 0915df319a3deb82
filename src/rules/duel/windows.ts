/** Duels over windows of time series: relative gain of the geometric mean of two errors, whole clusters resampled (cascade). */
import { blake2b } from '@noble/hashes/blake2.js';
import { defaultRng, meanOf, quantileOf } from './numpy.ts';

/** Errors of one window. */
export interface WindowScore {
  /** Quantile losses, one a level. */
  qloss: number[];
  /** Sum of the targets' magnitudes; 0: the first error is not defined. */
  abs: number;
  mase: number;
  /** Windows of one source are resampled together; null: by itself. */
  source: string | null;
}

export interface WindowRule {
  margin_start: number;
  margin_end: number;
  margin_rounds: number;
  min_n: number;
  min_clusters?: number;
  B: number;
  alpha: number;
}

export interface WindowVerdict {
  wins: boolean;
  /** NaN where there are too few windows to decide. */
  bound: number;
  margin: number;
  n: number;
  clusters: number;
  king: number;
  challenger: number;
  inconclusive: boolean;
  /** Share of windows where the challenger is better; null without a decision. */
  share: number | null;
}

/** blake2b of a text, 8 bytes as a big-endian number. */
export function seedOf(text: string): bigint {
  return BigInt(`0x${Buffer.from(blake2b(Buffer.from(text), { dkLen: 8 })).toString('hex')}`);
}

/** The seed that a round takes from a block's hash. */
export const seedOfBlock = (hash: string): bigint => seedOf(hash.toLowerCase().replace(/^0x/, ''));

/** The margin against a king of `tenure` rounds. */
export function marginAt(
  rule: Pick<WindowRule, 'margin_start' | 'margin_end' | 'margin_rounds'>,
  tenure: number,
): number {
  if (rule.margin_rounds <= 0) return rule.margin_end;
  const part = Math.min(Math.max(tenure, 0) / rule.margin_rounds, 1);
  return rule.margin_start + part * (rule.margin_end - rule.margin_start);
}

/** Sums of one cluster: what a resample needs of it. */
interface Sums {
  logMase: Float64Array;
  windows: Float64Array;
  logWql: Float64Array;
  defined: Float64Array;
}

function sumsOf(scores: WindowScore[], codes: number[], count: number): Sums {
  const sums: Sums = {
    logMase: new Float64Array(count),
    windows: new Float64Array(count),
    logWql: new Float64Array(count),
    defined: new Float64Array(count),
  };
  for (const [i, { qloss, abs, mase }] of scores.entries()) {
    const code = codes[i]!;
    sums.logMase[code]! += Math.log(Math.max(mase, 1e-9));
    sums.windows[code]! += 1;
    if (Math.abs(abs) === 0) continue;
    sums.defined[code]! += 1;
    sums.logWql[code]! += Math.log(Math.max((2 * meanOf(qloss)) / Math.abs(abs), 1e-12));
  }
  return sums;
}

function geomeanOf({ logMase, windows, logWql, defined }: Sums, clusters: ArrayLike<number>): number {
  let [mase, n, wql, valid] = [0, 0, 0, 0];
  for (let i = 0; i < clusters.length; i++) {
    const code = clusters[i]!;
    mase += logMase[code]!;
    n += windows[code]!;
    wql += logWql[code]!;
    valid += defined[code]!;
  }
  const [m, w] = [Math.exp(mase / Math.max(n, 1)), Math.exp(wql / Math.max(valid, 1))];
  return Math.sqrt(Math.max(w, 1e-12) * Math.max(m, 1e-12));
}

const ofWindow = ({ qloss, abs, mase }: WindowScore): number =>
  Math.sqrt(Math.max((2 * meanOf(qloss)) / Math.max(Math.abs(abs), 1e-9), 1e-12) * Math.max(mase, 1e-12));

/** One round. Both are scored on the same windows in the same order. Throws `RangeError` when they are not. */
export function windowDuel(
  king: WindowScore[],
  challenger: WindowScore[],
  rule: WindowRule,
  { seed, tenure }: { seed: string | bigint | number; tenure: number },
): WindowVerdict {
  if (king.length !== challenger.length) throw new RangeError('windows are not paired');
  if (
    king.some(({ abs }, i) => Math.abs(abs - challenger[i]!.abs) > 1e-8 + 1e-5 * Math.abs(challenger[i]!.abs))
  )
    throw new RangeError('windows are not the same');
  const known = new Map<string, number>();
  const codes = king.map(({ source }, i) => {
    const label = source ? `s:${source}` : `w:${i}`;
    if (!known.has(label)) known.set(label, known.size);
    return known.get(label)!;
  });
  const clusters = known.size;
  const [kings, challengers] = [sumsOf(king, codes, clusters), sumsOf(challenger, codes, clusters)];
  const all = Uint32Array.from({ length: clusters }, (_, i) => i);
  const observed = {
    king: king.length === 0 ? Number.NaN : geomeanOf(kings, all),
    challenger: king.length === 0 ? Number.NaN : geomeanOf(challengers, all),
  };
  const margin = marginAt(rule, tenure);
  const shared = { margin, n: king.length, clusters, ...observed };
  const few = rule.min_clusters !== undefined && rule.min_clusters > 0 && clusters < rule.min_clusters;
  if (king.length < rule.min_n || few)
    return { ...shared, wins: false, bound: Number.NaN, inconclusive: true, share: null };

  const rng = defaultRng(typeof seed === 'string' ? seedOf(seed) : seed);
  const gains = new Float64Array(rule.B);
  const drawn = new Uint32Array(clusters);
  for (let b = 0; b < rule.B; b++) {
    rng.integers(clusters, drawn);
    const [a, c] = [geomeanOf(kings, drawn), geomeanOf(challengers, drawn)];
    gains[b] = (a - c) / (Math.abs(a) < 1e-9 ? 1e-9 : a);
  }
  const bound = quantileOf(gains, rule.alpha);
  const better = king.filter((each, i) => ofWindow(challenger[i]!) < ofWindow(each)).length;
  return { ...shared, wins: bound >= margin, bound, inconclusive: false, share: better / king.length };
}
