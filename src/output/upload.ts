import { z } from 'zod';
import type { UploadOutcome, UploadPlan } from '../publish/types.ts';
import { exactly } from './exactly.ts';
import { commit, count, text } from './parts.ts';

export const uploadSchema = exactly<UploadOutcome>()(
  z.strictObject({
    repo: text,
    commit: commit.nullable().describe('Of the Hub; null: what is committed is elsewhere'),
    pin: text.nullable().describe('What pins it elsewhere; null: the commit of the Hub'),
    contentHash: text.nullable().describe('Null: pt has not seen the content'),
    commitment: text.describe('The string on chain, or what is sealed there'),
    block: count,
    hotkey: text.describe('SS58 address'),
    public: z.boolean().nullable().describe('Null: it is on no Hub'),
    bytesUploaded: count,
    resumed: z.boolean(),
    seal: z
      .strictObject({
        round: count.nullable().describe('Of the beacon; null: opened before this publish looked'),
        revealsAt: text.nullable().describe('ISO time; null: it has been opened'),
        state: z.enum(['sealed', 'revealed']),
        late: z
          .boolean()
          .nullable()
          .describe(
            'Whether its round was out before the chain took it, so that nothing was hidden; null: not known',
          ),
      })
      .nullable()
      .describe('Null: a plain commitment'),
  }),
);

/** `--dry-run`. */
export const uploadPlanSchema = exactly<UploadPlan>()(
  z.strictObject({
    dryRun: z.literal(true),
    repo: text,
    contentHash: text.nullable().describe('Null: pt has not seen the content'),
    commitment: text.describe(
      'What would be on chain; `<commit>` stands for a revision that does not exist yet',
    ),
    hotkey: text.describe('SS58 address'),
    files: z.array(z.strictObject({ path: text, size: count, sha256: text })),
    deletes: z.array(text).describe('Files of the repository that the same commit would delete'),
    steps: z.array(
      z.strictObject({
        step: z.enum([
          'check',
          'private',
          'upload',
          'confirm',
          'commit',
          'read-back',
          'public',
          'confirm-public',
          'reveal',
        ]),
        detail: text,
        bytes: count,
        done: z.boolean().describe('The journal, the Hub or the chain shows that it needs doing no more'),
      }),
    ),
  }),
);
