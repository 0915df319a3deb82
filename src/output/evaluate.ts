import { z } from 'zod';
import type { Evaluation } from '../evaluation/types.ts';
import { competitionLabel } from '../rules/index.ts';
import { exactly } from './exactly.ts';
import { count, loss, text } from './parts.ts';

const share = z.number().min(0).max(1).nullable();

const scored = z.strictObject({
  name: text,
  dir: text,
  mine: z.boolean().describe("One of the user's, as opposed to the one to beat"),
  loss: loss.describe('Weighted mean, nats a token; null: not scored, or not finite'),
  low: loss.describe('95% interval over batches'),
  high: loss,
  winRate: share,
  block: count.describe('Of its commitment; of the next block for one that has none'),
  uid: count.nullable(),
  reasonable: z.boolean().nullable().describe('Passes the repetition check; null: too little text to try'),
  notFinite: count.describe('Losses that were NaN or infinite'),
  parameters: count.nullable(),
  error: text.nullable(),
});

const nats = z.number();
const duel = z.strictObject({
  kind: text.describe("The rule's, as in the profile; external: none on losses"),
  challenger: text,
  king: text,
  n: count.describe('Sequences of this sample'),
  subnetN: count.nullable().describe("Sequences of the subnet's own; null: its profile does not say"),
  mean: nats.describe('King − challenger, nats a token; above 0 the challenger is better'),
  low: nats.nullable().describe('95% interval of the mean'),
  high: nats.nullable(),
  wins: z
    .boolean()
    .nullable()
    .describe('By the rule on this sample; null, as all that follow: losses do not decide there'),
  bound: nats.nullable().describe('What must be above the threshold'),
  threshold: nats.nullable(),
  p: share.describe("Chance to win on the subnet's own, fresh sequences"),
  pLow: share.describe('95% interval of what the chance is if the true difference were known'),
  pHigh: share,
  more: count.nullable().describe('More sequences that would settle it; null: no number would'),
  notJudged: z.array(text).describe('What decides there too and is not looked at'),
  losses: z
    .strictObject({ king: z.array(nats), challenger: z.array(nats) })
    .describe('A sequence each, in the same order'),
});

/** As the service gives it, but for what has names in print. */
type PrintedEvaluation = Omit<Evaluation, 'profile' | 'competition' | 'sample'> & {
  profile: string;
  competition: string;
  sample: Omit<Evaluation['sample'], 'tokenizer'> & { tokenizer: string };
};

export const evaluateSchema = exactly<PrintedEvaluation>()(
  z.strictObject({
    models: z.array(scored),
    winner: text.nullable(),
    lossToBeat: loss.describe('What a model committed now needs to be below'),
    lossToBeatLater: loss.describe('The same once the head start of the one to beat has decayed'),
    epsilon: z.number().nullable(),
    epsilonLater: z.number().nullable(),
    decayedAtBlock: count.nullable(),
    pWin: share.describe('Chance of the best of `models` against the best rival; null: no rival'),
    pWinLater: share,
    advice: z.enum(['publish', 'wait', 'train']).nullable(),
    sentence: text,
    duel: duel.nullable().describe('Null: no rival, or one of the two could not be scored'),
    matrix: z
      .array(z.array(share))
      .describe("Share of batches that the row's model wins against the column's; null on the diagonal"),
    block: count,
    profile: text,
    competition: text,
    sample: z.strictObject({
      batches: count,
      sequenceLength: count,
      tokenizer: text,
      data: z.array(text),
      seed: count,
    }),
  }),
);

export function evaluateOutput(evaluation: Evaluation): PrintedEvaluation {
  const { competition, sample } = evaluation;
  return {
    ...evaluation,
    competition: competitionLabel(competition),
    sample: { ...sample, tokenizer: sample.tokenizer ?? "each model's own" },
  };
}
