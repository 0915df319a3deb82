import type { Competition, ProfileName } from '../rules/index.ts';

/** A model to score. */
export type ModelRef =
  | { kind: 'folder'; name: string; dir: string }
  | { kind: 'uid'; name: string; uid: number }
  | { kind: 'repo'; name: string; repo: string; revision: string | null }
  /** `except`: the best of all but this hotkey (SS58). */
  | { kind: 'best'; name: string; except?: string };

export interface EvaluateRequest {
  models: ModelRef[];
  /** Scored too, and what the others have to beat; null: the best of `models`. */
  against?: ModelRef | null;
  /** `--block`; null: the chain's, else the newest period's. */
  block?: number | null;
  /** `--data` names; none: the competition's data sets. */
  data?: string[];
  /** Of the data's tables and rows; null: text. */
  textColumn?: string | null;
  /** Null: the competition's own sample. */
  pages?: number | null;
  seed?: number | null;
  sequenceLength?: number | null;
  /** Left out: the place's. */
  device?: string;
  modelsDir?: string;
  signal?: AbortSignal;
}

/** A model after scoring. */
export interface ScoredModel {
  name: string;
  dir: string;
  /** One of the user's, as opposed to the one to beat. */
  mine: boolean;
  /** Weighted mean loss, nats a token; null when it could not be scored or is not finite (then `error` or `notFinite` says why). */
  loss: number | null;
  /** 95% interval over batches. */
  low: number | null;
  high: number | null;
  winRate: number | null;
  block: number;
  uid: number | null;
  /** Whether its sample outputs pass the repetition check; null: too little text to try. */
  reasonable: boolean | null;
  notFinite: number;
  parameters: number | null;
  error: string | null;
}

/** What scoring says: who wins, what it takes, and what to do. */
export interface Evaluation {
  models: ScoredModel[];
  winner: string | null;
  /** Loss that a model committed now needs to win against the best rival, now and once its head start has decayed. */
  lossToBeat: number | null;
  lossToBeatLater: number | null;
  epsilon: number | null;
  epsilonLater: number | null;
  decayedAtBlock: number | null;
  /** Chance of the best of `models` against the best rival; null without a rival. */
  pWin: number | null;
  pWinLater: number | null;
  advice: 'publish' | 'wait' | 'train' | null;
  sentence: string;
  /** Share of batches that the row's model wins against the column's; null on the diagonal. */
  matrix: (number | null)[][];
  block: number;
  profile: ProfileName;
  competition: Competition;
  sample: {
    batches: number;
    sequenceLength: number;
    /** Null: each model's own. */
    tokenizer: string | null;
    data: string[];
    seed: number;
  };
}
