/** The best model of a run that goes on, while nobody has decided whether to publish it: it was found, and the pt that would have asked is gone. */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../host/read-json.ts';
import { writeJson } from '../host/write-file.ts';
import { type King, type Numbers, type RunDuel, readStanding, standingAt } from './duel-folder.ts';
import { readBest } from './run-folder.ts';

const decided = z.object({ step: z.int().nonnegative() });
const fileOf = (runDir: string): string => join(runDir, 'decided.json');

/** Remembers in `decided.json` that the best model of `step` was published, or was not and will not be. */
export const keepDecided = (runDir: string, step: number): Promise<void> =>
  writeJson(fileOf(runDir), { step });

export interface UndecidedBest {
  step: number;
  loss: number;
  /** What its own duel said; null: it fought none. */
  duel: RunDuel | null;
}

/** Null: there is no best model, or its time was had. `fought`: the run's duels so far. */
export async function undecidedBest(
  runDir: string,
  king: King | null,
  fought: Numbers[],
): Promise<UndecidedBest | null> {
  const best = await readBest(runDir);
  if (best === null || decided.safeParse(await readJson(fileOf(runDir))).data?.step === best.step)
    return null;
  const own = fought.findLast(({ step }) => step === best.step);
  const kept = await readStanding(runDir);
  const duel =
    king !== null && own !== undefined ? standingAt(king, own) : kept?.step === best.step ? kept : null;
  return { step: best.step, loss: best.loss, duel };
}
