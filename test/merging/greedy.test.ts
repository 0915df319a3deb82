import fc from 'fast-check';
import { expect, it } from 'vitest';
import { greedySoup } from '../../src/merging/greedy.ts';

/** Runs it with `lossOf` for mixtures; gives what stayed and what was tried. */
async function soup(losses: number[], lossOf: (members: number[]) => number) {
  const tried: number[][] = [];
  const work = greedySoup<number[]>(losses, async function* (members) {
    tried.push(members);
    yield members;
    return lossOf(members);
  });
  for (;;) {
    const next = await work.next();
    if (next.done) return { stayed: next.value, tried };
  }
}

it('begins with the best, tries the others in order, and keeps those that help', async () => {
  const gains: Record<number, number> = { 0: -0.1, 1: 0, 2: -0.1, 3: 0.2 };
  const { stayed, tried } = await soup([3, 2, 4, 5], (members) =>
    members.slice(1).reduce((loss, one) => loss + gains[one]!, 2),
  );
  expect(stayed).toEqual([1, 0, 2]);
  expect(tried).toEqual([
    [1, 0],
    [1, 0, 2],
    [1, 0, 2, 3],
  ]);
});

it('leaves out what could not be scored, and is empty of nothing', async () => {
  expect(await soup([Number.POSITIVE_INFINITY, 2], () => 0)).toEqual({ stayed: [1], tried: [] });
  expect(await soup([Number.POSITIVE_INFINITY], () => 0)).toEqual({ stayed: [], tried: [] });
});

it('is never worse than the best model, and never of a mixture that did not help', async () => {
  const loss = fc.double({ min: 1, max: 9, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      fc.array(loss, { minLength: 1, maxLength: 7 }),
      fc.array(loss, { minLength: 7 }),
      async (alone, mixed) => {
        const found = new Map<string, number>();
        let next = 0;
        const { stayed } = await soup(alone, (members) => {
          const value = mixed[next++ % mixed.length]!;
          found.set(String(members), value);
          return value;
        });
        const best = Math.min(...alone);
        const reached = stayed.length === 1 ? best : found.get(String(stayed))!;
        expect(reached).toBeLessThanOrEqual(best);
        expect(stayed[0]).toBe(alone.indexOf(best));
      },
    ),
    { numRuns: 60 },
  );
});
