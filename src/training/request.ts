import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../errors.ts';
import type { DataSource, TrainingOptions } from './types.ts';

/** The training flags of `pt train`, parsed; undefined where not given. */
export interface TrainingFlags {
  epochs?: number;
  'max-steps'?: number;
  'max-minutes'?: number;
  bs?: string;
  sl?: number;
  'accumulation-steps'?: number;
  lr?: number;
  optimizer?: string;
  schedule?: string;
  'pages-per-epoch'?: number;
  'text-column'?: string;
  'skip-bad-rows'?: number;
  seed?: number;
  'train-dtype'?: string;
  attention?: string;
  compile?: boolean;
  'eval-every-steps'?: number;
  'checkpoint-every-steps'?: number;
}

/** Flags as options; what is not given is null, which means "the recipe's value". */
export function trainingOptions(flags: TrainingFlags, device: string | null): TrainingOptions {
  const wanted = device ?? 'auto';
  if (!/^(auto|cpu|mps|cuda(:\d+)?)$/.test(wanted)) {
    throw new UserError(
      'device.unknown',
      `--device ${wanted} is not a device; it is one of auto, cpu, cuda, cuda:N, mps.`,
      {
        nextSteps: ['pt train --device auto', 'pt doctor'],
      },
    );
  }
  return {
    epochs: flags.epochs ?? 1,
    maxSteps: flags['max-steps'] ?? null,
    maxMinutes: flags['max-minutes'] ?? null,
    batchSize: batchSize(flags.bs),
    sequenceLength: flags.sl ?? null,
    accumulationSteps: flags['accumulation-steps'] ?? null,
    lr: flags.lr ?? null,
    optimizer: (flags.optimizer as TrainingOptions['optimizer']) ?? null,
    schedule: (flags.schedule as TrainingOptions['schedule']) ?? null,
    pagesPerEpoch: flags['pages-per-epoch'] ?? null,
    textColumn: flags['text-column'] ?? null,
    skipBadRows: flags['skip-bad-rows'] ?? 0,
    seed: flags.seed ?? 0,
    device: wanted,
    dtype: (flags['train-dtype'] as TrainingOptions['dtype']) ?? 'auto',
    attention: (flags.attention as TrainingOptions['attention']) ?? 'auto',
    compile: flags.compile ?? 'auto',
    evalEverySteps: flags['eval-every-steps'] ?? null,
    checkpointEverySteps: flags['checkpoint-every-steps'] ?? null,
  };
}

function batchSize(text: string | undefined): number | 'auto' | null {
  if (text === undefined || text === 'auto') return text ?? null;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new UserError('usage.batch_size', `--bs ${text}: must be a whole number from 1 on, or auto.`, {
    nextSteps: ['pt train --bs auto'],
  });
}

/**
 * `--data NAME[:WEIGHT]`, several times for a mixture. A name is `builtin`, a path that exists, or a known data set; paths become
 * absolute because the trainer works elsewhere.
 */
export function dataSources(names: string[], cwd: string): DataSource[] {
  return names.map((text) => {
    const match = /^(.*):(\d+(?:\.\d+)?)$/.exec(text);
    const name = match?.[1] ?? text;
    const weight = match === null ? 1 : Number(match[2]);
    if (weight <= 0) {
      throw new UserError('data.weight', `--data ${text}: the weight must be above 0.`, {
        nextSteps: [`--data ${name}:1`],
      });
    }
    const path = resolve(cwd, name);
    if (existsSync(path)) return { name: path, weight };
    if (
      /^[.~/]|\.(parquet|arrow|feather|(jsonl|ndjson|jl|json|csv|tsv|txt|text|md|rst)(\.(gz|bz2|xz|zst))?)$/i.test(
        name,
      )
    ) {
      throw new UserError('data.missing', `--data: there is no file or folder ${path}.`, {
        nextSteps: ['--data builtin   # the text that every machine has'],
      });
    }
    return { name, weight };
  });
}
