import { Flags } from '@oclif/core';
import { UserError } from '../errors.ts';
import { hubFlags, networkFlags, publishFlags, walletFlags, writeFlags } from './flags.ts';

const start = { helpGroup: 'START FROM' };
const training = { helpGroup: 'TRAINING' };
const scale = { helpGroup: 'SCALE' };
const tracking = { helpGroup: 'TRACKING' };

/** A number with a fraction; oclif has whole ones only. */
const number = (above: number) =>
  Flags.custom<number>({
    parse: async (text) => {
      const value = text.trim() === '' ? Number.NaN : Number(text);
      if (Number.isFinite(value) && value > above) return value;
      throw new UserError('usage.number', `"${text}" must be a number${above === 0 ? ' above 0' : ''}.`, {
        nextSteps: ['pt train --help'],
      });
    },
  });

export const trainFlags = {
  'load-best': Flags.boolean({ summary: 'Start from the best model on the network', ...start }),
  'load-uid': Flags.integer({ summary: "Start from this miner's model", min: 0, ...start }),
  'load-model-dir': Flags.string({ summary: 'Start from a model folder', ...start }),
  'load-model': Flags.string({ summary: 'Start from one .safetensors file', ...start }),
  'load-model-config': Flags.string({ summary: 'config.json for --load-model', ...start }),
  resume: Flags.string({
    summary: 'Go on with a run; the newest when none is named',
    helpValue: '[RUN]',
    exclusive: ['load-best', 'load-uid', 'load-model-dir', 'load-model', 'recipe', 'data', 'seed'],
    ...start,
  }),
  'from-start': Flags.boolean({
    summary: 'With --resume: begin the run again where it has no whole checkpoint',
    dependsOn: ['resume'],
    ...start,
  }),

  recipe: Flags.string({ summary: 'Recipe: a name, a .json or a .py file', ...training }),
  data: Flags.string({
    summary: 'builtin, a path, or a data set; NAME:WEIGHT, several times for a mixture',
    multiple: true,
    multipleNonGreedy: true,
    ...training,
  }),
  'text-column': Flags.string({ summary: 'Column that holds the text; text when not given', ...training }),
  'skip-bad-rows': Flags.integer({ summary: 'Rows without text that may be left out', min: 0, ...training }),
  device: Flags.string({ summary: 'auto, cpu, cuda, cuda:N, mps', ...training }),
  epochs: Flags.integer({
    summary: 'Passes over the data; -1 until stopped',
    aliases: ['num-epochs'],
    min: -1,
    ...training,
  }),
  'max-steps': Flags.integer({ summary: 'Stop after so many optimizer steps', min: 1, ...training }),
  'max-minutes': number(0)({ summary: 'Stop after so many minutes', ...training }),
  bs: Flags.string({ summary: 'Sequences a micro-batch, or auto', aliases: ['batch-size'], ...training }),
  sl: Flags.integer({ summary: 'Tokens a sequence', aliases: ['sequence-length'], min: 2, ...training }),
  'accumulation-steps': Flags.integer({ summary: 'Micro-batches an optimizer step', min: 1, ...training }),
  lr: number(0)({ summary: 'Peak learning rate', ...training }),
  'pages-per-epoch': Flags.integer({ summary: 'Pages of data that count as an epoch', min: 1, ...training }),
  optimizer: Flags.string({ summary: 'Optimizer', options: ['adamw', 'muon'], ...training }),
  schedule: Flags.string({
    summary: 'Learning rate over time',
    options: ['constant', 'cosine', 'wsd'],
    ...training,
  }),
  seed: Flags.integer({ summary: 'Seed of weights and data order', min: 0, ...training }),
  'train-dtype': Flags.string({
    summary: 'Precision of training',
    options: ['auto', 'bf16', 'fp32'],
    ...training,
  }),
  attention: Flags.string({
    summary: 'Attention kernel',
    options: ['auto', 'flash_attention_2', 'sdpa', 'eager'],
    aliases: ['attn-implementation'],
    ...training,
  }),
  compile: Flags.boolean({
    summary: 'torch.compile; on for long runs on a GPU when not given',
    allowNo: true,
    ...training,
  }),
  'eval-every-steps': Flags.integer({ summary: 'Steps between held-out evaluations', min: 1, ...training }),
  'checkpoint-every-steps': Flags.integer({ summary: 'Steps between checkpoints', min: 1, ...training }),
  'model-dir': Flags.string({ summary: 'Folder for runs instead of PT_HOME/runs', ...training }),

  gpus: Flags.integer({ summary: 'Processes on this machine (torch.distributed.run)', min: 1, ...scale }),
  nnodes: Flags.string({ summary: 'Machines, N or MIN:MAX', ...scale }),
  'rdzv-endpoint': Flags.string({ summary: 'host:port where the machines meet', ...scale }),
  'node-rank': Flags.integer({ summary: 'Rank of this machine', min: 0, ...scale }),
  run: Flags.string({
    summary: "Name of the run's folder; machines that train together give the same, on shared storage",
    ...scale,
  }),
  'hang-seconds': Flags.integer({ summary: 'Silence that counts as a hang', min: 5, ...scale }),

  'report-to': Flags.string({
    summary: 'wandb, trackio, tensorboard; several times for several',
    options: ['wandb', 'trackio', 'tensorboard'],
    multiple: true,
    multipleNonGreedy: true,
    ...tracking,
  }),
  'wandb-entity': Flags.string({ summary: 'W&B account or team', ...tracking }),
  'wandb-project': Flags.string({ summary: 'W&B project', ...tracking }),
  dashboard: Flags.boolean({ summary: 'Show the run as a live page on this machine', ...tracking }),
  'dashboard-port': Flags.integer({
    summary: 'Port of that page; 0 takes any free one',
    min: 0,
    max: 65_535,
    dependsOn: ['dashboard'],
    ...tracking,
  }),

  'avg-loss-upload-threshold': number(Number.NEGATIVE_INFINITY)({
    summary: 'Publish when the best held-out loss is under this',
    helpGroup: 'PUBLISHING',
  }),
  'publish-when': Flags.string({
    summary:
      'Publish each new best model whose forecast meets this, as often as the chain allows: "p(win) > 0.9"',
    helpGroup: 'PUBLISHING',
  }),
  ...publishFlags,
  ...networkFlags,
  ...walletFlags,
  ...hubFlags,
  ...writeFlags,
};

/** Lets `--resume` stand alone: the parser wants a value for every string flag. */
export function resumeMayStandAlone(argv: string[]): string[] {
  return argv.flatMap((token, index) => {
    const next = argv[index + 1];
    return token === '--resume' && (next === undefined || next.startsWith('-')) ? ['--resume='] : [token];
  });
}
