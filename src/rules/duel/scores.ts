/** Duels of scores and of win counts: margins, environments, thresholds, an older model's advantage. */
import { rounded } from './numpy.ts';

/** Whether a mean score is far enough above the king's; in plain floating point, in which 0.3 − 0.275 is less than 0.025 (Albedo). */
export function beatsByMargin(challenger: number, king: number, margin: number): boolean {
  return challenger - king >= margin;
}

export interface MarginVerdict {
  /** Null: too few samples are valid, and it is judged again. */
  wins: boolean | null;
  challenger: number | null;
  king: number | null;
  valid: number;
  total: number;
}

/** Means over the valid samples, to six digits (Albedo, `aggregate_scores`). */
export function marginDuel(
  samples: { scored: boolean; challenger: number; king: number }[],
  { margin, valid_share }: { margin: number; valid_share: number },
): MarginVerdict {
  const valid = samples.filter(({ scored }) => scored);
  const counts = { valid: valid.length, total: samples.length };
  if (samples.length === 0 || valid.length / samples.length < valid_share)
    return { wins: null, challenger: null, king: null, ...counts };
  const mean = (values: number[]) => rounded(exactSum(values) / values.length, 6);
  const [challenger, king] = [mean(valid.map((s) => s.challenger)), mean(valid.map((s) => s.king))];
  return { wins: beatsByMargin(challenger, king, margin), challenger, king, ...counts };
}

/** The sum without the errors of adding (Neumaier), as exact means are made of. */
function exactSum(values: number[]): number {
  let [sum, lost] = [0, 0];
  for (const value of values) {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

export type EnvironmentVerdict = 'dominant' | 'not_worse' | 'worse';

export interface Environment {
  margin: number;
  /** Fewer samples of the challenger count as worse. */
  min_samples: number;
  /** Share of the champion's mean that may be lost. */
  tolerance: number;
  /** Where scores may be negative: what may be lost, in their own unit. Null: by share. */
  absolute: number | null;
}

export interface ParetoVerdict {
  wins: boolean;
  environments: {
    name: string;
    verdict: EnvironmentVerdict;
    champion: number | null;
    challenger: number | null;
  }[];
}

const NOISE = 1e-9;

/** Better in `need` environments (0: in all) and worse in none (Affine, `WindowComparator.compare`). */
export function paretoDuel(
  champion: Record<string, number[]>,
  challenger: Record<string, number[]>,
  environments: Record<string, Environment>,
  need: number,
): ParetoVerdict {
  const rows = Object.entries(environments).map(([name, rule]) => {
    const [theirs, ours] = [champion[name] ?? [], challenger[name] ?? []];
    const means = { champion: meanOrNull(theirs), challenger: meanOrNull(ours) };
    return { name, verdict: verdictIn(rule, means, ours.length), ...means };
  });
  const count = (verdict: EnvironmentVerdict) => rows.filter((row) => row.verdict === verdict).length;
  const wins =
    rows.length > 0 &&
    (need <= 0 ? count('dominant') === rows.length : count('dominant') >= need && count('worse') === 0);
  return { wins, environments: rows };
}

const meanOrNull = (values: number[]): number | null =>
  values.length === 0 ? null : exactSum(values) / values.length;

function verdictIn(
  { margin, min_samples, tolerance, absolute }: Environment,
  { champion, challenger }: { champion: number | null; challenger: number | null },
  samples: number,
): EnvironmentVerdict {
  if (samples < min_samples || challenger === null) return 'worse';
  const basis = champion ?? 0;
  if (challenger > basis + margin + NOISE) return 'dominant';
  const least = absolute === null ? basis * (1 - tolerance) : basis - absolute;
  return challenger >= least - NOISE ? 'not_worse' : 'worse';
}

/** Of all within `threshold` of the best score, the earliest, then the first by name (RESI). Null: there is none. */
export function earliestNearBest<Row extends { name: string; score: number; block: number }>(
  rows: readonly Row[],
  threshold: number,
): { winner: Row; best: number } | null {
  if (rows.length === 0) return null;
  const best = Math.max(...rows.map(({ score }) => score));
  const near = rows.filter(({ score }) => score >= best - threshold);
  const winner = near.reduce((a, b) =>
    b.block < a.block || (b.block === a.block && b.name < a.name) ? b : a,
  );
  return { winner, best };
}

export interface AdvantageWins {
  wins: number;
  share: number;
  /** Share of samples with the lowest loss, whatever its age. */
  lowest: number;
  /** What its losses are multiplied with where it is the older one. */
  factor: number;
}

/**
 * For each sample the model whose loss no later one is below, an older one's taken with its advantage, which decays (coldint,
 * `compute_wins`). By name; models without losses are left out.
 */
export function advantageWins(
  losses: ReadonlyMap<string, readonly number[] | null>,
  blocks: ReadonlyMap<string, number>,
  now: number,
  rule: { initial: number; decay: number; per_blocks: number },
): Map<string, AdvantageWins> {
  const names = [...losses].flatMap(([name, each]) => (each === null ? [] : [name]));
  names.sort((a, b) => (blocks.get(a) ?? 0) - (blocks.get(b) ?? 0));
  const found = new Map(
    names.map((name) => [
      name,
      { wins: 0, share: 0, lowest: 0, factor: advantageAt(blocks.get(name), now, rule) },
    ]),
  );
  const samples = names.length === 0 ? 0 : losses.get(names[0]!)!.length;
  for (let i = 0; i < samples; i++) {
    let winner: string | null = null;
    let toBeat = Number.NaN;
    let least: string | null = null;
    for (const name of names) {
      const loss = losses.get(name)![i]!;
      if (winner === null || loss < toBeat) {
        winner = name;
        toBeat = loss * found.get(name)!.factor;
      }
      const lowest = least === null ? Number.POSITIVE_INFINITY : losses.get(least)![i]!;
      // The first NaN is the least, as argmin has it.
      if (least === null || (!Number.isNaN(lowest) && (loss < lowest || Number.isNaN(loss)))) least = name;
    }
    found.get(winner!)!.wins += 1;
    found.get(least!)!.lowest += 1;
  }
  for (const each of found.values()) {
    each.share = each.wins / samples;
    each.lowest /= samples;
  }
  return found;
}

/** What the losses of a model of `block` are multiplied with at `now`. */
export function advantageAt(
  block: number | undefined,
  now: number,
  { initial, decay, per_blocks }: { initial: number; decay: number; per_blocks: number },
): number {
  const epochs = (now - (block ?? 2 ** 31)) / per_blocks;
  return epochs < 0 || !Number.isFinite(epochs) ? 1 : 1 - initial * decay ** epochs;
}
