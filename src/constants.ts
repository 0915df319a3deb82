/**
 * The rules as data: networks, profiles, schedules and recipes from `constants/*.json`, validated on first use and kept.
 * Another folder with files of the same form makes the tool follow another subnet; no code changes.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { UserError } from './errors.ts';
import { profileSchema } from './profile-schema.ts';
import type {
  Competition,
  Period,
  Profile,
  ProfileName,
  Release,
  Schedule,
  TokenizerFacts,
} from './protocol.ts';
import { shippedDir } from './shipped.ts';
import { didYouMean } from './text/suggest.ts';

/** A chain and the Hub that belongs to it. */
export interface Network {
  about: string;
  /** Hash of its first block, which tells it from any address that leads to it; null: any chain, or not known. */
  genesis: string | null;
  /** `ws://` or `wss://` addresses, tried in order; empty for the sandbox, whose address comes from its own state. */
  endpoints: string[];
  /** Null for the sandbox. */
  hub: string | null;
  netuid: number;
  /** Name of the schedule file without `.json`; null: the schedule of the profile's release (rules/schedule.ts). */
  schedule: string | null;
  /** Subnets that no longer score this kind of submission: `pt` asks before it writes there. */
  retired_netuids: number[];
  /** Lets dates be turned into blocks (and back), about one day off; null when unknown. */
  block_anchor: { block: number; time: string; seconds_per_block: number } | null;
}

/**
 * The network that a chain is, by its genesis alone: a node of it on this machine is that network too. Null: a chain of its own. A
 * constants folder of one's own need not know mainnet; the shipped one always does.
 */
export function networkOf(networks: Record<string, Network>, genesisHash: string): Network | null {
  const genesis = genesisHash.toLowerCase();
  const known = [...Object.values(networks), ...Object.values(loadConstants().networks)];
  return known.find((network) => network.genesis === genesis) ?? null;
}

/** A training recipe; the trainer owns and checks its fields (`python/trainer`). */
export interface Recipe {
  name: string;
  [field: string]: unknown;
}

/** What is known of the classes that competitions allow (`constants/architectures.json`, docs/architectures.md). */
export type Architectures = z.infer<typeof architectures>;
export type Architecture = z.infer<typeof architecture>;
/** Tensors of a class: `first`, then `layer` once a layer (`*` is its number), then `last`. */
export type Layout = z.infer<typeof layout>;

/** The profiles that there are. A constants folder has at least the two of the pretraining subnet. */
export type Profiles = Record<'3.2' | '6.0', Profile> & Record<ProfileName, Profile>;

export interface Constants {
  /** Folder the files were read from. */
  dir: string;
  networks: Record<string, Network>;
  /** By file name without `.json`; each file is read when it is asked for, so that a wrong one stops nobody else. */
  profiles: Profiles;
  /** Files of other folders that stand in the place of a profile of `dir`, by its name. */
  replaced: Record<ProfileName, string>;
  /** By file name without `.json`: `schedule` (mainnet's history), `schedule.sandbox`. */
  schedules: Record<string, Schedule>;
  recipes: Record<string, Recipe>;
  /** By the name that competitions use. */
  tokenizers: Record<string, TokenizerFacts>;
  /** Every release of the reference with the schedule it carried. */
  releases: Release[];
}

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

const schedule = z.strictObject({
  about: z.string().optional(),
  resolution_rule: z.string().optional(),
  block_estimate: z.record(z.string(), z.unknown()).optional(),
  periods: z
    .array(period)
    .min(1)
    .refine(ascending, { message: 'from_block must start at 0 and rise from period to period' }),
});

const release = z.strictObject({
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

const network = z.strictObject({
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

const tokenizer = z.strictObject({ vocab_size: z.int().positive(), eos_token_id: count });

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

const architectures = z
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
function unresolved(
  facts: z.infer<typeof architecture>,
  layouts: Record<string, z.infer<typeof layout>>,
): string[] {
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

const recipe = z.looseObject({ name: z.string().optional() });

const cache = new Map<string, Constants>();

/**
 * Constants of a folder (default: the one shipped with the tool), and of folders with more profiles. Files are read when first asked for.
 * Throws `UserError` `constants.missing` or `constants.invalid`, naming file and path of the wrong value.
 */
export function loadConstants(dir: string = shippedDir(), profileDirs: readonly string[] = []): Constants {
  const folder = resolve(dir);
  const id = JSON.stringify([folder, profileDirs]);
  const known = cache.get(id);
  if (known) return known;
  const constants: Constants = {
    dir: folder,
    get networks() {
      return once(this, 'networks', () => read(folder, 'networks.json', z.record(z.string(), network)));
    },
    get profiles() {
      return once(this, 'profiles', () => readProfiles(profileFiles(folder, profileDirs)));
    },
    get replaced() {
      return once(this, 'replaced', () => {
        const own = profileFiles(folder, []);
        const all = profileFiles(folder, profileDirs);
        const others = [...own.keys()].filter((name) => all.get(name)!.dir !== folder);
        return Object.fromEntries(
          others.map((name) => [name, join(all.get(name)!.dir, all.get(name)!.file)]),
        );
      });
    },
    get schedules() {
      return once(this, 'schedules', () => readSchedules(folder, this.networks));
    },
    get recipes() {
      return once(this, 'recipes', () => readRecipes(folder));
    },
    get tokenizers() {
      return once(this, 'tokenizers', () => read(folder, 'tokenizers.json', z.record(z.string(), tokenizer)));
    },
    get releases() {
      return once(this, 'releases', () => readReleases(folder));
    },
  };
  cache.set(id, constants);
  return constants;
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
const transformers = z.strictObject({
  about: z.string(),
  newest: z.string(),
  releases: z.record(z.string(), z.record(z.string(), pinnedClass.nullable())),
  /** Of keys that every class has, by release. */
  values: z.record(z.string(), values),
  tokenizers: z.record(z.string(), tokenizerFiles),
});
export type Fate = z.infer<typeof fate>;
export type PinnedClass = z.infer<typeof pinnedClass>;
export type TokenizerFiles = z.infer<typeof tokenizerFiles>;

let known: Architectures | undefined;
let releasesKnown: z.infer<typeof transformers> | undefined;

/** What transformers does is no subnet's choice: always the file that `pt` ships, whichever constants folder is in use. */
export function loadArchitectures(): Architectures {
  known ??= read(shippedDir(), 'architectures.json', architectures);
  return known;
}

/** Facts of a class; null for one that is not known here. */
export function architectureOf(name: string | null): Architecture | null {
  const { architectures } = loadArchitectures();
  return name !== null && Object.hasOwn(architectures, name) ? architectures[name]! : null;
}

function transformersKnown(): z.infer<typeof transformers> {
  releasesKnown ??= read(shippedDir(), 'transformers.json', transformers);
  return releasesKnown;
}

/** What is known of a class in a release of transformers; null: it has no such class; undefined: that was not looked at. */
export function pinnedClassOf(release: string, architecture: string): PinnedClass | null | undefined {
  const { releases } = transformersKnown();
  const classes = Object.hasOwn(releases, release) ? releases[release]! : {};
  return Object.hasOwn(classes, architecture) ? classes[architecture] : undefined;
}

/** The same of the release that `pt` trains with. */
export function newestClassOf(architecture: string): PinnedClass | null | undefined {
  return pinnedClassOf(transformersKnown().newest, architecture);
}

/** What a release of transformers does with a key of a class's config; null where nothing is done with it or that was not tried. */
export function fateOf(release: string, architecture: string, key: string): Fate | null {
  const keys = pinnedClassOf(release, architecture)?.keys ?? {};
  return Object.hasOwn(keys, key) ? keys[key]! : null;
}

/** By key, the kinds of values that a release of transformers fails on with a class; none where it was not run. */
export function valuesOf(
  release: string,
  architecture: string,
): ReadonlyMap<string, z.infer<typeof values>[string]> {
  const { values: shared } = transformersKnown();
  const own = pinnedClassOf(release, architecture);
  if (!own || !Object.hasOwn(shared, release)) return new Map();
  return new Map([...Object.entries(shared[release]!), ...Object.entries(own.values ?? {})]);
}

/** Files that a release's AutoTokenizer asks for; null for a release that was not run. */
export function tokenizerFilesOf(release: string): TokenizerFiles | null {
  const { tokenizers } = transformersKnown();
  return Object.hasOwn(tokenizers, release) ? tokenizers[release]! : null;
}

export function tokenizerFilesOfAll(): TokenizerFiles[] {
  return Object.values(transformersKnown().tokenizers);
}

/** The class that transformers builds for a `model_type`; null for one not known here. */
export function classOf(modelType: unknown): string | null {
  const found = Object.entries(loadArchitectures().architectures).find(
    ([, facts]) => facts.model_type === modelType,
  );
  return found?.[0] ?? null;
}

function once<K extends keyof Constants>(target: Constants, key: K, make: () => Constants[K]): Constants[K] {
  const value = make();
  Object.defineProperty(target, key, { value, enumerable: true });
  return value;
}

type Issue = z.core.$ZodIssue;

/** What is wrong in the branch of a choice that fits best: the kind of value, then the fewest faults, the furthest in. Equal ones are all named. */
function deepest(issue: Issue): { path: PropertyKey[]; message: string } {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue;
  const branches = issue.errors.flatMap((all) => {
    const [first] = all;
    if (first === undefined) return [];
    const found = deepest(first);
    const otherKind = first.code === 'invalid_type' && first.path.length === 0;
    return [{ ...found, rank: [otherKind ? 1 : 0, all.length, -found.path.length] }];
  });
  const byRank = (a: number[], b: number[]) => a.map((each, i) => each - b[i]!).find((by) => by !== 0) ?? 0;
  const [best] = branches.toSorted((a, b) => byRank(a.rank, b.rank));
  const equal = branches.filter(({ rank }) => byRank(rank, best!.rank) === 0);
  const message = [...new Set(equal.map((each) => each.message))].join(', or: ');
  return { path: [...issue.path, ...best!.path], message };
}

function read<T>(dir: string, file: string, schema: z.ZodType<T>): T {
  const path = join(dir, file);
  const fail = (what: string) =>
    new UserError('constants.invalid', `${path}: ${what}`, {
      nextSteps: [`Correct ${file}, or leave out the setting that names this constants folder.`],
    });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new UserError('constants.missing', `${path}: this constants file cannot be read.`, {
      nextSteps: [`Copy ${file} from the constants folder that pt ships, and edit the copy.`],
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail(`not JSON (${(error as Error).message})`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = deepest(parsed.error.issues[0]!);
  const at = issue.path.reduce<string>(
    (text, key) => text + (typeof key === 'number' ? `[${key}]` : `${text === '' ? '' : '.'}${String(key)}`),
    '',
  );
  const more = parsed.error.issues.length - 1;
  throw fail(`${at || 'the file'}: ${issue.message}${more > 0 ? ` (and ${more} more)` : ''}`);
}

/** Every profile of a constants folder, and of a folder that holds nothing but profiles; the later of one name counts. */
function profileFiles(folder: string, more: readonly string[]): ProfileFiles {
  const found: ProfileFiles = new Map();
  const look = (dir: string, under: string) => {
    const inside = join(dir, under);
    if (!existsSync(inside))
      throw new UserError('constants.missing', `${inside}: there is no such folder of profiles.`, {
        nextSteps: ['Copy constants/profiles/ of pt there, and edit the copy.', 'pt config show'],
      });
    const files = readdirSync(inside).filter((file) => file.endsWith('.json'));
    for (const name of files.map((file) => file.slice(0, -'.json'.length)).sort())
      found.set(name, { dir, file: join(under, `${name}.json`) });
  };
  look(folder, 'profiles');
  for (const dir of more) look(dir, '');
  return found;
}

type ProfileFiles = Map<ProfileName, { dir: string; file: string }>;

/** Each is read when it is asked for. */
function readProfiles(found: ProfileFiles): Profiles {
  const profiles = {};
  for (const [name, { dir, file }] of found)
    Object.defineProperty(profiles, name, {
      enumerable: true,
      configurable: true,
      get() {
        const value = read(dir, file, profileSchema);
        Object.defineProperty(this, name, { value, enumerable: true });
        return value;
      },
    });
  return profiles as Profiles;
}

/** A profile by name. Throws `UserError` `profile.unknown`, or `constants.invalid` that names file and key. */
export function profileNamed({ profiles }: Pick<Constants, 'profiles'>, name: ProfileName): Profile {
  if (Object.hasOwn(profiles, name)) return profiles[name]!;
  throw new UserError(
    'profile.unknown',
    `There is no profile ${JSON.stringify(name)}.${didYouMean(name, Object.keys(profiles))}`,
    { nextSteps: ['pt profiles   # those that there are', 'pt config show   # where it was asked for'] },
  );
}

function readSchedules(dir: string, networks: Record<string, Network>): Record<string, Schedule> {
  const own = Object.values(networks).map(({ schedule }) => schedule);
  const names = new Set(['schedule', ...own.filter((name) => name !== null)]);
  return Object.fromEntries(
    [...names].map((name) => [name, { name, periods: read(dir, `${name}.json`, schedule).periods }]),
  );
}

function readRecipes(dir: string): Record<string, Recipe> {
  const folder = join(dir, 'recipes');
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder).filter((f) => f.endsWith('.json'));
  return Object.fromEntries(
    files.sort().map((file) => {
      const name = file.slice(0, -'.json'.length);
      return [name, { ...read(dir, join('recipes', file), recipe), name }];
    }),
  );
}

function readReleases(dir: string): Release[] {
  const { releases } = read(
    dir,
    'releases.json',
    z.strictObject({ about: z.string().optional(), releases: z.array(release).min(1) }),
  );
  const schedules = new Map(releases.map((r) => [r.release, r.schedule]));
  return releases.map(({ release, tag, commit, date, schedule, same_schedule_as }) => {
    const own = schedule ?? schedules.get(same_schedule_as ?? '');
    if (!own)
      throw new UserError('constants.invalid', `${join(dir, 'releases.json')}: ${release} has no schedule`, {
        nextSteps: [
          `Give ${release} in releases.json a schedule, or same_schedule_as a release that has one.`,
        ],
      });
    return { release, tag, commit, date, schedule: own };
  });
}
