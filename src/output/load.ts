import { z } from 'zod';
import type { LoadOutcome } from '../load/index.ts';
import { exactly } from './exactly.ts';
import { commit, count, text } from './parts.ts';

/** Of `pt load` and `pt load-best`. */
export const loadSchema = exactly<LoadOutcome>()(
  z.strictObject({
    uid: count.nullable(),
    repo: text,
    commit,
    dir: text,
    contentHash: text,
    verified: z.boolean().describe("Whether the content is what the chain's hash says; false with --repo"),
  }),
);
