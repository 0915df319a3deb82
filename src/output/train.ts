import { z } from 'zod';
import { dataRead } from '../bridge/events.ts';
import type { UploadOutcome } from '../publish/types.ts';
import type { TrainOutcome } from '../training/types.ts';
import { count, listed, loss, runDuel, text } from './parts.ts';
import { uploadSchema } from './upload.ts';

export const trainSchema = z.strictObject({
  runDir: text,
  bestDir: text.nullable(),
  bestLoss: loss.describe('Held-out loss, nats a token'),
  steps: count,
  tokens: count,
  resumed: z.boolean(),
  data: z.array(dataRead).describe('What was read of each --data'),
  unigramEntropy: loss.describe('Of the text, nats a token: what guessing by frequency alone reaches'),
  seconds: z.number().nonnegative().describe('In which the trainer was at work'),
  duel: runDuel.nullable().describe('The newest, with --against; null: none, or it says nothing'),
  stoppedEarly: text
    .nullable()
    .describe('Why it ended before its time: its gain over the king has flattened; null: it did not'),
  published: uploadSchema.nullable(),
  report: text.nullable().describe('The run as an HTML page; null: it could not be written'),
});

export function trainOutput(
  outcome: TrainOutcome,
  published: UploadOutcome | null,
  report: string | null,
): z.output<typeof trainSchema> {
  const { runDir, bestDir, bestLoss, steps, tokens, resumed, data, unigramEntropy, seconds, stoppedEarly } =
    outcome;
  return {
    runDir,
    bestDir,
    bestLoss,
    steps,
    tokens,
    resumed,
    data,
    unigramEntropy,
    seconds,
    duel: outcome.duel && listed(runDuel, outcome.duel),
    stoppedEarly,
    published,
    report,
  };
}
