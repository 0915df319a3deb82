/** Who beats whom. */
import { epsilonAt } from './epsilon.ts';
import type { EpsilonRule } from './types.ts';

/** A model's losses (one a batch; one score in all in `6.0`) and the block of its commitment (Infinity: unknown). */
export interface Contender {
  uid: number;
  losses: ArrayLike<number>;
  block: number;
}

/** Whether loss i beats loss j: the earlier block's loss counts as loss × (1 − epsilon); strictly less wins. */
export function isWin(
  lossI: number,
  lossJ: number,
  blockI: number,
  blockJ: number,
  epsilon: EpsilonRule,
  currentBlock: number,
): boolean {
  const i = blockI < blockJ ? (1 - epsilonAt(epsilon, currentBlock, blockI)) * lossI : lossI;
  const j = blockI > blockJ ? (1 - epsilonAt(epsilon, currentBlock, blockJ)) * lossJ : lossJ;
  return i < j;
}

export interface WinTable {
  /** Won batches by uid. */
  wins: Map<number, number>;
  /** Won share of all comparisons by uid. */
  winRates: Map<number, number>;
}

/**
 * Every model against every other on every batch (contenders have the same number of losses).
 * `withoutOpponents` is the rate of a model that is alone (0 in `3.2`, 1 in `6.0`).
 */
export function winRates(
  contenders: Contender[],
  epsilon: EpsilonRule,
  currentBlock: number,
  withoutOpponents: number,
): WinTable {
  const n = contenders.length;
  const batches = contenders[0]?.losses.length ?? 0;
  const plain = contenders.map((c) => Float64Array.from(c.losses));
  // The earlier model's losses with its head start; it depends on that model alone, so once a model and not once a pair.
  const ahead = contenders.map((c, i) => {
    const factor = 1 - epsilonAt(epsilon, currentBlock, c.block);
    return plain[i]!.map((loss) => factor * loss);
  });
  const won = new Float64Array(n);
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) {
      const [a, b] = [contenders[i]!.block, contenders[j]!.block];
      const left = (a < b ? ahead : plain)[i]!;
      const right = (a > b ? ahead : plain)[j]!;
      let leftWins = 0;
      let rightWins = 0;
      for (let k = 0; k < batches; k++) {
        const x = left[k]!;
        const y = right[k]!;
        // Branch-free: random losses mispredict half of all branches. NaN wins nothing, as in Python.
        leftWins += +(x < y);
        rightWins += +(y < x);
      }
      won[i]! += leftWins;
      won[j]! += rightWins;
    }
  const comparisons = (n - 1) * batches;
  return {
    wins: new Map(contenders.map((c, i) => [c.uid, won[i]!])),
    winRates: new Map(
      contenders.map((c, i) => [c.uid, comparisons > 0 ? won[i]! / comparisons : withoutOpponents]),
    ),
  };
}

/** Share of batches that the row's model wins against the column's, for showing; null on the diagonal, and where nothing was scored. */
export function winMatrix(
  contenders: Contender[],
  epsilon: EpsilonRule,
  currentBlock: number,
): (number | null)[][] {
  return contenders.map((a) =>
    contenders.map((b) => {
      if (a === b || a.losses.length === 0) return null;
      let won = 0;
      for (let k = 0; k < a.losses.length; k++)
        won += +isWin(a.losses[k]!, b.losses[k]!, a.block, b.block, epsilon, currentBlock);
      return won / a.losses.length;
    }),
  );
}

/** `6.0`: uids that beat every model of an earlier (or the same) block once epsilon is fully decayed; the others are dropped. */
export function competitiveSet(
  models: { uid: number; score: number; block: number }[],
  epsilon: EpsilonRule,
): number[] {
  const factor = 1 - epsilonAt(epsilon, Number.POSITIVE_INFINITY, 0);
  return models
    .filter((m) => models.every((o) => o === m || o.block > m.block || m.score < o.score * factor))
    .map((m) => m.uid);
}

/** The uid with the highest win rate, the first of equals; null when no model is left. */
export function topUid(rates: Map<number, number>): number | null {
  let best: [number, number] | null = null;
  for (const entry of rates) if (best === null || entry[1] > best[1]) best = entry;
  return best?.[0] ?? null;
}
