import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../errors.ts';
import type { DataSource } from './types.ts';

/** What to name in place of a text that is not there. */
const OTHER_TEXT = {
  data: '--data builtin   # the text that every machine has',
  'duel-data': '--duel-data FILE   # text like what validators score on',
};

/**
 * `--data NAME[:WEIGHT]`, several times for a mixture. A name is `builtin`, a path that exists, or a known data set; paths become
 * absolute because the trainer works elsewhere.
 */
export function dataSources(names: string[], cwd: string, flag: 'data' | 'duel-data' = 'data'): DataSource[] {
  return names.map((text) => {
    const match = /^(.*):(\d+(?:\.\d+)?)$/.exec(text);
    const name = match?.[1] ?? text;
    const weight = match === null ? 1 : Number(match[2]);
    if (weight <= 0) {
      throw new UserError('data.weight', `--${flag} ${text}: the weight must be above 0.`, {
        nextSteps: [`--${flag} ${name}:1`],
      });
    }
    const path = resolve(cwd, name);
    if (existsSync(path)) return { name: path, weight };
    if (
      /^[.~/]|\.(parquet|arrow|feather|(jsonl|ndjson|jl|json|csv|tsv|txt|text|md|rst)(\.(gz|bz2|xz|zst))?)$/i.test(
        name,
      )
    ) {
      throw new UserError('data.missing', `--${flag}: there is no file or folder ${path}.`, {
        nextSteps: [OTHER_TEXT[flag]],
      });
    }
    return { name, weight };
  });
}
