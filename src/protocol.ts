/** Data shapes of the protocol. Field names are those of the data files (`constants/`, vectors), which Python reads too. */

export type { Pretraining, Profile } from './profile-schema.ts';

/** A file of `constants/profiles/` without its ending. */
export type ProfileName = string;

/** What `--profile` takes: `history` is all that mainnet held, release after release, for looking back only. */
export type AskedProfile = ProfileName | 'history';

export type EpsilonRule =
  | { type: 'FixedEpsilon'; epsilon: number }
  | { type: 'LinearDecay'; start_epsilon: number; end_epsilon: number; decay_blocks: number };

export interface EvalTask {
  name: string;
  method: string;
  dataset: string;
  dataset_repo: string;
  weight: number;
  normalization: string;
  normalization_kwargs?: Record<string, unknown>;
  dataset_kwargs: Record<string, unknown>;
}

/** Optional check of weight norms; no reference release turned it on. */
export interface NormConstraints {
  norm_eps_soft: number;
  norm_eps_soft_percent_threshold: number;
  norm_eps_hard: number;
}

export interface Competition {
  id: number | null;
  name: string | null;
  reward_percentage: number;
  min_model_parameters: number;
  max_model_parameters: number;
  /** Sum of all files of the revision, bytes; equal passes. */
  max_bytes: number;
  max_bytes_source?: string;
  sequence_length: number | null;
  /** Null: any causal LM. The class must match exactly. */
  allowed_architectures: string[] | null;
  tokenizer: string;
  from_pretrained_kwargs: { torch_dtype?: string; attn_implementation?: string };
  eval_block_delay: number;
  epsilon: EpsilonRule;
  norm_validation_constraints?: NormConstraints | null;
  primary_dataset?: string | null;
  additional_dataset?: string | null;
  eval_tasks?: EvalTask[] | null;
  /** Set when miners do not commit to this id: it is evaluated on another competition's models. */
  virtual?: string;
  /** It stands for all of a subnet that names its own in its texts: any name may be one of theirs. */
  named_in_text?: boolean;
  /** Recipe that `pt train` takes when none is named. */
  default_recipe?: string;
}

export interface Period {
  from_block: number;
  /** `declared`: the exact block a release names; `release`: estimated from when it was published (about a day). */
  boundary: 'genesis' | 'declared' | 'release';
  release: string;
  tag: string | null;
  commit: string | null;
  date: string;
  changed: string[];
  confirmed_by_releases?: string[];
  competitions: Competition[];
}

/** What a network accepts, by block: periods in ascending `from_block`, the first at 0. */
export interface Schedule {
  name: string;
  periods: Period[];
}

/** The schedule that one release of the reference carried. */
export interface Release {
  release: string;
  tag: string | null;
  commit: string;
  date: string;
  schedule: { from_block: number; competitions: Competition[] }[];
}

/** What is known of a competition's tokenizer (`constants/tokenizers.json`). */
export interface TokenizerFacts {
  /** Ids that the tokenizer can produce lie below this. */
  vocab_size: number;
  eos_token_id: number;
}

/** A chain and the Hub that belongs to it. */
export interface Network {
  about: string;
  /** Hash of its first block, which tells it from any address that leads to it; null: any chain, or not known. */
  genesis: string | null;
  /** `ws://` or `wss://` addresses, tried in order; empty for the sandbox, whose address comes from its own state. */
  endpoints: string[];
  /** Null for the sandbox. */
  hub: string | null;
  netuid: number;
  /** Name of the schedule file without `.json`; null: the schedule of the profile's release (rules/schedule.ts). */
  schedule: string | null;
  /** Subnets that no longer score this kind of submission: `pt` asks before it writes there. */
  retired_netuids: number[];
  /** Lets dates be turned into blocks (and back), about one day off; null when unknown. */
  block_anchor: { block: number; time: string; seconds_per_block: number } | null;
}

/** A training recipe; the trainer owns and checks its fields (`python/trainer`). */
export interface Recipe {
  name: string;
  [field: string]: unknown;
}
