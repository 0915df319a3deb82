/** Against numpy itself, where the trainer's interpreter is at hand; else against what it gave once. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { duel } from '../../../src/rules/index.ts';

const { defaultRng, pairwiseSum, quantileOf } = duel;

/** numpy 2.4.6: `g = default_rng(seed); g.integers(0, n, 7); g.integers(0, n, 3)` */
test.each<[bigint, number, number[], number[]]>([
  [45063n, 50, [2, 17, 22, 7, 21, 47, 15], [7, 12, 48]],
  [45063n, 1_000_003, [51307, 359223, 458118, 146127, 438059, 958935, 303509], [153757, 245671, 977502]],
  [2269901645662351552n, 7, [4, 3, 0, 3, 0, 0, 3], [5, 3, 0]],
  [
    0n,
    4294967295,
    [3653403230, 2735729614, 2195314464, 1158725111, 1322117303, 175979944, 323153948],
    [70985653, 752767290, 3492969079],
  ],
  [12345678901234567890n, 65536, [36144, 276, 33235, 42752, 51399, 39838, 53332], [64507, 41587, 36623]],
])('integers below %i of seed %s are those of numpy', (seed, bound, first, second) => {
  const rng = defaultRng(seed);
  const draw = (count: number) => {
    const out = new Uint32Array(count);
    rng.integers(bound, out);
    return [...out];
  };
  expect([draw(7), draw(3)]).toEqual([first, second]);
});

const python = process.env.PT_PYTHON;
const PROGRAM = `
import json, sys, numpy as np
out = []
for seed, n, values, q in json.load(sys.stdin):
    rng = np.random.default_rng(int(seed))
    draws = [rng.integers(0, n, size=len(values)).tolist() for _ in range(3)]
    a = np.array(values, dtype=np.float64)
    out.append([draws, float(a.sum()).hex(), float(a.mean()).hex(), float(np.quantile(a, q)).hex()])
print(json.dumps(out))
`;

test.skipIf(!python)('draws, sums, means and quantiles are numpy’s to the last bit', () => {
  const random = defaultRng(7);
  const raw = (count: number) => {
    const out = new Uint32Array(count);
    random.integers(2 ** 31, out);
    return [...out];
  };
  const cases = Array.from({ length: 120 }, (_, i) => {
    const [length, bound, seed] = [
      1 + (i < 40 ? i : raw(1)[0]! % 3000),
      1 + (raw(1)[0]! % (i % 2 ? 50 : 4e9)),
      raw(1)[0]!,
    ] as const;
    return [
      String(seed),
      bound,
      raw(length).map((value) => (value - 2 ** 30) / 1e7),
      [0.001, 0.05, 0.5, 0.95][i % 4],
    ] as const;
  });
  const theirs = JSON.parse(
    execFileSync(python!, ['-c', PROGRAM], { input: JSON.stringify(cases), maxBuffer: 1 << 28 }).toString(),
  );
  for (const [i, [seed, bound, values, q]] of cases.entries()) {
    const rng = defaultRng(BigInt(seed));
    const draws = [0, 1, 2].map(() => {
      const out = new Uint32Array(values.length);
      rng.integers(bound, out);
      return [...out];
    });
    const [wanted, sum, mean, quantile] = theirs[i];
    expect(draws).toEqual(wanted);
    expect(pairwiseSum(values)).toBe(fromHex(sum));
    expect(pairwiseSum(values) / values.length).toBe(fromHex(mean));
    expect(quantileOf(Float64Array.from(values), q!)).toBe(fromHex(quantile));
  }
});

/** `float.fromhex`. */
function fromHex(text: string): number {
  const match = /^(-?)0x([01])\.([0-9a-f]*)p([+-]\d+)$/.exec(text);
  if (!match) return Number(text.replace('0x', ''));
  const [, sign, whole, digits, exponent] = match;
  const value = Number.parseInt(whole! + digits!, 16) * 2 ** (Number(exponent) - 4 * digits!.length);
  return sign ? -value : value;
}
