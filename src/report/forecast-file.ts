import { join } from 'node:path';
import { z } from 'zod';
import type { Evaluation } from '../evaluation/types.ts';
import { readJson } from '../host/read-json.ts';
import { writeJson } from '../host/write-file.ts';
import { evaluateOutput } from '../output/evaluate.ts';
import { type LossPlace, readLosses, writeLosses } from '../publish/index.ts';
import { runOf } from '../training/index.ts';

/**
 * What `pt evaluate` found is kept where it is looked for later: in the run whose model was scored (`forecast.json`), for its report;
 * and by network (`PT_HOME/losses/`), so that the subnet's page can show the loss of miners who were scored on this machine.
 */

const number = z.number().nullable();
const text = z.string().max(2000);

const evaluationSchema = z.looseObject({
  models: z
    .array(
      z.looseObject({
        name: text,
        dir: text,
        loss: number,
        low: number,
        high: number,
        winRate: number,
        block: z.number(),
        uid: number,
        reasonable: z.boolean().nullable(),
        error: text.nullable(),
      }),
    )
    .max(1000),
  winner: text.nullable(),
  lossToBeat: number,
  lossToBeatLater: number,
  decayedAtBlock: number,
  pWin: number,
  pWinLater: number,
  advice: z.enum(['publish', 'wait', 'train']).nullable(),
  sentence: text,
  matrix: z.array(z.array(number)),
  block: z.number(),
  profile: text,
  competition: text,
  sample: z.looseObject({ batches: z.number(), sequenceLength: z.number(), data: z.array(text) }),
});

const forecastSchema = z.looseObject({
  madeAt: text,
  network: text,
  netuid: z.number(),
  evaluation: evaluationSchema,
});

/** `forecast.json` of a run. */
export type KeptForecast = z.infer<typeof forecastSchema>;

/** Keeps an evaluation in the runs it is about, and the losses of the network's miners. Gives the folders of those runs. */
export async function keepForecast(
  evaluation: Evaluation,
  { home, network, netuid }: LossPlace,
): Promise<string[]> {
  const madeAt = new Date().toISOString();
  const runs = new Set(evaluation.models.map((model) => runOf(model.dir)).filter((run) => run !== null));
  const forecast = { madeAt, network, netuid, evaluation: evaluateOutput(evaluation) };
  for (const run of runs) await writeJson(join(run, 'forecast.json'), forecast);
  const scored = evaluation.models.filter((model) => model.uid !== null && model.loss !== null);
  if (scored.length > 0) {
    const known = await readLosses({ home, network, netuid });
    const { data } = evaluation.sample;
    for (const { uid, block, loss } of scored) known.set(uid!, { block, loss: loss!, at: madeAt, data });
    await writeLosses({ home, network, netuid }, known);
  }
  return [...runs];
}

/** The kept forecast of a run; null when there is none, or none that this version understands. */
export async function readForecast(runDir: string): Promise<KeptForecast | null> {
  return forecastSchema.safeParse(await readJson(join(runDir, 'forecast.json'))).data ?? null;
}
