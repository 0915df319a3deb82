import type { EventOf, TrainerEvent } from './events.ts';

/** A Python interpreter that was found usable. */
export interface PythonEnv {
  python: string;
  /** How it was found: `PT_PYTHON`, or the environment `pt setup` made. */
  source: 'PT_PYTHON' | 'managed';
  version: string;
}

export interface TrainerRequest {
  python: PythonEnv;
  /** Script under python/, `train.py` by default; an absolute path is taken as it is. */
  script?: string;
  /** Path of run.json. */
  config: string;
  /** Where the script writes `events.jsonl`; its output goes to `trainer.log` there. */
  runDir: string;
  /** Processes on this node; more than one goes through torch.distributed.run. */
  gpus?: number;
  nnodes?: string;
  rdzvEndpoint?: string;
  nodeRank?: number;
  /** Times that torch.distributed.run starts the workers again after one died; 0 by default. */
  maxRestarts?: number;
  /** Added to the trainer's environment; null: it gets no secret, not even those that this process was started with. */
  env?: Record<string, string> | null;
  /** Seconds without any event or heartbeat before the run counts as hung; 120 by default. */
  hangSeconds?: number;
  /** The same before the first event: importing torch on a cold disk takes its time; 300 by default. */
  startSeconds?: number;
}

/** `result` is the script's `result` event, when it wrote one. */
export type TrainerEnd = { kind: 'done'; exitCode: 0; result?: EventOf<'result'> } | { kind: 'cancelled' };

/** A running trainer. `events` ends when the process ended; failures are thrown as `OutsideError` with exit 7 and the cause's name. */
export interface Trainer {
  /** Process id, and process group, of the trainer or of torch.distributed.run. */
  pid: number;
  /** Iterate to the end: leaving early (`break`) kills the trainer. */
  events: AsyncGenerator<TrainerEvent, TrainerEnd, void>;
  /** First call: ask it to checkpoint and stop. Second call: kill. */
  cancel(): Promise<void>;
}

/** What a Python environment holds, for `pt doctor`. */
export interface PythonInfo {
  python: string;
  /** Version of each package, null when it is not there. */
  packages: Record<string, string | null>;
  /** CUDA version that torch uses; null without a usable GPU. */
  cuda: string | null;
  mps: boolean;
  gpus: { name: string; freeBytes: number; totalBytes: number }[];
  /** Why what training imports does not import, when it does not. */
  problem: string | null;
}
