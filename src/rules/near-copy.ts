/** Near copies of the king, told by a few values of its tensors, which are read by ranges and never whole. */
import { blake2b } from '@noble/hashes/blake2.js';
import { pythonEqual } from './python-equal.ts';
import type { Finding, Profile, TensorInfo } from './types.ts';

type Rule = NonNullable<Profile['copies']>;

/** A tensor that is looked at, and where: bytes [begin, end) from its own first. */
export interface Probe {
  name: string;
  ranges: [begin: number, end: number][];
}

/** Tensors that are looked at where every look is a request, or less where the rule needs no more. */
export const MOST_TENSORS = 256;

const WIDTH: Record<string, number> = { F64: 8, F32: 4, F16: 2, BF16: 2 };

/** What is read of a model for the rule: of all tensors, or of `most` that lie evenly among their names. */
export function probesOf(rule: Rule, tensors: readonly TensorInfo[], most = MOST_TENSORS): Probe[] {
  const named = tensors
    .filter(({ dtype }) => rule.kind === 'bytes' || Object.hasOwn(WIDTH, dtype))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const looked = Math.min(named.length, most);
  return Array.from({ length: looked }, (_, i) => named[Math.floor((i * named.length) / looked)]!).map(
    (tensor): Probe => {
      const size = tensor.end - tensor.begin;
      if (rule.kind === 'bytes') return { name: tensor.name, ranges: [[0, Math.min(size, rule.bytes)]] };
      const width = WIDTH[tensor.dtype]!;
      const at = sampleIndices(tensor.name, size / width, rule.samples);
      return { name: tensor.name, ranges: at.map((index) => [index * width, (index + 1) * width]) };
    },
  );
}

/** Which values of a tensor are compared, of those that it has: the same for every validator (Albedo). */
export function sampleIndices(key: string, values: number, count: number): number[] {
  if (values <= 0) return Array.from({ length: count }, () => 0);
  const hash = Buffer.from(blake2b(Buffer.from(key), { dkLen: 4 * count }));
  return Array.from({ length: count }, (_, i) => hash.readUInt32BE(4 * i) % values);
}

/** What near-duplicates are told by: a few values of every tensor, by name. */
export interface Fingerprint {
  keys: readonly string[];
  /** Of each key in its turn; none where only the norms are known. */
  samples: readonly (readonly number[])[];
  norms: readonly number[];
}

const SAME = 1 - 1e-6;

/** Share of tensors whose samples point the same way; scaling a tensor changes nothing (Albedo, `similarity`). */
export function similarityOf(a: Fingerprint, b: Fingerprint): number {
  if (!pythonEqual(a.keys, b.keys)) return 0;
  if (a.samples.length === 0 || a.samples.length !== b.samples.length) return cosine(a.norms, b.norms);
  const same = a.samples.filter((mine, i) => {
    const theirs = b.samples[i]!;
    return [...mine, ...theirs].every((value) => value === 0) || cosine(mine, theirs) >= SAME;
  });
  return same.length / a.samples.length;
}

function cosine(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.length === 0) return 0;
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  const size = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
  return size === 0 ? 0 : dot(a, b) / size;
}

/** What was read of both, and how many tensors there are. */
export interface Looked {
  own: Fingerprint;
  king: Fingerprint;
  tensors: number;
}

/** By cosines of sampled values. From the threshold on the subnet takes it for a copy. */
export function cosineCopy(
  { own, king, tensors }: Looked,
  { threshold }: Rule & { kind: 'cosine' },
): Finding {
  const share = similarityOf(own, king);
  const ok = share < threshold;
  return {
    rule: 'near_copy',
    ok,
    actual: share,
    limit: threshold,
    message: `${percent(share)} of ${own.keys.length} tensors${of(own.keys.length, tensors)} have values that point as the king's do; from ${percent(threshold)} on it is a near copy.`,
  };
}

/** Tensors whose first bytes were compared. */
export interface Compared {
  same: number;
  looked: number;
  tensors: number;
  /** As many weight files as the king's: then only files that are all equal make a copy. */
  sameLayout: boolean;
}

/** Below it, that all drawn tensors are equal ones counts as excluded. */
const UNLIKELY = 0.01;

/** By equal bytes of so many tensors, which validators draw by a seed of both models. */
export function bytesCopy(
  { same, looked, tensors, sameLayout }: Compared,
  rule: Rule & { kind: 'bytes' },
): Finding {
  let chance = 1;
  for (let i = 0; i < Math.min(rule.tensors, looked); i++) chance *= Math.max(0, same - i) / (looked - i);
  if (sameLayout && same < looked) chance = 0;
  const ok = chance === 1 ? false : chance < UNLIKELY ? true : null;
  return {
    rule: 'near_copy',
    ok,
    ...(ok === null ? { verdict: 'unknown' as const } : {}),
    actual: looked === 0 ? 0 : same / looked,
    limit: 1,
    message:
      `${same} of ${looked} tensors${of(looked, tensors)} begin with the king's bytes. ` +
      (ok === false
        ? 'It is a copy.'
        : ok === true
          ? 'That is no copy.'
          : `Validators draw ${rule.tensors} where the shards are others; the chance that all are equal is ${percent(chance)}.`),
  };
}

/** What tells an exact copy where the profile has no rule for copies: every tensor that is looked at begins with the king's bytes. */
export const EXACT = { kind: 'bytes', tensors: 12, bytes: 64 * 1024 } as const;

/**
 * By equal bytes alone, on a subnet whose own rule for copies is not known here. A model that is the king's in all that is looked at beats it by
 * no rule that compares the two.
 */
export function exactCopy(
  { same, looked, what }: { same: number; looked: number; what: string },
  compares: boolean,
): Finding {
  const copy = looked > 0 && same === looked;
  const found = `${same} of ${looked} ${what} the king's`;
  return {
    rule: 'copy',
    ok: copy ? (compares ? false : null) : true,
    ...(copy ? { verdict: compares ? ('cannot_score' as const) : ('unknown' as const) } : {}),
    actual: looked === 0 ? 0 : same / looked,
    limit: 1,
    message: copy
      ? `${found}: it is a copy of the king${compares ? ', which does not beat it' : "; what becomes of one there is the subnet's to say"}.`
      : `${found}: it is no copy of the king.`,
  };
}

const of = (looked: number, all: number): string => (looked === all ? '' : ` (of ${all})`);
const percent = (share: number): string => `${(share * 100).toFixed(1).replace(/\.0$/, '')}%`;
