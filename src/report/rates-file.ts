import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../host/read-json.ts';

const number = z.number().nullable();

const schema = z.looseObject({
  lr: z.number(),
  steps: z.number(),
  start_loss: number,
  tried: z.array(z.looseObject({ lr: z.number(), eval_loss: number })).max(1000),
});

/** `rates.json` of a run: what `--lr auto` tried, `lr` the one that it took. */
export type Rates = z.infer<typeof schema>;

/** Null: nothing was tried. */
export async function readRates(runDir: string): Promise<Rates | null> {
  return schema.safeParse(await readJson(join(runDir, 'rates.json'))).data ?? null;
}
