import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesCopy, probesOf, type TensorInfo } from '../../src/rules/index.ts';

const tensor = (name: string, values: number, dtype = 'BF16'): TensorInfo => ({
  name,
  dtype,
  shape: [values],
  begin: 100,
  end: 100 + values * 2,
});
const cosine = { kind: 'cosine', samples: 16, threshold: 0.95 } as const;
const bytes = { kind: 'bytes', tensors: 12, bytes: 65_536 } as const;

describe('what is read of a tensor', () => {
  it('lies inside it, is the same for everybody, and at most what the rule takes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.string({ minLength: 1 }), (values, name) => {
        for (const rule of [cosine, bytes]) {
          const [probe] = probesOf(rule, [tensor(name, values)]);
          expect(probesOf(rule, [tensor(name, values)])).toEqual([probe]);
          for (const [begin, end] of probe!.ranges)
            expect(begin >= 0 && begin < end && end <= values * 2).toBe(true);
          const read = probe!.ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);
          expect(read).toBeLessThanOrEqual(rule.kind === 'bytes' ? rule.bytes : 32);
        }
      }),
    );
  });

  it('is of tensors in the order of their names, evenly among many; whole numbers have no direction', () => {
    const many = Array.from({ length: 1000 }, (_, i) => tensor(`t${String(i).padStart(4, '0')}`, 8));
    const names = probesOf(cosine, many.toReversed(), 10).map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect([names[0], names.at(-1), names.length]).toEqual(['t0000', 't0900', 10]);
    const counts = tensor('counts', 8, 'I64');
    expect(probesOf(cosine, [counts])).toEqual([]);
    expect(probesOf(bytes, [counts])).toHaveLength(1);
  });
});

it('equal bytes are a copy by the chance that only equal tensors are drawn', () => {
  const of = (same: number, sameLayout = false) =>
    bytesCopy({ same, looked: 100, tensors: 300, sameLayout }, bytes);
  expect(of(100)).toMatchObject({ ok: false });
  expect(of(100, true)).toMatchObject({ ok: false });
  expect(of(99, true)).toMatchObject({ ok: true });
  // 88 of 100 that 12 draws miss the one that differs.
  expect(of(99)).toMatchObject({ ok: null, verdict: 'unknown', message: expect.stringContaining('88%') });
  expect(of(40)).toMatchObject({ ok: true });
  expect(of(0).message).toBe("0 of 100 tensors (of 300) begin with the king's bytes. That is no copy.");
});
