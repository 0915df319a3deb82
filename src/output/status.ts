import { z } from 'zod';
import type { StatusRow, SubnetStatus } from '../load/index.ts';
import { commit, count, listed, text } from './parts.ts';

const neuron = z.strictObject({
  uid: count,
  hotkey: text.describe('SS58 address'),
  incentive: z.number().min(0).max(1),
  block: count.nullable().describe('Of its commitment, or at which the chain opened it'),
  state: z
    .enum(['plain', 'sealed', 'revealed', 'failed', 'lost', 'none'])
    .describe('Of its newest commitment: `failed` and `lost` seals are never opened'),
  seal: z
    .strictObject({ round: z.int(), block: count, bytes: count })
    .nullable()
    .describe('The seal that is pending or failed: its round of the beacon, the block of its commitment'),
  commitment: text.nullable().describe('The string on chain, as a stranger wrote it'),
  repo: text.nullable().describe('Only when a Hub could have such a repository'),
  commit: commit.nullable(),
  pin: text.nullable().describe('What pins the content, as the text has it, wherever the content lies'),
  competition: z.int().nullable().describe('Id; null where the profile names none'),
  url: text.nullable().describe('Page of the revision on the Hub'),
  repository: z
    .strictObject({
      public: z.boolean(),
      unchanged: z.boolean().nullable().describe('Null: cannot be told without downloading it'),
      bytes: count.nullable(),
    })
    .nullable()
    .optional()
    .describe('With --mine only'),
});

export const statusSchema = z.strictObject({
  block: count,
  netuid: count,
  neurons: z.array(neuron).describe('Best first'),
  bestUid: count.nullable().describe('The neuron that `pt load-best` takes'),
  place: count
    .nullable()
    .describe('Of the own hotkey among those with a model, 1 the best; null: it has none'),
  limit: z
    .strictObject({
      kind: z.enum(['space', 'blocks', 'none']),
      allowed: z.boolean(),
      used: z.int().describe('Bytes of this epoch (space), blocks since the last one (blocks)'),
      max: z.int(),
      freeAtBlock: z.int().describe('From which on a commitment is possible'),
    })
    .nullable()
    .describe('What the chain lets the own hotkey write now'),
  hotkey: text.nullable().describe("The own hotkey's SS58 address"),
  registered: z.boolean().nullable(),
  loss: text
    .nullable()
    .describe('What another commitment of the own hotkey would destroy, or end for good; null: nothing'),
  retired: text.nullable().describe('Why nothing that is committed here scores any more; null: it may'),
  hidden: z
    .array(z.strictObject({ repo: text, since: text }))
    .describe('Repositories that an unfinished publish from this machine left private'),
  html: text.optional().describe('The page that --html wrote'),
});

type Printed = z.output<typeof statusSchema>;

/** `html`: path of the page that was written, when one was asked for. */
export function statusOutput(status: SubnetStatus, hidden: Printed['hidden'], html?: string): Printed {
  return listed(statusSchema, { ...status, neurons: status.neurons.map(neuronOutput), hidden, html });
}

/** Its commitment is shown by what it says, not as it was parsed. */
const neuronOutput = (row: StatusRow) => listed(neuron, { ...row, pin: row.id?.pin ?? null });
