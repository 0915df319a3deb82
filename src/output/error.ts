import { z } from 'zod';
import { EXIT } from '../errors.ts';
import { text } from './parts.ts';

const codes = Object.values(EXIT).filter((code) => code !== EXIT.ok);

/** What any command prints when it fails. The only output that is open: what else an error knows depends on its code. */
export const errorSchema = z.strictObject({
  error: z.looseObject({
    code: text.describe('Stable and dotted, e.g. wallet.missing'),
    message: text,
    nextSteps: z.array(text),
    exitCode: z.union(codes.map((code) => z.literal(code))),
  }),
});
