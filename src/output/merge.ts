import { z } from 'zod';
import type { MergeOutcome } from '../merging/types.ts';
import { loss, text } from './parts.ts';

export const mergeSchema = z.strictObject({
  out: text.nullable().describe('Null: no mixture was better than the best model, so none was kept'),
  best: text,
  candidates: z.array(
    z.strictObject({
      name: text,
      weights: z.array(z.number()).describe('In the order of the models'),
      loss,
      low: z.number().nullable().describe('95% interval over batches'),
      high: z.number().nullable(),
    }),
  ),
});

export const mergeOutput = ({ out, best, candidates }: MergeOutcome): z.output<typeof mergeSchema> => ({
  out,
  best,
  candidates: candidates.map(({ name, weights, score }) => ({
    name,
    weights,
    loss: score?.loss ?? null,
    low: score?.low ?? null,
    high: score?.high ?? null,
  })),
});
