import type { ScoredModel } from '../evaluation/types.ts';

export interface MergeRequest {
  /** Folders, the first of which gives files, config and dtypes. */
  models: { name: string; dir: string }[];
  /** Sets of weights, one a mixture; none: what `candidates` says for these models. */
  weights: number[][];
  /** Steps between the two models; null: not asked for. */
  grid: number | null;
  /** Mix in one model after another as long as that helps, in place of the above. */
  greedy: boolean;
  /** Must not exist. */
  out: string;
  /** How they are scored; null: the one mixture is written and nothing is scored. */
  score: {
    data: string[];
    textColumn: string | null;
    pages: number | null;
    seed: number | null;
    device?: string;
  } | null;
  signal: AbortSignal;
}

/** A model or a mixture of them, and its loss on the common sample. */
export interface Candidate {
  name: string;
  /** In the order of the models; they sum to 1. */
  weights: number[];
  /** Null: not scored. */
  score: ScoredModel | null;
}

export interface MergeOutcome {
  /** Null: no mixture was better than the best of the models, and nothing was written. */
  out: string | null;
  best: string;
  candidates: Candidate[];
}
