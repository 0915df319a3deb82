/** The forms of the files in constants/ that say what networks, schedules, releases, tokenizers and recipes there are. */
import { z } from 'zod';
import type { Competition, Network, Period } from './protocol.ts';

const count = z.int().nonnegative();

const epsilon = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('FixedEpsilon'), epsilon: z.number().min(0).max(1) }),
  z.strictObject({
    type: z.literal('LinearDecay'),
    start_epsilon: z.number().min(0).max(1),
    end_epsilon: z.number().min(0).max(1),
    decay_blocks: z.int().positive(),
  }),
]);

const evalTask = z.strictObject({
  name: z.string(),
  method: z.string(),
  dataset: z.string(),
  dataset_repo: z.string(),
  weight: z.number().nonnegative(),
  normalization: z.string(),
  normalization_kwargs: z.record(z.string(), z.unknown()).optional(),
  dataset_kwargs: z.record(z.string(), z.unknown()),
});

export const competitionSchema = z
  .strictObject({
    id: z.int().nullable(),
    name: z.string().nullable(),
    reward_percentage: z.number().min(0).max(1),
    min_model_parameters: count,
    max_model_parameters: count,
    max_bytes: count,
    max_bytes_source: z.string().optional(),
    sequence_length: z.int().positive().nullable(),
    allowed_architectures: z.array(z.string()).min(1).nullable(),
    tokenizer: z.string().min(1),
    from_pretrained_kwargs: z.strictObject({
      torch_dtype: z.string().optional(),
      attn_implementation: z.string().optional(),
    }),
    eval_block_delay: count,
    epsilon,
    norm_validation_constraints: z
      .strictObject({
        norm_eps_soft: z.number(),
        norm_eps_soft_percent_threshold: z.number(),
        norm_eps_hard: z.number(),
      })
      .nullish(),
    primary_dataset: z.string().nullish(),
    additional_dataset: z.string().nullish(),
    eval_tasks: z.array(evalTask).nullish(),
    virtual: z.string().optional(),
    named_in_text: z.boolean().optional(),
    default_recipe: z.string().optional(),
  })
  .refine((c) => c.min_model_parameters <= c.max_model_parameters, {
    path: ['min_model_parameters'],
    message: 'is above max_model_parameters',
  }) satisfies z.ZodType<Competition>;

const period = z.strictObject({
  from_block: count,
  boundary: z.enum(['genesis', 'declared', 'release']),
  release: z.string(),
  tag: z.string().nullable(),
  commit: z.string().nullable(),
  date: z.iso.datetime({ offset: true }),
  changed: z.array(z.string()),
  confirmed_by_releases: z.array(z.string()).optional(),
  competitions: z.array(competitionSchema).min(1),
}) satisfies z.ZodType<Period>;

const ascending = (periods: { from_block: number }[]): boolean =>
  periods[0]?.from_block === 0 &&
  periods.every((p, i) => i === 0 || p.from_block > periods[i - 1]!.from_block);

export const scheduleSchema = z.strictObject({
  about: z.string().optional(),
  resolution_rule: z.string().optional(),
  block_estimate: z.record(z.string(), z.unknown()).optional(),
  periods: z
    .array(period)
    .min(1)
    .refine(ascending, { message: 'from_block must start at 0 and rise from period to period' }),
});

export const releaseSchema = z.strictObject({
  release: z.string(),
  tag: z.string().nullable(),
  commit: z.string(),
  date: z.string(),
  taoverse_version: z.string().nullable(),
  note: z.string().nullable(),
  estimated_chain_block_at_release: z.int(),
  competition_ids: z.record(z.string(), z.int()).nullable(),
  schedule: z
    .array(z.strictObject({ from_block: count, competitions: z.array(competitionSchema).min(1) }))
    .min(1)
    .optional(),
  same_schedule_as: z.string().optional(),
});

export const networkSchema = z.strictObject({
  about: z.string(),
  endpoints: z.array(z.url({ protocol: /^wss?$/ })),
  hub: z.url({ protocol: /^https?$/ }).nullable(),
  netuid: count,
  schedule: z.string().nullable(),
  genesis: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/)
    .nullable()
    .default(null),
  retired_netuids: z.array(count),
  block_anchor: z
    .strictObject({
      block: count,
      time: z.iso.datetime({ offset: true }),
      seconds_per_block: z.number().positive(),
    })
    .nullable(),
}) satisfies z.ZodType<Network>;

export const tokenizerSchema = z.strictObject({ vocab_size: z.int().positive(), eos_token_id: count });

export const recipeSchema = z.looseObject({ name: z.string().optional() });
