/** Data shapes of the protocol. Field names are those of the data files (`constants/`, vectors), which Python reads too. */

export type ProfileName = '3.2' | '6.0';

/** What `--profile` takes: `history` is all that mainnet held, release after release, for looking back only. */
export type AskedProfile = ProfileName | 'history';

/** How one generation of validators writes and reads commitments and scores (`constants/profiles.json`). */
export interface Profile {
  /** Reference release that the profile stands for, and its commit. */
  release: string;
  commit: string;
  /** Fields of the chain string in order, joined with `:`. */
  chain_fields: ('namespace' | 'name' | 'commit' | 'hash' | 'secure_hash' | 'competition_id')[];
  max_commitment_bytes: number;
  /** Length of `namespace/name` in code points, both ends included. */
  repo_id_min_length: number;
  repo_id_max_length: number;
  /** Which hashes validators accept on chain. */
  hash: 'content_or_hotkey_bound' | 'hotkey_bound';
  /** Whether tokenizer files are downloaded and so enter the content hash. */
  hashes_tokenizer: boolean;
  /** `upload`: limits of the upload block; `upload_and_now`: the competition must exist then and now, today's limits hold. */
  limits_at: 'upload' | 'upload_and_now';
  win_rate_without_opponents: number;
  /** Batches that a data set gives at most, after a seeded shuffle; null: all. */
  batches_limit: number | null;
  temperature: number;
  alpha: number;
  /** Version of transformers that these validators pin. */
  transformers: string;
  /** Whether the loss is computed with an empty cache handed to the model, which some classes fail on. */
  empty_cache: boolean;
}

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
