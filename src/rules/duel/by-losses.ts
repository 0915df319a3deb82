/** The duels that losses on text decide: what a profile's rule says of a sample, and what it will ask of the subnet's own. */
import { epsilonAt } from '../epsilon.ts';
import type { Profile } from '../types.ts';
import { pairedDuel } from './paired.ts';
import { normalQuantile, type Sample, sampleOf, type Trial } from './predict.ts';
import { advantageAt } from './scores.ts';

type Rule = Profile['duel'];

/** Losses of both on the same sequences, nats a token. */
export interface Pair {
  king: ArrayLike<number>;
  challenger: ArrayLike<number>;
}

/** Block of the king's commitment, and the one at which it is decided. Infinity: once a head start has decayed. */
export interface Moment {
  kingBlock: number;
  block: number;
}

export interface LossDuel {
  kind: Rule['kind'] | 'score';
  /** By this sample alone. */
  wins: boolean;
  /** What must be above `threshold`: a lower bound of the mean difference, or the share of sequences won. */
  bound: number;
  threshold: number;
  sample: Sample;
  trial: Trial;
  /** Whether the profile says how many sequences the subnet takes; else as many as here. */
  stated: boolean;
}

/** Whether losses on text are what the rule goes by. */
export const decidedByLosses = ({ kind }: Rule): boolean =>
  kind === 'bootstrap_lcb' || kind === 'epsilon_wins' || kind === 'advantage_wins';

export const trialOfWins = (n: number): Trial => ({ by: 'share', n });
export const trialOfMeans = (n: number): Trial => ({ by: 'mean', threshold: 0, sds: 0, n, times: 1 });

/** What a rule asks of fresh sequences, where `n` of our own were scored and it does not say how many it takes. Null: it is not on means or wins. */
export function trialOf(rule: Rule, n: number): Trial | null {
  switch (rule.kind) {
    case 'bootstrap_lcb':
      return {
        by: 'mean',
        threshold: rule.delta,
        sds: -normalQuantile(rule.alpha),
        n: rule.n ?? n,
        times: rule.wins ?? 1,
      };
    case 'mean_margin':
      return { by: 'mean', threshold: rule.margin, sds: 0, n, times: Math.max(1, rule.wins) };
    case 'epsilon_wins':
    case 'advantage_wins':
      return trialOfWins(n);
    default:
      return null;
  }
}

/** What the king's loss on a sequence counts with, where sequences are won one by one: its head start. Null: they are not. */
export function headStartOf(rule: Rule, { kingBlock, block }: Moment): number | null {
  switch (rule.kind) {
    case 'epsilon_wins': {
      const { epsilon_start: start_epsilon, epsilon_end: end_epsilon, decay_blocks } = rule;
      const epsilon = { type: 'LinearDecay', start_epsilon, end_epsilon, decay_blocks } as const;
      return 1 - epsilonAt(epsilon, block, kingBlock);
    }
    case 'advantage_wins':
      return advantageAt(kingBlock, block, rule);
    default:
      return null;
  }
}

/** Null: losses do not decide there. Throws `RangeError` for none, or unpaired ones. */
export function duelByLosses(rule: Rule, pair: Pair, moment: Moment): LossDuel | null {
  const headStart = headStartOf(rule, moment);
  if (headStart !== null) return duelOfWins(pair, headStart, rule.kind);
  switch (rule.kind) {
    case 'bootstrap_lcb': {
      const { wins, bound, n } = pairedDuel(pair.king, pair.challenger, rule);
      const sample = sampleOf(differences(pair));
      const { kind, delta: threshold } = rule;
      const stated = rule.n !== undefined;
      return { kind, wins, bound, threshold, sample, trial: trialOf(rule, n)!, stated };
    }
    default:
      return null;
  }
}

/** Sequence by sequence: the challenger must be below the king's loss times `factor`, and win more of them than it loses. */
export function duelOfWins({ king, challenger }: Pair, factor: number, kind: LossDuel['kind']): LossDuel {
  const n = king.length;
  if (n !== challenger.length || n === 0) throw new RangeError('losses are not paired');
  let [won, lost] = [0, 0];
  for (let i = 0; i < n; i++) {
    won += +(challenger[i]! < king[i]! * factor);
    lost += +(king[i]! * factor < challenger[i]!);
  }
  return {
    kind,
    wins: won > lost,
    bound: won / n,
    threshold: 0.5,
    sample: { n, won, lost },
    trial: trialOfWins(n),
    stated: false,
  };
}

/** By the mean alone: the challenger's must be below the king's. */
export function duelOfMeans(pair: Pair): LossDuel {
  const sample = sampleOf(differences(pair));
  return {
    kind: 'score',
    wins: sample.mean > 0,
    bound: sample.mean,
    threshold: 0,
    sample,
    trial: trialOfMeans(sample.n),
    stated: false,
  };
}

/** King − challenger, a sequence: above 0 where the challenger is better. */
export function differences({ king, challenger }: Pair): Float64Array {
  if (king.length !== challenger.length || king.length === 0) throw new RangeError('losses are not paired');
  return Float64Array.from(king, (loss, i) => loss - challenger[i]!);
}
