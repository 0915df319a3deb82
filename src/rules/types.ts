/** Data shapes of the protocol. Field names are those of the data files (`constants/`, vectors), which Python reads too. */

export type ProfileName = '3.2' | '6.0';

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
  dataset_kwargs: Record<string, unknown>;
}

export interface Competition {
  id: number | null;
  name: string | null;
  reward_percentage: number;
  min_model_parameters: number;
  max_model_parameters: number;
  /** Sum of all files of the revision, bytes; equal passes. */
  max_bytes: number;
  sequence_length: number | null;
  /** Null: any causal LM. The class must match exactly. */
  allowed_architectures: string[] | null;
  tokenizer: string;
  from_pretrained_kwargs: { torch_dtype?: string; attn_implementation?: string };
  eval_block_delay: number;
  epsilon: EpsilonRule;
  primary_dataset?: string | null;
  additional_dataset?: string | null;
  eval_tasks?: EvalTask[] | null;
  /** Recipe that `pt train` takes when none is named. */
  default_recipe?: string;
}

export interface Period {
  from_block: number;
  boundary: 'genesis' | 'declared' | 'release';
  release: string;
  tag: string;
  commit: string;
  date: string;
  changed: string[];
  competitions: Competition[];
}

/** One verdict. `ok: null` means it could not be looked at here (said in `message`). */
export interface Finding {
  rule: string;
  ok: boolean | null;
  actual: unknown;
  limit: unknown;
  message: string;
}
