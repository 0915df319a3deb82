import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blocksLimit, spaceLimit } from '../../src/chain/limit.ts';

const facts = fc.record({
  block: fc.nat(20_000_000),
  netuid: fc.nat(1000),
  bytes: fc.nat(128),
  tempo: fc.integer({ min: 1, max: 1000 }),
  used: fc.integer({ min: 0, max: 3100 }),
  ago: fc.nat(3),
});

describe('spaceLimit', () => {
  test('allows exactly what fits, and frees in the next epoch', () => {
    fc.assert(
      fc.property(facts, ({ block, netuid, bytes, tempo, used, ago }) => {
        const epochAt = (number: number) => Math.floor((number + netuid + 1) / (tempo + 1));
        const usage = { last_epoch: BigInt(Math.max(0, epochAt(block + 1) - ago)), used_space: BigInt(used) };
        const limit = spaceLimit({ block, netuid, bytes, usage, max: 3100, tempo });
        const current = Number(usage.last_epoch) === epochAt(block + 1) ? used : 0;
        expect(limit.used).toBe(current);
        expect(limit.allowed).toBe(current + Math.max(100, bytes) <= 3100);
        if (limit.allowed) expect(limit.freeAtBlock).toBe(block);
        else {
          expect(epochAt(limit.freeAtBlock + 1)).toBe(epochAt(block + 1) + 1);
          expect(epochAt(limit.freeAtBlock)).toBe(epochAt(block + 1));
        }
      }),
    );
  });

  test("takes the chain's own count of epochs where it keeps one", () => {
    const base = { block: 1000, netuid: 9, bytes: 90, tempo: 360, max: 3100 };
    const usage = { last_epoch: 77n, used_space: 3100n };
    expect(spaceLimit({ ...base, usage }).allowed).toBe(true);
    expect(spaceLimit({ ...base, usage, epochIndex: 77n, nextEpochStart: 1200n })).toMatchObject({
      allowed: false,
      freeAtBlock: 1199,
    });
  });
});

describe('blocksLimit', () => {
  test('counts from the last commitment', () => {
    expect(blocksLimit(50, undefined, 100)).toMatchObject({ allowed: true, freeAtBlock: 50 });
    expect(blocksLimit(50, 1, 100)).toMatchObject({ allowed: false, used: 50, freeAtBlock: 100 });
    expect(blocksLimit(100, 1, 100)).toMatchObject({ allowed: true });
    expect(blocksLimit(99, 1, 100)).toMatchObject({ allowed: false });
    expect(blocksLimit(5, 4, undefined)).toMatchObject({ kind: 'none', allowed: true });
  });
});
