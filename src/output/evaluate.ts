import { z } from 'zod';
import type { Cost, Evaluation } from '../evaluation/types.ts';
import { competitionLabel } from '../rules/index.ts';
import { exactly } from './exactly.ts';
import { commit, count, loss, text } from './parts.ts';

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

const bytes = count.nullable().describe('Bytes; null: not known');
const seconds = z.number().nullable().describe('Null: not known');

const costOfModel = z.strictObject({
  name: text,
  mine: z.boolean().describe("One of the user's, as opposed to the one to beat"),
  dir: text.describe('The folder that it has here, or would have'),
  onHub: z.strictObject({ repo: text, commit }).nullable().describe('Null: a folder'),
  uid: count.nullable(),
  parameters: count.nullable(),
  download: count.describe('Bytes; 0: it is here'),
  weights: bytes,
  memory: bytes.describe(
    'On the device: its weights and what one sequence holds beside them; null: not known',
  ),
  hostMemory: bytes.describe(
    "In the machine's memory, where it is loaded first; null also where that is the device's",
  ),
  fits: z.boolean().nullable().describe('Into the memory that is free now'),
  tokensPerSecond: z.number().nullable(),
  seconds,
  speed: z
    .strictObject({
      from: z
        .enum(['measured', 'scaled', 'bound'])
        .describe(
          'measured: by scoring `model`, of the same sizes, here; scaled: from another one by their arithmetic; bound: what this device multiplies at most',
        ),
      model: text.nullable(),
      tokens: count.nullable().describe('That were scored for it'),
      at: text.nullable().describe('ISO time'),
    })
    .nullable(),
  problem: text.nullable().describe('Why something is not known'),
});

const power = z.strictObject({
  wanted: z.number(),
  gain: z
    .number()
    .nullable()
    .describe('What is taken for true, nats a token; null: not known, or sequences are won one by one'),
  spread: z.number().nullable().describe('From sequence to sequence'),
  share: share.describe('Of the sequences, won; null: the mean decides, or not known'),
  sequences: count.nullable().describe('Null: not known, or no number has that power'),
  seconds,
  sentence: text,
});

type PrintedCost = Omit<Cost, 'profile' | 'competition'> & { profile: string; competition: string };

/** `--plan`. */
export const costSchema = exactly<PrintedCost>()(
  z.strictObject({
    plan: z.literal(true),
    models: z.array(costOfModel),
    device: text,
    deviceName: text,
    dtype: text.describe('That models are computed in'),
    memoryFree: bytes.describe('On the device, now; null: not known'),
    hostMemoryFree: bytes,
    download: count.describe('Bytes of all models; the text is not in it'),
    diskFree: bytes.describe('Where models are kept; null: nothing is downloaded'),
    fitsOnDisk: z.boolean(),
    sample: z.strictObject({
      sequences: count.nullable().describe('Null: as many as the pages of the competition hold'),
      sequenceLength: count,
      data: z.array(text),
    }),
    seconds: seconds.describe('To score all models, without loading and downloading; null: not known'),
    power: power.nullable().describe('Null: none was asked for'),
    block: count,
    profile: text,
    competition: text,
  }),
);

export const costOutput = (cost: Cost): PrintedCost => ({
  ...cost,
  competition: competitionLabel(cost.competition),
});
