import { z } from 'zod';
import type { CompetitionList } from '../check/list-competitions.ts';
import { competitionSchema } from '../constants-schema.ts';
import { exactly } from './exactly.ts';
import { count, text } from './parts.ts';

const boundary = z
  .enum(['genesis', 'declared', 'release'])
  .describe('`declared`: the exact block a release names; `release`: about a day off');

export const competitionsSchema = exactly<CompetitionList>()(
  z.strictObject({
    block: count,
    blockSource: z.enum(['flag', 'chain', 'schedule', 'date']),
    schedule: text,
    release: text.describe('Release of the reference that set these rules'),
    releaseCommit: text.nullable(),
    fromBlock: count,
    boundary,
    competitions: z.array(competitionSchema).describe('As in constants/'),
    next: z.strictObject({ fromBlock: count, boundary, changed: z.array(text) }).nullable(),
  }),
);
