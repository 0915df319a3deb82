import type { DataRead } from '../bridge/index.ts';
import type { Competition } from '../rules/types.ts';
import type { RunDuel } from './duel-folder.ts';
import type { TrainingOptions } from './knobs.ts';
import type { PublishCondition } from './publish-condition.ts';

/** Where the starting weights come from; `run.json`'s `source`. */
export type ModelSource =
  | { kind: 'recipe'; path: null; config: null }
  | { kind: 'model_dir'; path: string; config: null }
  | { kind: 'model_file'; path: string; config: string | null };

export interface DataSource {
  /** `builtin`, a path, or the name of a data set in constants/datasets.json. */
  name: string;
  weight: number;
}

/** What the run fights against at each evaluation; `run.json`'s `duel`. */
export interface DuelRequest {
  /** As `--against` says it; null: no duel. */
  against: string | null;
  /** Text of the duel: paths are absolute. Empty: the competition's. */
  data: string[];
  /** Of each; null: what the tool takes. */
  sequences: number | null;
}

/** Everything that decides what is trained, before it becomes `run.json`. */
export interface RunRequest {
  source: ModelSource;
  recipe: Record<string, unknown> & { name: string };
  recipeFile: string | null;
  competition: Competition | null;
  /** Whether `best/` keeps the files of the model it starts from: a subnet locks them. */
  keepsFiles: boolean;
  data: DataSource[];
  options: TrainingOptions;
  duel: DuelRequest;
  offline: boolean;
  hubEndpoint: string | null;
  reportTo: string[];
  wandb: { entity: string | null; project: string | null };
}

export type RunStatus = 'running' | 'done' | 'cancelled' | 'failed';

/** `state.json`. */
export interface RunState {
  id: string;
  started_at: string;
  ended_at: string | null;
  /** When it was last started or resumed (ISO), and the seconds that `pt` trained it before; absent: runs of an older pt. */
  resumed_at?: string | null;
  seconds_before?: number;
  state: RunStatus;
  /** Process of the `pt` that drives it; tells a dead "running" from a live one. */
  pid: number;
  /** Who that process is (`processIdentity`): the id alone may be somebody else's by now. Runs of an older pt have none. */
  pid_identity?: string | null;
  error: { code: string; message: string } | null;
  /** What to do with the best model at the end; kept so that a resumed run does it too. */
  intent: PublishIntent | null;
  /** Why `pt` ended it before its time; null: it did not. */
  stopped_early?: string | null;
  /** Which model of the network it began with: the best one, or a uid's; null: none. */
  started_from?: 'best' | number | null;
  /** `pt upload`'s object, once published. */
  published: unknown;
  /** Every publication of this run, oldest first: `pt upload`'s object and `at`, when (ISO). */
  publications?: (Record<string, unknown> & { at: string })[];
}

/** `labels.json`: what people call a run. A file of its own: whoever trains the run writes `state.json` meanwhile. */
export interface Labels {
  /** Words, sorted. */
  tags: string[];
  note: string | null;
}

/** Publish a run's best model: at the end, when its held-out loss is under `threshold` (nats a token); with `when`, whenever its forecast meets that. */
export interface PublishIntent {
  repo: string;
  /** Null: any loss, which only `when` makes sense of. */
  threshold: number | null;
  when: PublishCondition | null;
  /** Null: the one that the competition loads. */
  dtype: 'bf16' | 'fp32' | null;
  useHotkeyInHash?: boolean;
  /** Made public after the commitment; by default it is. */
  makePublic?: boolean;
  /** Values that the profile's text names and only the miner knows, `NAME=VALUE` as they were given. */
  fields?: string[];
}

/** `best.json`: what lies in `best/`. */
export interface BestModel {
  step: number;
  tokens: number | null;
  /** Held-out loss, nats a token. */
  loss: number;
}

/** What `pt train` knows at the end of the training part. */
export interface TrainOutcome {
  runDir: string;
  bestDir: string | null;
  bestLoss: number | null;
  steps: number;
  tokens: number;
  resumed: boolean;
  cancelled: boolean;
  /** Why it was ended before its time: the gain over the king has flattened; null: it was not. */
  stoppedEarly: string | null;
  /** The newest duel; null: there was none, or it says nothing. */
  duel: RunDuel | null;
  unigramEntropy: number | null;
  /** What was read of each `--data`. */
  data: DataRead[];
  seconds: number;
}

/** One line of `pt runs`. */
export interface RunSummary {
  id: string;
  dir: string;
  startedAt: string;
  /** ISO; null while it is being trained. */
  endedAt: string | null;
  state: RunStatus;
  /** Name of the recipe, or the file of one in Python. */
  recipe: string | null;
  /** Seconds that it was trained, over all its starts. */
  seconds: number;
  steps: number;
  /** Where it ends; null: without an end, or by the clock. */
  totalSteps: number | null;
  /** Of the newest step that was not skipped, nats a token. */
  loss: number | null;
  bestLoss: number | null;
  /** Of the best model, else the newest; null: it has no duel, or that says nothing. */
  duel: RunDuel | null;
  labels: Labels;
  /** Why it ended, where it did not end by itself. */
  error: { code: string; message: string } | null;
  published: unknown;
}
