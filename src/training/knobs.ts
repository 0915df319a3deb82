import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { isIn, type NumberRange, rangeWords } from '../text/range.ts';

/** What a flag's text may be, and so what run.json holds. */
type Takes =
  /** `but`: a value in between that means nothing. */
  | { kind: 'integer'; min: number; max: number; but?: number }
  | ({ kind: 'number' } & NumberRange)
  | { kind: 'choice'; options: readonly string[] }
  | { kind: 'switch' }
  /** Texts, each with a flag of its own. */
  | { kind: 'list' }
  /** `stores`: a text, a whole number from 1 on, or that or a rate and `auto`. */
  | {
      kind: 'text';
      stores: 'text' | 'count' | 'count or auto' | 'rate or auto';
      read: (text: string) => unknown;
    };

/** `free`: a resumed run takes the new value. `fixed`: another value would make it another run, and is refused. */
export type OnResume = 'free' | 'fixed';

export interface Knob {
  flag: string;
  aliases?: readonly string[];
  summary: string;
  /** In run.json (docs/run-folder.md). */
  key: string;
  takes: Takes;
  /** In run.json when the flag is not given; null: what `unset` says. */
  default: unknown;
  /** For the help, where the default is null or says little. */
  unset?: string;
  resume: OnResume;
  /** Why. */
  because: string;
  /** Where a recipe has the same, which a null in run.json stands for. */
  recipe?: readonly string[];
}

/** What counters of every language and tracker hold: for where a run ends, and how often it is looked at. */
const COUNT = 2 ** 31 - 1;
/** Up to ten years. */
const MINUTES: NumberRange = { above: 0, max: 10 * 366 * 24 * 60 };
const RATE: NumberRange = { above: 0, max: 1000 };

const BOUND = 'where a run ends is no part of what it has learned';
const MACHINE = 'a checkpoint is loaded on any machine';
const DATA_ORDER = 'the position in the data counts in these';
const OPTIMIZER = 'the state of the optimizer and the losses so far belong to it';
const WATCHING = 'how often it is looked at changes no weight';

/**
 * The training knobs of `pt train`: flags, `TrainingOptions`, run.json, its schema and `--resume` are all made of this table. A knob more is a
 * row here, a field of `RunConfig` in python/trainer/config.py, and `npm run generate`.
 */
export const KNOBS = {
  textColumn: {
    flag: 'text-column',
    summary: 'Column that holds the text',
    key: 'text_column',
    takes: { kind: 'text', stores: 'text', read: String },
    default: null,
    unset: 'text',
    resume: 'fixed',
    because: DATA_ORDER,
  },
  skipBadRows: {
    flag: 'skip-bad-rows',
    summary: 'Rows without text that may be left out',
    key: 'skip_bad_rows',
    takes: { kind: 'integer', min: 0, max: COUNT },
    default: 0,
    resume: 'free',
    because: 'how much is forgiven changes nothing of what was read',
  },
  device: {
    flag: 'device',
    summary: 'auto, cpu, cuda, cuda:N, mps',
    key: 'device',
    takes: { kind: 'text', stores: 'text', read: deviceName },
    default: 'auto',
    resume: 'free',
    because: MACHINE,
  },
  epochs: {
    flag: 'epochs',
    aliases: ['num-epochs'],
    summary: 'Passes over the data; -1 until stopped',
    key: 'epochs',
    takes: { kind: 'integer', min: -1, max: COUNT, but: 0 },
    default: 1,
    resume: 'free',
    because: BOUND,
  },
  tokens: {
    flag: 'tokens',
    summary: 'Stop after so many tokens: 500M, 2.4B',
    key: 'tokens',
    takes: { kind: 'text', stores: 'count', read: tokenCount },
    default: null,
    unset: 'no bound',
    resume: 'free',
    because: BOUND,
  },
  maxSteps: {
    flag: 'max-steps',
    summary: 'Stop after so many optimizer steps',
    key: 'max_steps',
    takes: { kind: 'integer', min: 1, max: COUNT },
    default: null,
    unset: 'no bound',
    resume: 'free',
    because: BOUND,
  },
  maxMinutes: {
    flag: 'max-minutes',
    summary: 'Stop after so many minutes',
    key: 'max_minutes',
    takes: { kind: 'number', ...MINUTES },
    default: null,
    unset: 'no bound',
    resume: 'free',
    because: BOUND,
  },
  batchSize: {
    flag: 'bs',
    aliases: ['batch-size'],
    summary: 'Sequences a micro-batch, or auto',
    key: 'batch_size',
    takes: { kind: 'text', stores: 'count or auto', read: batchSize },
    default: null,
    unset: "the recipe's",
    resume: 'fixed',
    because: DATA_ORDER,
    recipe: ['batch_size'],
  },
  sequenceLength: {
    flag: 'sl',
    aliases: ['sequence-length'],
    summary: 'Tokens a sequence',
    key: 'sequence_length',
    takes: { kind: 'integer', min: 2, max: 2 ** 24 },
    default: null,
    unset: "the competition's, else the recipe's",
    resume: 'fixed',
    because: DATA_ORDER,
  },
  accumulationSteps: {
    flag: 'accumulation-steps',
    summary: 'Micro-batches an optimizer step',
    key: 'accumulation_steps',
    // A step of more never ends; it is a slip.
    takes: { kind: 'integer', min: 1, max: 65_536 },
    default: null,
    unset: "the recipe's",
    resume: 'fixed',
    because: DATA_ORDER,
    recipe: ['accumulation_steps'],
  },
  lr: {
    flag: 'lr',
    summary: `Peak learning rate, ${rangeWords(RATE)}, or auto: the best of short probes on held-out text`,
    key: 'lr',
    takes: { kind: 'text', stores: 'rate or auto', read: learningRate },
    default: null,
    unset: "the recipe's",
    resume: 'fixed',
    because: OPTIMIZER,
  },
  pagesPerEpoch: {
    flag: 'pages-per-epoch',
    summary: 'Pages of data that count as an epoch',
    key: 'pages_per_epoch',
    takes: { kind: 'integer', min: 1, max: COUNT },
    default: null,
    unset: "the recipe's",
    resume: 'fixed',
    because: DATA_ORDER,
  },
  optimizer: {
    flag: 'optimizer',
    summary: 'Optimizer',
    key: 'optimizer',
    takes: { kind: 'choice', options: ['adamw', 'muon'] },
    default: null,
    unset: "the recipe's",
    resume: 'fixed',
    because: OPTIMIZER,
    recipe: ['optimizer', 'name'],
  },
  schedule: {
    flag: 'schedule',
    summary: 'Learning rate over time',
    key: 'schedule',
    takes: { kind: 'choice', options: ['constant', 'cosine', 'wsd'] },
    default: null,
    unset: "the recipe's",
    resume: 'fixed',
    because: OPTIMIZER,
    recipe: ['schedule', 'name'],
  },
  freeze: {
    flag: 'freeze',
    summary: 'Parts that do not train, by name: embed_tokens, layers.[0-3], *.mlp; several times for several',
    key: 'freeze',
    takes: { kind: 'list' },
    default: null,
    unset: "the recipe's, which is none",
    resume: 'fixed',
    because: 'checkpoints hold what trains',
    recipe: ['freeze'],
  },
  teacher: {
    flag: 'teacher',
    summary: 'Folder of a model to learn from beside the text, by the divergence from its logits',
    key: 'teacher',
    takes: { kind: 'text', stores: 'text', read: teacherFolder },
    default: null,
    unset: 'none',
    resume: 'fixed',
    because: 'it is part of what was learned',
  },
  teacherWeight: {
    flag: 'teacher-weight',
    summary: 'Share of the objective that is the divergence from --teacher; the rest is the loss on the text',
    key: 'teacher_weight',
    takes: { kind: 'number', above: 0, max: 1 },
    default: 0.5,
    resume: 'fixed',
    because: 'it is part of what was learned',
  },
  loraRank: {
    flag: 'lora-rank',
    summary: 'Train adapters of this rank beside a given model (LoRA), added to it where it is saved',
    key: 'lora_rank',
    takes: { kind: 'integer', min: 0, max: 65_536 },
    default: null,
    unset: "the recipe's, which is 0: the weights themselves train",
    resume: 'fixed',
    because: 'checkpoints hold the adapters',
    recipe: ['lora', 'rank'],
  },
  loraAlpha: {
    flag: 'lora-alpha',
    summary: 'What adapters add counts this / rank times',
    key: 'lora_alpha',
    takes: { kind: 'number', above: 0, max: 1e6 },
    default: null,
    unset: "the recipe's, which is twice the rank",
    resume: 'fixed',
    because: 'what the adapters have learned was learned at it',
    recipe: ['lora', 'alpha'],
  },
  loraTargets: {
    flag: 'lora-targets',
    summary: 'Linear layers that get adapters, by name: q_proj, layers.[0-3].mlp; several times for several',
    key: 'lora_targets',
    takes: { kind: 'list' },
    default: null,
    unset: "the recipe's, which is all but the head",
    resume: 'fixed',
    because: 'checkpoints hold the adapters',
    recipe: ['lora', 'targets'],
  },
  seed: {
    flag: 'seed',
    summary: 'Seed of weights and data order',
    key: 'seed',
    takes: { kind: 'integer', min: 0, max: 2 ** 32 - 1 },
    default: 0,
    resume: 'fixed',
    because: DATA_ORDER,
  },
  dtype: {
    flag: 'train-dtype',
    summary: 'Precision of training',
    key: 'dtype',
    takes: { kind: 'choice', options: ['auto', 'bf16', 'fp32'] },
    default: 'auto',
    resume: 'free',
    because: MACHINE,
  },
  attention: {
    flag: 'attention',
    aliases: ['attn-implementation'],
    summary: 'Attention kernel',
    key: 'attention',
    takes: { kind: 'choice', options: ['auto', 'flash_attention_2', 'flex_attention', 'sdpa', 'eager'] },
    default: 'auto',
    resume: 'free',
    because: MACHINE,
  },
  compile: {
    flag: 'compile',
    summary: 'torch.compile; on for long runs on a GPU when not given',
    key: 'compile',
    takes: { kind: 'switch' },
    default: 'auto',
    resume: 'free',
    because: MACHINE,
  },
  deterministic: {
    flag: 'deterministic',
    summary: 'The same numbers to the last bit each time; slower on a GPU',
    key: 'deterministic',
    takes: { kind: 'switch' },
    default: false,
    resume: 'free',
    because: MACHINE,
  },
  ignoreEstimate: {
    flag: 'ignore-estimate',
    summary: 'Train although the memory estimate says that it does not fit',
    key: 'ignore_estimate',
    takes: { kind: 'switch' },
    default: false,
    resume: 'free',
    because: MACHINE,
  },
  evalEverySteps: {
    flag: 'eval-every-steps',
    summary: 'Steps between held-out evaluations',
    key: 'eval_every_steps',
    takes: { kind: 'integer', min: 1, max: COUNT },
    default: null,
    unset: "the recipe's",
    resume: 'free',
    because: WATCHING,
  },
  evalEveryMinutes: {
    flag: 'eval-every-minutes',
    summary: 'Minutes between held-out evaluations',
    key: 'eval_every_minutes',
    takes: { kind: 'number', ...MINUTES },
    default: null,
    unset: "the recipe's",
    resume: 'free',
    because: WATCHING,
  },
  checkpointEverySteps: {
    flag: 'checkpoint-every-steps',
    summary: 'Steps between checkpoints',
    key: 'checkpoint_every_steps',
    takes: { kind: 'integer', min: 1, max: COUNT },
    default: null,
    unset: "the recipe's",
    resume: 'free',
    because: WATCHING,
  },
  checkpointEveryMinutes: {
    flag: 'checkpoint-every-minutes',
    summary: 'Minutes between checkpoints',
    key: 'checkpoint_every_minutes',
    takes: { kind: 'number', ...MINUTES },
    default: null,
    unset: "the recipe's",
    resume: 'free',
    because: WATCHING,
  },
  checkpointsKept: {
    flag: 'keep-checkpoints',
    summary: 'Checkpoints that stay, the newest; more than two are for `pt merge`',
    key: 'checkpoints_kept',
    // One more than is needed: the newest may be damaged.
    takes: { kind: 'integer', min: 2, max: 1000 },
    default: 2,
    resume: 'free',
    because: WATCHING,
  },
  samples: {
    flag: 'samples',
    summary: 'Texts that the model writes at each evaluation, for the report',
    key: 'samples',
    // More are for a program that reads them.
    takes: { kind: 'integer', min: 0, max: 64 },
    default: 2,
    resume: 'free',
    because: WATCHING,
  },
} as const satisfies Record<string, Knob>;

export type KnobName = keyof typeof KNOBS;

/** What `--resume` does with the flags that are no knobs. */
export const OTHER_FLAGS = {
  /** Where the run came from, in run.json: another value is refused. */
  fixed: [
    'load-best',
    'load-uid',
    'load-model-dir',
    'load-model',
    'load-model-config',
    'decay-from',
    'recipe',
    'data',
    ...['against', 'duel-data', 'duel-sequences'],
  ],
  /** In run.json: the new value is taken. */
  free: ['offline', 'report-to', 'wandb-entity', 'wandb-project'],
  /** Which network and as whom, in settings.json: kept, and the new value is taken. */
  kept: [
    ...['network', 'netuid', 'profile', 'profiles', 'competition'],
    ...['wallet-name', 'wallet-hotkey', 'wallet-path'],
  ],
  /** The Hub, in run.json and settings.json: kept as long as nothing at all names one now, and the new value is taken. */
  hub: ['hub-endpoint'],
  /** What is published, where and when, in state.json: kept, and the new value is taken. */
  publishing: [
    ...['hf-repo-id', 'avg-loss-upload-threshold', 'publish-when', 'dtype', 'upload-b16'],
    ...['use-hotkey-in-hash', 'update-repo-visibility', 'field'],
  ],
  /** Which run is meant. */
  finds: ['resume', 'run', 'model-dir'],
  /** About this start alone, as in a new run. */
  start: [
    ...['detach', 'from-start', 'stop-early', 'gpus', 'nnodes', 'rdzv-endpoint', 'node-rank', 'hang-seconds'],
    ...['dashboard', 'dashboard-port', 'list-competitions', 'yes', 'dry-run', 'wallet-password-fd'],
    ...['notify', 'json', 'quiet', 'no-color'],
  ],
} as const;

type Taken<T extends Takes> = T extends { kind: 'integer' | 'number' }
  ? number
  : T extends { options: readonly (infer Option)[] }
    ? Option
    : T extends { kind: 'list' }
      ? string[]
      : T extends { read: (text: string) => infer Value }
        ? Value
        : boolean;
type Widened<T> = T extends number ? number : T;

/** Values of all knobs; null: the recipe's value, or no bound. */
export type TrainingOptions = {
  [Name in KnobName]: Taken<(typeof KNOBS)[Name]['takes']> | Widened<(typeof KNOBS)[Name]['default']>;
};

export const knobs = Object.entries(KNOBS) as [KnobName, Knob][];

/** The knobs among parsed flags; those that are not given are not there. */
export function givenOptions(flags: Record<string, unknown>): Partial<TrainingOptions> {
  const given = knobs.flatMap(([name, { flag, takes }]) => {
    const value = flags[flag];
    if (value === undefined) return [];
    return [[name, takes.kind === 'text' ? takes.read(String(value)) : value]];
  });
  return Object.fromEntries(given) as Partial<TrainingOptions>;
}

/** All knobs of a new run. */
export function withDefaults(given: Partial<TrainingOptions>): TrainingOptions {
  const defaults = Object.fromEntries(knobs.map(([name, knob]) => [name, knob.default]));
  return { ...defaults, ...given } as TrainingOptions;
}

/** Their part of run.json. */
export function knobConfig(options: TrainingOptions): Record<string, unknown> {
  return Object.fromEntries(knobs.map(([name, { key }]) => [key, options[name]]));
}

function teacherFolder(text: string): string {
  const dir = resolve(text);
  if (existsSync(join(dir, 'config.json'))) return dir;
  throw new UserError('model.missing', `--teacher: ${dir} is no model folder: it has no config.json.`, {
    nextSteps: ['pt load --uid N --dir DIR   # a model of the network'],
  });
}

function deviceName(text: string): string {
  if (/^(auto|cpu|mps|cuda(:\d+)?)$/.test(text)) return text;
  throw new UserError(
    'device.unknown',
    `--device ${text} is not a device; it is one of auto, cpu, cuda, cuda:N, mps.`,
    { nextSteps: ['pt train --device auto', 'pt doctor'] },
  );
}

function learningRate(text: string): number | 'auto' {
  if (text === 'auto') return text;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (isIn(RATE, value)) return value;
  throw new UserError('usage.number', `--lr ${text}: must be ${rangeWords(RATE)}, or auto.`, {
    nextSteps: ['pt train --lr auto', 'pt train --help'],
  });
}

function batchSize(text: string): number | 'auto' {
  if (text === 'auto') return text;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new UserError('usage.batch_size', `--bs ${text}: must be a whole number from 1 to 999999, or auto.`, {
    nextSteps: ['pt train --bs auto'],
  });
}

/** `2.4B`, `500M`, `1e9` or a plain number, as a whole number. */
function tokenCount(text: string): number {
  const match = /^(\d+(?:\.\d+)?(?:e\d+)?)\s*([kmbt]?)$/i.exec(text.trim().replaceAll(/[_,](?=\d{3})/g, ''));
  const unit = { '': 1, k: 1e3, m: 1e6, b: 1e9, t: 1e12 }[match?.[2]?.toLowerCase() ?? ''] ?? 1;
  const count = match === null ? Number.NaN : Math.round(Number(match[1]) * unit);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new UserError('usage.tokens', `--tokens ${text}: must be a number of tokens from 1 on.`, {
    nextSteps: ['pt train --tokens 500M', 'pt train --tokens 2.4B'],
  });
}
