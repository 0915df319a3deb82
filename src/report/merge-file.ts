import { join, resolve } from 'node:path';
import { z } from 'zod';
import { readJson } from '../host/read-json.ts';
import { writeJson } from '../host/write-file.ts';
import type { MergeOutcome } from '../merging/types.ts';
import { mergeOutput } from '../output/merge.ts';

/**
 * What `pt merge` tried is kept where it is looked for later: in the runs that gave a model (`merges.json`), and beside the folder that
 * it wrote (`OUT.merge.json`), not in it: what is published holds nothing that belongs to no model.
 */

const number = z.number().nullable();
const text = z.string().max(2000);

const merge = z.looseObject({
  madeAt: text,
  out: text.nullable(),
  best: text,
  candidates: z.array(z.looseObject({ name: text, loss: number, low: number, high: number })).max(10_000),
  sample: z.looseObject({ batches: z.number(), sequenceLength: z.number(), data: z.array(text) }).nullable(),
});

/** One call of `pt merge`. */
export type KeptMerge = z.infer<typeof merge>;

const merges = z.array(merge);
/** Of a run: the newest. */
const KEPT = 20;

const beside = (out: string): string => `${resolve(out)}.merge.json`;

/** Keeps the table of a merge for the reports of its runs and of what it wrote. Gives the runs' folders. */
export async function keepMerge(outcome: MergeOutcome): Promise<string[]> {
  const kept = { madeAt: new Date().toISOString(), ...mergeOutput(outcome), sample: outcome.sample };
  if (outcome.out !== null) await writeJson(beside(outcome.out), kept);
  for (const run of outcome.runs)
    await writeJson(join(run, 'merges.json'), [kept, ...(await readMerges(run))].slice(0, KEPT));
  return outcome.runs;
}

/** What was made of a run's models, newest first. */
export async function readMerges(runDir: string): Promise<KeptMerge[]> {
  return merges.safeParse(await readJson(join(runDir, 'merges.json'))).data ?? [];
}

/** How the folder was made; null: not by `pt merge`. */
export async function readMergeOf(dir: string): Promise<KeptMerge | null> {
  return merge.safeParse(await readJson(beside(dir))).data ?? null;
}
