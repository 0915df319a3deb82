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
  /** Sequences that are scored of each data set; null: what the profile's duel takes, or all of the pages. */
  sequences?: number | null;
  /** Sequences before those that are left out: what a choice was made by is no text to confirm it on. */
  skip?: number;
  /** Of local data everything, because nothing is trained on it; else what training holds out. */
  whole?: boolean;
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

/** The best of the user's models and the king on the same sequences, by the rule that decides on the subnet. */
export interface Duel {
  kind: string;
  challenger: string;
  king: string;
  /** Sequences of this sample, and of the subnet's own where its profile says so. */
  n: number;
  subnetN: number | null;
  /** King − challenger, nats a token, with its 95% interval; above 0 the challenger is better. */
  mean: number;
  low: number | null;
  high: number | null;
  /** By the rule on this sample alone. Null, as all that follow: losses do not decide there. */
  wins: boolean | null;
  bound: number | null;
  threshold: number | null;
  /** Chance to win on the subnet's own, fresh sequences, with the 95% interval of what it is if the true difference were known. */
  p: number | null;
  pLow: number | null;
  pHigh: number | null;
  /** More sequences that would settle it; 0: it is settled; null: no number would. */
  more: number | null;
  /** What decides there too, and is not looked at. */
  notJudged: string[];
  /** A sequence each, in the same order. */
  losses: { king: number[]; challenger: number[] };
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
  /** Null without a rival, or when either could not be scored. */
  duel: Duel | null;
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

/** What scoring a model takes on this machine. Bytes and seconds; null: not known. */
export interface CostOfModel {
  name: string;
  mine: boolean;
  /** The folder that it has here, or would have. */
  dir: string;
  onHub: { repo: string; commit: string } | null;
  uid: number | null;
  parameters: number | null;
  /** 0: it is here. */
  download: number;
  weights: number | null;
  /** On the device, its weights and what one sequence holds beside them. */
  memory: number | null;
  /** In the machine's memory, where it is loaded first; null also where that is the device's. */
  hostMemory: number | null;
  fits: boolean | null;
  tokensPerSecond: number | null;
  seconds: number | null;
  /**
   * Where the rate is from. `measured`: scoring `model`, of the same sizes, here; `scaled`: from another one's by their arithmetic; `bound`: what
   * this device multiplies at most, so that it takes longer.
   */
  speed: {
    from: 'measured' | 'scaled' | 'bound';
    model: string | null;
    tokens: number | null;
    /** ISO. */
    at: string | null;
  } | null;
  /** Why something is not known. */
  problem: string | null;
}

/** How many sequences a power takes. */
export interface Power {
  wanted: number;
  /** Nats a token: what is taken for true; null: not known, or sequences are won one by one. */
  gain: number | null;
  spread: number | null;
  /** Of the sequences, won; null: the mean decides, or not known. */
  share: number | null;
  /** Null: not known, or no number has that power. */
  sequences: number | null;
  seconds: number | null;
  sentence: string;
}

/** What scoring takes here, before it starts. */
export interface Cost {
  plan: true;
  models: CostOfModel[];
  device: string;
  deviceName: string;
  /** That models are computed in. */
  dtype: string;
  memoryFree: number | null;
  hostMemoryFree: number | null;
  download: number;
  /** Null: nothing is downloaded. */
  diskFree: number | null;
  fitsOnDisk: boolean;
  /** `sequences` null: as many as the pages of the competition hold. */
  sample: { sequences: number | null; sequenceLength: number; data: string[] };
  seconds: number | null;
  /** Null: none was asked for. */
  power: Power | null;
  block: number;
  profile: ProfileName;
  competition: Competition;
}
