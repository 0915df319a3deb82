/** The forms of constants/architectures.json and constants/transformers.json. */
import { z } from 'zod';

/** Sums of products of sizes and numbers, quotients being whole: `heads * head + 2 * kv * head`, `hidden / heads`. */
const expression = z.string().regex(/^\w+( [+*/] \w+)*$/, 'is no sum of products of sizes');
const tensors = z.array(
  z.strictObject({
    name: z.string(),
    shape: z.array(expression).min(1),
    when: z.array(z.string().regex(/^!?\w+$/)).optional(),
  }),
);
const layout = z.strictObject({ first: tensors, layer: tensors, last: tensors });

const architecture = z.strictObject({
  model_type: z.string(),
  tied: z.boolean(),
  layout: z.string(),
  sizes: z.record(
    z.string(),
    z.strictObject({
      keys: z.array(z.string()),
      default: z.union([z.int().positive(), expression]).optional(),
    }),
  ),
  flags: z.record(
    z.string(),
    z.union([
      z.boolean(),
      z.strictObject({
        key: z.string(),
        is: z.union([z.boolean(), z.int()]).optional(),
        default: z.boolean(),
      }),
    ]),
  ),
  untold_if: z.array(z.string()).optional(),
  divisors: z.array(z.string()),
  activations: z.array(z.string()).min(1),
  epsilon: z.string().nullable(),
  pads: z.boolean(),
  fixed_positions: z.boolean(),
  rope: z
    .strictObject({
      theta: z.string(),
      theta_default: z.number().positive(),
      partial: z.string(),
      partial_default: z.number().positive(),
    })
    .nullable(),
  names_in_files: z.record(z.string(), z.string()).optional(),
});

export const architecturesSchema = z
  .strictObject({
    about: z.string(),
    buffers: z.array(z.strictObject({ pattern: z.string(), dimensions: z.int().positive().optional() })),
    layouts: z.record(z.string(), layout),
    architectures: z.record(z.string(), architecture),
  })
  .superRefine(({ layouts, architectures }, context) => {
    for (const [name, facts] of Object.entries(architectures)) {
      const missing = unresolved(facts, layouts);
      if (missing.length > 0)
        context.addIssue({
          code: 'custom',
          path: ['architectures', name],
          message: `names what is not there: ${missing.join(', ')}`,
        });
    }
  });

/** Names in a class's facts that nothing defines: a layout, a size or a flag. */
function unresolved(facts: Architecture, layouts: Record<string, Layout>): string[] {
  const { first, layer, last } = layouts[facts.layout] ?? { first: [], layer: [], last: [] };
  const rows = [...first, ...layer, ...last];
  const expressions = [
    ...rows.flatMap((row) => row.shape),
    ...Object.values(facts.sizes).flatMap((size) => (typeof size.default === 'string' ? [size.default] : [])),
  ];
  const sizes = [
    ...expressions.flatMap((text) => text.match(/[a-z]\w*/g) ?? []),
    ...facts.divisors,
    'layers',
  ];
  const flags = [...rows.flatMap((row) => row.when ?? []), ...(facts.untold_if ?? [])];
  return [
    ...(facts.layout in layouts ? [] : [facts.layout]),
    ...sizes.filter((size) => !(size in facts.sizes)),
    ...flags.map((flag) => flag.replace('!', '')).filter((flag) => flag !== 'tied' && !(flag in facts.flags)),
  ];
}

const fate = z.enum(['read', 'ignored', 'differs', 'misfit', 'refused', 'lost', 'untold']);
const values = z.record(
  z.string(),
  z.strictObject({
    kinds: z.record(z.string(), z.enum(['refused', 'lost', 'unsampled'])),
    /** The default, where it is of one of these kinds. */
    usual: z.number().optional(),
  }),
);
const pinnedClass = z.strictObject({
  keys: z.record(z.string(), fate),
  defaults: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  values: values.optional(),
  aliases: z.record(z.string(), z.strictObject({ key: z.string(), null: z.boolean() })).optional(),
  empty_cache: z.string().optional(),
  flash_attention: z.literal(false).optional(),
});
const tokenizerFiles = z.strictObject({
  common: z.array(z.string()),
  classes: z.record(z.string(), z.array(z.string())),
  by_model_type: z.record(z.string(), z.array(z.string())),
});

/** What releases of transformers do with a class's config (null: no such class), and which files their tokenizers ask for. */
export const transformersSchema = z.strictObject({
  about: z.string(),
  newest: z.string(),
  releases: z.record(z.string(), z.record(z.string(), pinnedClass.nullable())),
  /** Of keys that every class has, by release. */
  values: z.record(z.string(), values),
  tokenizers: z.record(z.string(), tokenizerFiles),
});

/** What is known of the classes that competitions allow. */
export type Architectures = z.infer<typeof architecturesSchema>;
export type Architecture = z.infer<typeof architecture>;
/** Tensors of a class: `first`, then `layer` once a layer (`*` is its number), then `last`. */
export type Layout = z.infer<typeof layout>;
export type Transformers = z.infer<typeof transformersSchema>;
export type Values = z.infer<typeof values>;
export type Fate = z.infer<typeof fate>;
export type PinnedClass = z.infer<typeof pinnedClass>;
export type TokenizerFiles = z.infer<typeof tokenizerFiles>;
