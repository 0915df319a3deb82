import { Flags } from '@oclif/core';
import { UserError } from '../errors.ts';
import { isIn, type NumberRange, rangeWords } from '../text/range.ts';

interface Words {
  summary: string;
  /** What holds when it is not given. */
  unset: unknown;
  helpGroup?: string;
  aliases?: string[];
  dependsOn?: string[];
}

/** A flag of numbers with a fraction (oclif has whole ones only); its help says which there are. Throws `UserError` `usage.number`. */
export const number =
  (range: NumberRange) =>
  ({ summary, unset, ...more }: Words) =>
    Flags.custom<number>({
      parse: async (text, { id }) => {
        const value = text.trim() === '' ? Number.NaN : Number(text);
        if (isIn(range, value)) return value;
        throw new UserError('usage.number', `"${text}" must be ${rangeWords(range)}.`, {
          nextSteps: [`pt ${id ?? ''} --help`],
        });
      },
    })({ summary: `${summary}: ${rangeWords(range)} (${unset})`, ...more });
