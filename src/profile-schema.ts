/**
 * What a protocol profile holds (`constants/profiles/NAME.json`): how one subnet's miners write to the chain and what its validators do with
 * it. One form for all; docs/profiles.md explains each part with an example.
 */
import { z } from 'zod';
import { DTYPE_BITS } from './dtypes.ts';
import { pythonPattern } from './text/python.ts';

const count = z.int().nonnegative();
/** Of what may be so large and no larger: nothing fits into 0. */
const most = z.int().min(1);
/** A year of blocks of 12 seconds. */
const YEAR_BLOCKS = 2_629_800;
const text = z.string().min(1);
const share = z.number().min(0).max(1);

const regex = text.superRefine((source, context) => {
  try {
    pythonPattern(source);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is no pattern (${(error as Error).message})` });
  }
});

/** A value inside the string. Its name is what other parts of the profile and `--field NAME=VALUE` call it. */
const field = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/, 'is no name of a field: small letters, digits and _'),
  match: regex.optional().describe('What validators take'),
  write: regex.optional().describe("What the subnet's own tools write, where that is stricter"),
  strip: z.boolean().optional().describe('Spaces around it do not count'),
  lower: z.boolean().optional().describe('Written in small letters'),
  prefix: z.string().optional().describe('Stands before the value in the string'),
  stem: z.string().optional().describe('A file name, written without its ending, read with this one'),
  none: z
    .enum(['absent', 'refused', 'empty'])
    .optional()
    .describe('The word None: written for a missing value; read as a missing one, not at all, or as no text'),
  type: z.enum(['text', 'integer']).optional().describe('Other types are refused; left out: any'),
  truthy: z.boolean().optional().describe('Validators see nothing when it is missing, null or empty'),
  also: text.optional().describe('A second name for the same value'),
  needed: z.boolean().optional().describe('Miners must give it, although a text without it can be read'),
  digest: z
    .array(text)
    .min(1)
    .optional()
    .describe(
      'pt makes it: the first 16 hex digits of the sha256 of these fields (spaces between), as a decimal',
    ),
});
export type Field = z.infer<typeof field>;

/** Names that are always fields: as a constant one would be written as it stands, in every miner's text. */
const FIELDS = [
  'repo',
  'repo_ns',
  'repo_name',
  'pin',
  'sha256',
  'hash',
  'secure_hash',
  'competition',
  'hotkey',
];

/** A constant, or a field. */
const part = z.union([
  z.string().superRefine((word, context) => {
    if (FIELDS.includes(word))
      context.addIssue({
        code: 'custom',
        message: `is the word itself there; the field is {"name": ${JSON.stringify(word)}}`,
      });
  }),
  field,
]);

/** Names that come twice. */
const twice = (names: readonly string[]): string[] => [
  ...new Set(names.filter((name, i) => names.indexOf(name) !== i)),
];

type Parts = (z.infer<typeof part> | { sep: string; parts: z.infer<typeof part>[] })[];

const namesOf = (parts: Parts): string[] =>
  parts.flatMap((each) =>
    typeof each === 'string'
      ? []
      : 'sep' in each
        ? namesOf(each.parts)
        : [each.name, ...(each.also ? [each.also] : [])],
  );

/** A constant that holds the separator would be read as two parts, and a field that comes twice as what it was last. */
function checkParts({ sep, parts }: { sep: string; parts: Parts }, context: z.RefinementCtx): void {
  for (const [i, each] of parts.entries())
    if (typeof each === 'string' && each.includes(sep))
      context.addIssue({
        code: 'custom',
        path: ['parts', i],
        message: `holds the separator ${JSON.stringify(sep)}`,
      });
  for (const name of twice(namesOf(parts)))
    context.addIssue({ code: 'custom', path: ['parts'], message: `names the field ${name} twice` });
}

/** The last part of a joined string may be joined of others itself, and then takes all that is left. */
const joined = z.strictObject({
  sep: text,
  parts: z.array(part).min(2),
  match: regex.optional().describe('The whole of it, before spaces are taken off'),
});

const form = z.strictObject({
  parts: z.array(z.union([part, joined])).min(1),
  more: z.boolean().optional().describe('Further parts are passed over'),
});

const join = z
  .strictObject({
    kind: z.literal('join'),
    sep: text,
    ...form.shape,
    strip: z.boolean().optional().describe('Spaces around the whole do not count'),
    older: z.array(form).optional().describe('Forms that are read and no longer written, first fit'),
  })
  .superRefine(checkParts);

const constant = z.strictObject({
  const: text,
  absent: z.boolean().optional().describe('May be left out, or null'),
});

/** `[key, field]`, `[key, field, true]` when it may be left out, `[key, {object: […]}]` for an object of them. */
export type Key = [key: string, value: KeyValue] | [key: string, value: KeyValue, optional: boolean];
export type KeyValue = string | JsonField | z.infer<typeof constant> | JsonObjectKeys;
export interface JsonObjectKeys {
  object: Key[];
  also_key?: string | undefined;
}

const jsonField = field.extend({
  also_key: text.optional().describe('Another key that is read in its place'),
  missing: z.string().optional().describe('What validators take a missing value for'),
  default: z.string().optional().describe('Written when no value is given'),
});
export type JsonField = z.infer<typeof jsonField>;

/** A key that comes twice would be written once. */
function checkKeys(keys: readonly Key[], context: z.RefinementCtx): void {
  const names = keys.flatMap(([name, of]) => [
    name,
    ...(typeof of === 'object' && 'also_key' in of && of.also_key ? [of.also_key] : []),
  ]);
  for (const name of twice(names))
    context.addIssue({ code: 'custom', message: `has the key ${JSON.stringify(name)} twice` });
}

const fieldsIn = (keys: readonly Key[]): string[] =>
  keys.flatMap(([, of]) =>
    typeof of === 'string' ? [of] : 'object' in of ? fieldsIn(of.object) : 'name' in of ? [of.name] : [],
  );

const key: z.ZodType<Key> = z.lazy(() => {
  const value: z.ZodType<KeyValue> = z.union([
    text,
    jsonField,
    constant,
    z.strictObject({ object: z.array(key).min(1).superRefine(checkKeys), also_key: text.optional() }),
  ]);
  return z.union([z.tuple([text, value]), z.tuple([text, value, z.boolean()])]);
});

const json = z.strictObject({
  kind: z.literal('json'),
  style: z.enum(['python', 'compact']),
  keys: z
    .array(key)
    .min(1)
    .superRefine((keys, context) => {
      checkKeys(keys, context);
      for (const name of twice(fieldsIn(keys)))
        context.addIssue({ code: 'custom', message: `names the field ${name} twice` });
    }),
  hex: z.boolean().optional().describe('Read also when it stands there in hex'),
});

const format = z.discriminatedUnion('kind', [join, json]);
export type Format = z.infer<typeof format>;

/** 1024 bytes of ciphertext hold this much text. */
const LONGEST_SEALED = 778;

const limits = { max_bytes: most.max(LONGEST_SEALED).optional(), max_chars: most.optional() };
const commit = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('plain'), format, ...limits }),
  z
    .strictObject({
      mode: z.literal('timelock'),
      format,
      ...limits,
      blocks: count.max(YEAR_BLOCKS).optional().describe('Blocks until the reveal'),
      boundary: z
        .strictObject({ epoch_blocks: count.min(1), margin: count })
        .optional()
        .describe('Reveal so many blocks before the next multiple of epoch_blocks'),
      block_time: z
        .number()
        .positive()
        .default(12)
        .describe('Seconds a block, as the reveal is computed with'),
      plain_too: z.boolean().optional().describe('Validators also read a plain commitment'),
    })
    .refine(({ blocks, boundary }) => (blocks === undefined) !== (boundary === undefined), {
      path: ['blocks'],
      message: 'one of blocks and boundary says when it is revealed',
    }),
]);

const pin = z
  .strictObject({
    store: z
      .enum(['hf', 'hippius', 'file', 'none'])
      .describe('What the pin is of: a commit of the Hub, an image elsewhere, one file by its sha256'),
    forms: z.array(regex).min(1),
    hub_prefix: z.string().optional().describe('Before a commit of the Hub, where the store has both'),
  })
  .default({ store: 'hf', forms: ['[0-9a-f]{40}'] });

const repo = z
  .strictObject({
    match: regex.optional(),
    min_chars: most.optional(),
    max_chars: most.optional(),
    max_bytes: most.optional(),
    contains: z
      .array(
        z.strictObject({
          of: text.describe('hotkey, coldkey, or the word itself'),
          take: z.tuple([count, count]).optional().describe('So many of its first and last characters'),
          where: z.enum(['id', 'name_end']),
          case: z.enum(['any', 'exact']),
          from_block: count.optional(),
        }),
      )
      .optional(),
  })
  .refine(({ min_chars: min = 0, max_chars: max = Number.POSITIVE_INFINITY }) => min <= max, {
    path: ['min_chars'],
    message: 'is above max_chars',
  })
  .default({});

const files = z.strictObject({
  required: z.array(text).default([]),
  allow: z.array(text).optional().describe('Globs; nothing else may lie there'),
  forbid: z.array(text).default([]),
  weights: z.enum(['single_or_indexed', 'any', 'one_onnx', 'none']).default('any'),
  byte_equal: z
    .union([z.array(text), z.record(text, z.string().regex(/^[0-9a-f]{64}$/, 'is no sha256 in hex'))])
    .optional()
    .describe("The king's, or of these sha256"),
  code: z.array(text).optional().describe('The only Python files, byte-equal to the king'),
  max_bytes: most.optional(),
});

const config = z.strictObject({
  against: z.enum(['king', 'genesis', 'allowlist']),
  lock: z.array(text).default([]),
  lock_architectures: z.enum(['equal', 'if_both']).optional(),
  absent_is_null: z.boolean().default(false),
  equality: z.literal('python').default('python'),
  allow: z.array(z.record(text, z.union([z.string(), z.number(), z.boolean(), z.null()]))).optional(),
  auto_map: z.record(text, text).optional().describe('The only one, where code is allowed'),
  unquantised: z.boolean().optional().describe('A quantization_config is refused'),
  forbid_keys: z.array(text).default([]),
  dtypes: z
    .array(z.string().refine((dtype) => Object.hasOwn(DTYPE_BITS, dtype), 'is no dtype of safetensors'))
    .min(1)
    .optional(),
});

const rules = z.strictObject({
  seals_per_hotkey_ever: count.min(1).optional(),
  seals_from_block: count.optional(),
  evaluations_per_hotkey: count.min(1).optional(),
  min_block: count.optional().describe('Reveals of an earlier block do not count'),
  min_age_blocks: count.optional(),
  failed_ban: count.min(1).optional(),
  public: z.boolean().default(true),
});

const intake = z.strictObject({
  pick: z.enum(['latest', 'last_listed', 'every']).default('latest'),
  ties: z.enum(['first', 'last']).default('last').describe('Of two reveals of one block, which is taken'),
  unreadable: z
    .enum(['passed_over', 'hides'])
    .default('passed_over')
    .describe('Whether a newer text that validators cannot read hides the older ones'),
  author: z.literal('chain').default('chain'),
});

const duel = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('bootstrap_lcb'),
    alpha: share,
    delta: z.number(),
    B: count.min(1),
    seed: count,
    n: count.optional(),
    length: count.optional(),
    wins: count.min(1).optional().describe('Rounds in a row, each on fresh sequences; left out: 1'),
  }),
  z.strictObject({
    kind: z.literal('mean_margin'),
    margin: z.number(),
    wins: count.default(1),
    valid_share: share.optional(),
  }),
  z.strictObject({
    kind: z.literal('pareto_envs'),
    margin: z.number(),
    tolerance: z.number(),
    need: count.min(1),
    tolerances: z.record(text, z.number()).optional().describe('Of environments with another, absolute one'),
  }),
  z.strictObject({
    kind: z.literal('relative_lcb'),
    alpha: share,
    B: count.min(1),
    margin_start: z.number(),
    margin_end: z.number(),
    margin_rounds: count,
    min_n: count.optional(),
  }),
  z.strictObject({ kind: z.literal('threshold_earliest'), threshold: z.number() }),
  z.strictObject({
    kind: z.literal('epsilon_wins'),
    epsilon_start: share,
    epsilon_end: share,
    decay_blocks: count,
  }),
  z.strictObject({
    kind: z.literal('advantage_wins'),
    initial: z.number(),
    decay: share,
    per_blocks: count.min(1),
  }),
  z.strictObject({ kind: z.literal('external'), what: text }),
]);

const copies = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: z.literal('cosine'), samples: count.min(1), threshold: share })
    .describe('Share of tensors whose sampled values point as the king’s do'),
  z
    .strictObject({ kind: z.literal('bytes'), tensors: count.min(1), bytes: count.min(1) })
    .describe('So many tensors that begin with the same bytes'),
]);

const source = z.strictObject({
  repo: z.string().regex(/^[\w.-]+\/[\w.-]+$/, 'is no owner/name'),
  commit: z.string().regex(/^[0-9a-f]{7,40}$/, 'is no commit'),
  date: z.iso.date(),
  files: z.array(text).default([]),
});

/** What only the releases of the pretraining subnet (netuid 9) have: competitions by block, content hashes on chain, win rates. */
const pretraining = z.strictObject({
  release: text,
  hash: z
    .enum(['content_or_hotkey_bound', 'hotkey_bound'])
    .describe('Which hashes validators accept on chain'),
  hashes_tokenizer: z.boolean().describe('Whether tokenizer files enter the content hash'),
  limits_at: z
    .enum(['upload', 'upload_and_now'])
    .describe('Limits of the upload block; or the competition must exist then and now, and today’s hold'),
  win_rate_without_opponents: z.number(),
  batches_limit: z.int().min(1).nullable().describe('Batches that a data set gives at most; null: all'),
  temperature: z.number().positive(),
  alpha: share,
  transformers: text.describe('Version of transformers that these validators pin'),
  empty_cache: z.boolean().describe('The loss is computed with an empty cache, which some classes fail on'),
});
export type Pretraining = z.infer<typeof pretraining>;

export const profileSchema = z.strictObject({
  netuid: z.int().min(0).max(65_535),
  name: text.optional().describe('What the subnet calls itself'),
  pays_for: text.optional(),
  source: source.nullable().default(null),
  commit,
  pin,
  repo,
  files: files.default({ required: [], forbid: [], weights: 'any' }),
  config: config.nullable().default(null),
  copies: copies.optional().describe('What a near copy of the king is told by'),
  limits: rules.default({ public: true }),
  intake: intake.default({ pick: 'latest', ties: 'last', unreadable: 'passed_over', author: 'chain' }),
  duel: duel.default({ kind: 'external', what: 'how validators score is not written in the profile' }),
  not_judged: z
    .array(text)
    .default([])
    .describe('What decides there and `pt` cannot look at: it says so, and never yes'),
  pretraining: pretraining.nullable().default(null),
  sandbox: z
    .strictObject({
      king: z
        .looseObject({ model_type: text })
        .optional()
        .describe("config.json of the sandbox's tiny king; left out: a small Llama"),
      king_name: text.optional().describe("The name of the king's repository, without its owner"),
      files: z
        .record(text, text)
        .optional()
        .describe("Text of the king's files that no tokenizer and no model library writes"),
    })
    .optional()
    .describe('What `pt sandbox start --profile` plays it with'),
  stands_in_for: text
    .optional()
    .describe('Of a file that a sandbox made: the profile that it is the small form of'),
});

/** How one subnet's (or one release's) validators write, read, lock and score. */
export type Profile = z.infer<typeof profileSchema>;
