import { z } from 'zod';
import { profileSchema } from '../profile-schema.ts';
import type { ProfileSummary } from '../rules/index.ts';
import { exactly } from './exactly.ts';
import { count, text } from './parts.ts';

const summary = exactly<ProfileSummary>()(
  z.strictObject({
    name: text,
    netuid: count,
    title: text,
    paysFor: text.nullable(),
    sealed: z.boolean().describe('The text is sealed until a moment, and the chain opens it then'),
    reveal: text.nullable().describe('When a seal is opened; null for a plain commitment'),
    text: text.describe('The text on chain with the names of its fields in the place of their values'),
    maxBytes: count,
    store: z
      .enum(['hf', 'hippius', 'file', 'none'])
      .describe('Where the models lie; pt reads the Hub (hf) alone'),
    pin: text,
    scoring: text,
    source: z.strictObject({ repo: text, commit: text, date: text }).nullable(),
    judged: z.array(text),
    notJudged: z.array(text).describe('What decides there and pt cannot look at'),
  }),
);

export const profilesSchema = z.strictObject({
  profiles: z.array(summary),
  broken: z.array(text).describe('Files that are no profile, each with what is wrong in it'),
});

export const profilesShowSchema = z.strictObject({
  ...summary.shape,
  profile: profileSchema.describe('The file itself, with what it leaves out filled in'),
});
