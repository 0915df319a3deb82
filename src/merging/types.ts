import type { Evaluation, ScoredModel } from '../evaluation/types.ts';
import type { Asked } from '../training/index.ts';

/** A model to mix: a folder, or a checkpoint of a run, which is first made one. */
export type NamedModel =
  | { name: string; dir: string; checkpoint: null }
  | { name: string; dir: null; checkpoint: { runDir: string; step: number; asked: Asked } };

export interface MergeRequest {
  /** The first gives files, config and dtypes; a checkpoint has those of its run's best/. */
  models: NamedModel[];
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
  /** Null: a model that is a folder already is best, and nothing was written. */
  out: string | null;
  best: string;
  candidates: Candidate[];
  /** Folders of the runs that gave a model. */
  runs: string[];
  /** What they were scored on; null: not scored. */
  sample: Evaluation['sample'] | null;
}
