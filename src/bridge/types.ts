/** A Python interpreter that was found usable. */
export interface PythonEnv {
  python: string;
  /** How it was found: `PT_PYTHON`, or the environment `pt setup` made. */
  source: 'PT_PYTHON' | 'managed';
  version: string;
}

/** One line of `events.jsonl`; the vocabulary is in docs/run-folder.md. Unknown types are passed on. */
export interface TrainerEvent {
  type: string;
  /** Seconds since the epoch. */
  time: number;
  [field: string]: unknown;
}

export interface TrainerRequest {
  python: PythonEnv;
  /** Script under python/, `train.py` by default. */
  script?: string;
  /** Path of run.json. */
  config: string;
  runDir: string;
  /** Processes on this node; more than one goes through torch.distributed.run. */
  gpus?: number;
  nnodes?: string;
  rdzvEndpoint?: string;
  nodeRank?: number;
  env?: Record<string, string>;
  /** Seconds without any event or heartbeat before the run counts as hung. */
  hangSeconds?: number;
}

export type TrainerEnd = { kind: 'done'; exitCode: 0 } | { kind: 'cancelled' };

/** A running trainer. `events` ends when the process ended; failures are thrown as `OutsideError` with exit 7 and the cause's name. */
export interface Trainer {
  events: AsyncGenerator<TrainerEvent, TrainerEnd, void>;
  /** First call: ask it to checkpoint and stop. Second call: kill. */
  cancel(): Promise<void>;
}
