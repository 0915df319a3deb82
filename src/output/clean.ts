import { z } from 'zod';
import type { Kept } from '../clean/index.ts';
import { exactly } from './exactly.ts';
import { count, text } from './parts.ts';

const kept = exactly<Kept>()(
  z.strictObject({
    name: text,
    path: text,
    what: text,
    bytes: count.describe('Free once it is gone'),
    shared: count.describe('Of files with names elsewhere too, which keep them'),
    stays: text.nullable().describe('Why it is kept whatever is asked; null: it may go'),
  }),
);

export const cleanSchema = z.strictObject({
  kept: z.array(kept).describe('What was there'),
  freed: z.array(text).describe('Paths that are gone'),
  bytesFreed: count,
});

export const cleanOutput = (all: Kept[], gone: Kept[]): z.output<typeof cleanSchema> => ({
  kept: all,
  freed: gone.map(({ path }) => path),
  bytesFreed: gone.reduce((sum, { bytes }) => sum + bytes, 0),
});
