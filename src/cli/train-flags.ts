import { Flags, type Interfaces } from '@oclif/core';
import { UserError } from '../errors.ts';
import { shippedDataSets, shippedNames } from '../shipped.ts';
import { type KNOBS, type Knob, knobs, REPORT_TO } from '../training/index.ts';
import { hubFlags, networkFlags, notifyFlag, publishFlags, signingFlags, writeFlags } from './flags.ts';
import { number } from './number-flag.ts';

const start = { helpGroup: 'START FROM' };
const training = { helpGroup: 'TRAINING' };
const duel = { helpGroup: 'DUEL' };
const scale = { helpGroup: 'SCALE' };
const tracking = { helpGroup: 'TRACKING' };

const integer = ({ min, max, but }: { min: number; max: number; but?: number }) =>
  Flags.custom<number>({
    parse: async (text) => {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
      if (value >= min && value <= max && value !== but) return value;
      const range = `from ${min} to ${max}${but === undefined ? '' : `, but not ${but}`}`;
      throw new UserError('usage.number', `"${text}" must be a whole number ${range}.`, {
        nextSteps: ['pt train --help'],
      });
    },
  });

/** One flag for each knob, of the type that its row in the table says. */
type KnobFlags = {
  [Name in keyof typeof KNOBS as (typeof KNOBS)[Name]['flag']]: (typeof KNOBS)[Name]['takes'] extends {
    kind: infer Kind;
  }
    ? Kind extends 'integer' | 'number'
      ? Interfaces.OptionFlag<number | undefined>
      : Kind extends 'switch'
        ? Interfaces.BooleanFlag<boolean>
        : Kind extends 'list'
          ? Interfaces.OptionFlag<string[] | undefined>
          : Interfaces.OptionFlag<string | undefined>
    : never;
};

function flagOf({ summary: what, aliases = [], takes, unset, default: otherwise }: Knob) {
  // A switch says itself what it does when it is not given.
  const summary = takes.kind === 'switch' ? what : `${what} (${unset ?? otherwise})`;
  const common = { summary, aliases: [...aliases], ...training };
  switch (takes.kind) {
    case 'integer':
      return integer(takes)(common);
    case 'number':
      return number(takes)({ ...common, summary: what, unset: unset ?? otherwise });
    case 'choice':
      return Flags.string({ options: [...takes.options], ...common });
    case 'switch':
      return Flags.boolean({ allowNo: true, ...common });
    case 'list':
      return Flags.string({ multiple: true, multipleNonGreedy: true, ...common });
    case 'text':
      return Flags.string(common);
  }
}

const knobFlags = Object.fromEntries(
  knobs.map(([, knob]) => [knob.flag, flagOf(knob)]),
) as unknown as KnobFlags;

export const trainFlags = {
  'load-best': Flags.boolean({ summary: 'Start from the best model on the network', ...start }),
  'load-uid': Flags.integer({
    summary: "Start from this miner's model, by uid (none)",
    min: 0,
    max: 65_535,
    ...start,
  }),
  'load-model-dir': Flags.string({
    summary: 'Start from a model folder (none: new weights of the recipe)',
    ...start,
  }),
  'load-model': Flags.string({ summary: 'Start from one .safetensors file (none)', ...start }),
  'load-model-config': Flags.string({
    summary: 'config.json for --load-model (the one beside it)',
    ...start,
  }),
  resume: Flags.string({
    summary: 'Go on with a run (the newest)',
    helpValue: '[RUN]',
    ...start,
  }),
  'decay-from': Flags.string({
    summary: 'Branch off a checkpoint of a run (its newest); its rate falls to 0 over --tokens',
    helpValue: 'RUN[@STEP]',
    dependsOn: ['tokens'],
    exclusive: [
      ...['resume', 'load-best', 'load-uid', 'load-model-dir', 'load-model', 'load-model-config'],
      ...['epochs', 'max-steps', 'max-minutes', 'schedule'],
    ],
    ...start,
  }),
  'from-start': Flags.boolean({
    summary: 'With --resume: begin the run again where it has no whole checkpoint',
    dependsOn: ['resume'],
    ...start,
  }),

  recipe: Flags.string({
    summary: `Recipe: ${shippedNames('recipes').join(', ')}, a .json or a .py file (the competition's; tiny without a GPU)`,
    ...training,
  }),
  data: Flags.string({
    summary: `builtin, a path, or ${shippedDataSets().join(', ')}; NAME:WEIGHT, several times for a mixture (the competition's; offline builtin)`,
    multiple: true,
    multipleNonGreedy: true,
    ...training,
  }),
  ...knobFlags,
  'model-dir': Flags.string({ summary: 'Folder for runs (PT_HOME/runs)', ...training }),

  gpus: integer({ min: 1, max: 65_536 })({
    summary: 'Processes on this machine, by torch.distributed.run (1)',
    ...scale,
  }),
  nnodes: Flags.string({ summary: 'Machines, N or MIN:MAX (1)', ...scale }),
  'rdzv-endpoint': Flags.string({
    summary: 'host:port where the machines meet (none: one machine)',
    ...scale,
  }),
  'node-rank': integer({ min: 0, max: 65_536 })({
    summary: 'Rank of this machine (the machines agree on it)',
    ...scale,
  }),
  against: Flags.string({
    summary:
      'Score the model and this king on the same text at each evaluation: king, a uid, a repository or a folder (none)',
    ...duel,
  }),
  'duel-data': Flags.string({
    summary:
      "Text of that duel, best what is not trained on (the competition's, else what training holds out)",
    multiple: true,
    multipleNonGreedy: true,
    ...duel,
  }),
  'duel-sequences': integer({ min: 8, max: 2 ** 24 })({
    summary: 'Sequences of that duel, of each text (256)',
    ...duel,
  }),
  'stop-early': Flags.boolean({
    summary:
      'End when the gain over the king has flattened below what a win needs; on unless --no-stop-early',
    allowNo: true,
    ...duel,
  }),

  run: Flags.string({
    summary:
      "Name of the run's folder; machines that train together give the same, on shared storage (its time)",
    ...scale,
  }),
  detach: Flags.boolean({
    summary: 'Train in the background; pt logs, pt attach and pt stop reach it from any shell',
    exclusive: ['dashboard', 'wallet-password-fd', 'list-competitions', 'dry-run'],
    ...scale,
  }),
  'hang-seconds': integer({ min: 5, max: 10_000_000 })({
    summary: 'Seconds of silence that count as a hang (120)',
    ...scale,
  }),

  'report-to': Flags.string({
    summary: 'wandb, trackio, tensorboard, several times for several; or none',
    options: [...REPORT_TO],
    multiple: true,
    multipleNonGreedy: true,
    ...tracking,
  }),
  'wandb-entity': Flags.string({ summary: 'W&B account or team (your own)', ...tracking }),
  'wandb-project': Flags.string({ summary: 'W&B project (pt)', ...tracking }),
  dashboard: Flags.boolean({ summary: 'Show the run as a live page on this machine', ...tracking }),
  'dashboard-port': Flags.integer({
    summary: 'Port of that page; 0 takes any free one (7878)',
    min: 0,
    max: 65_535,
    dependsOn: ['dashboard'],
    ...tracking,
  }),

  'avg-loss-upload-threshold': number({ above: Number.NEGATIVE_INFINITY, max: Number.MAX_VALUE })({
    summary: 'Publish when the best held-out loss is under this, nats a token',
    unset: 'never',
    helpGroup: 'PUBLISHING',
  }),
  'publish-when': Flags.string({
    summary:
      'Publish each new best model whose forecast meets this, as often as the chain allows: "p(win) > 0.9", from 0 to 1, or "p(win) > 90%" (never)',
    helpGroup: 'PUBLISHING',
  }),
  ...publishFlags,
  ...networkFlags,
  ...signingFlags,
  ...hubFlags,
  ...notifyFlag,
  ...writeFlags,
};

/** Lets `--resume` stand alone: the parser wants a value for every string flag. */
export function resumeMayStandAlone(argv: string[]): string[] {
  return argv.flatMap((token, index) => {
    const next = argv[index + 1];
    return token === '--resume' && (next === undefined || next.startsWith('-')) ? ['--resume='] : [token];
  });
}
