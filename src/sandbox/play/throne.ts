/** What the sandbox's validator has decided so far: who is king, and what became of each challenger. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../../host/write-file.ts';
import { smallFormName } from '../../rules/index.ts';
import type { Plays } from '../state.ts';

const verdictSchema = z.strictObject({
  uid: z.number().int(),
  hotkey: z.string(),
  /** Of its text: the block of the reveal, or of the plain commitment. */
  block: z.number().int(),
  text: z.string(),
  repo: z.string().nullable(),
  /** `refused`: it was taken into no duel. `taken`: it was, where there is nobody to beat. */
  outcome: z.enum(['unreadable', 'refused', 'lost', 'won', 'taken']),
  reason: z.string(),
});
export type PlayVerdict = z.infer<typeof verdictSchema>;

const throneSchema = z.strictObject({
  /** SS58; null: there is nobody to beat. */
  king: z.string().nullable(),
  /** Oldest first, one for each text that was looked at. */
  verdicts: z.array(verdictSchema),
});
export type Throne = z.infer<typeof throneSchema>;

const throneFile = (dir: string, { of }: Plays): string => join(dir, 'kings', `${smallFormName(of)}.json`);

/** The throne of the sandbox in `dir`; as it began where nothing was decided yet. */
export function readThrone(dir: string, plays: Plays): Throne {
  try {
    return throneSchema.parse(JSON.parse(readFileSync(throneFile(dir, plays), 'utf8')));
  } catch {
    return { king: plays.king?.hotkey ?? null, verdicts: [] };
  }
}

export const writeThrone = (dir: string, plays: Plays, throne: Throne): Promise<void> =>
  writeJson(throneFile(dir, plays), throne);
