import { z } from 'zod';
import { type Knob, knobs } from './knobs.ts';

const text = z.string();

/** One knob as run.json holds it. */
function stored({ takes, default: fallback }: Knob): z.ZodType {
  const values: Record<Knob['takes']['kind'], () => z.ZodType> = {
    integer: () => z.int(),
    number: () => z.number(),
    choice: () => z.enum('options' in takes ? [...takes.options] : []),
    switch: () => z.boolean(),
    list: () => z.array(text),
    text: () => {
      if (!('stores' in takes) || takes.stores === 'text') return text;
      if (takes.stores === 'rate or auto') return z.union([z.number(), z.literal('auto')]);
      return takes.stores === 'count' ? z.int() : z.union([z.int(), z.literal('auto')]);
    },
  };
  const value = values[takes.kind]();
  if (fallback === null) return value.nullable();
  return z.safeParse(value, fallback).success ? value : z.union([value, z.literal(fallback as string)]);
}

/** run.json, which python/trainer/config.py reads as `RunConfig`; test/python/test_run_contract.py holds the two together. */
export const RUN_SCHEMA = z.strictObject({
  version: z.literal(1),
  run_dir: text,
  source: z.strictObject({
    kind: z.enum(['recipe', 'model_dir', 'model_file']),
    path: text.nullable(),
    config: text.nullable(),
  }),
  recipe: z.record(text, z.unknown()),
  recipe_file: text.nullable(),
  competition: z.record(text, z.unknown()).nullable(),
  data: z.array(z.strictObject({ name: text, weight: z.number() })),
  ...Object.fromEntries(knobs.map(([, knob]) => [knob.key, stored(knob)])),
  decay_from: z.strictObject({ run: text.nullable(), step: z.int().nullable() }),
  duel: z.strictObject({
    against: text.nullable(),
    data: z.array(text),
    sequences: z.int().nullable(),
  }),
  save_dtype: z.enum(['fp32', 'bf16']),
  files_of: text.nullable(),
  resume: z.boolean(),
  from_start: z.boolean(),
  offline: z.boolean(),
  hub_endpoint: text.nullable(),
  report_to: z.array(text),
  wandb: z.strictObject({ entity: text.nullable(), project: text.nullable() }),
});

/** `schemas/run-folder/run.json`. */
export const runSchema = (): object => ({ title: 'run.json', ...z.toJSONSchema(RUN_SCHEMA) });
