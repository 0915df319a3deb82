/**
 * Whether the transformers that validators pin loads a model and computes what the newest release computes of it, by config alone: what
 * running them showed (constants/transformers.json), applied to the values that a config has.
 */

import { architectureOf, classOf, newestClassOf, pinnedClassOf } from '../../architectures.ts';
import type { Architecture, Fate, PinnedClass } from '../../architectures-schema.ts';
import { isObject, type JsonObject } from '../../text/strict-json.ts';
import type { Competition, Finding, Pretraining, Profile } from '../types.ts';
import { OUTPUT_TOKENS, PROMPT_TOKENS } from '../validator/repetition.ts';
import { cannotScore, cannotTell, problem } from './problem.ts';
import { checkValues } from './values.ts';

const RULE = 'config_keys';
const SPELLINGS = ['type', 'rope_type', 'rope_type+type'];

interface Question {
  architecture: string;
  config: JsonObject;
  /** Tokens that validators feed; null: not fixed. */
  length: number | null;
  facts: Architecture;
  pinned: PinnedClass;
  newest: PinnedClass;
}

/** What speaks against a model of a class that is allowed; empty where the release or the class was not run. */
export function checkPinned(
  architecture: string | null,
  config: JsonObject,
  competition: Competition,
  validators: Pretraining,
  generation: JsonObject | null = null,
): Finding[] {
  const release = validators.transformers;
  const facts = architectureOf(architecture);
  const rope = facts?.rope === null ? [] : checkRope(config, validators);
  if (architecture === null || facts === null) return rope;
  const pinned = pinnedClassOf(release, architecture);
  const newest = newestClassOf(architecture);
  if (pinned === null) return [noSuchClass(architecture, config, release)];
  if (pinned === undefined || !newest) return rope;
  const question = { architecture, config, length: competition.sequence_length, facts, pinned, newest };
  return [
    ...rope,
    ...checkFlash(pinned, architecture, competition, release),
    ...checkValues(architecture, config, generation, release),
    ...[...decidingKeys(question)].flatMap(([what, fate]) => describe(what, fate, architecture, release)),
    ...checkLoss(architecture, validators),
  ];
}

/** Why validators of a profile get no loss from a class, however good the model; null: they do, or it was not run. */
export function whyNoLoss(
  architecture: string | null,
  { pretraining }: Pick<Profile, 'pretraining'>,
): string | null {
  if (!pretraining?.empty_cache || architecture === null) return null;
  const { release, transformers } = pretraining;
  if (!pinnedClassOf(transformers, architecture)?.empty_cache) return null;
  return `${release} gives every ${architecture} an infinite loss: it computes it with an empty cache, on which that class fails in transformers ${transformers}`;
}

function checkLoss(architecture: string, pretraining: Pretraining): Finding[] {
  const why = whyNoLoss(architecture, { pretraining });
  return why === null ? [] : [cannotScore('loss', `${why}. Train another class.`, architecture)];
}

function noSuchClass(architecture: string, config: JsonObject, release: string): Finding {
  const message = `transformers ${release}, which validators pin, has no ${architecture}: it cannot load this model. Train another class.`;
  return problem(RULE, message, config.model_type ?? null, release);
}

function checkFlash(
  pinned: PinnedClass,
  architecture: string,
  { from_pretrained_kwargs: kwargs }: Competition,
  release: string,
): Finding[] {
  if (pinned.flash_attention !== false || kwargs.attn_implementation !== 'flash_attention_2') return [];
  const message = `Validators load with flash attention, which ${architecture} does not have in transformers ${release}: it cannot be loaded. Train another class.`;
  return [problem(RULE, message, architecture, release)];
}

function describe(what: string, fate: Fate, architecture: string, release: string): Finding[] {
  const who = `transformers ${release}, which validators pin,`;
  switch (fate) {
    case 'read':
      return [];
    case 'refused':
      return [
        problem(
          RULE,
          `${who} fails on ${what} of ${architecture}: it cannot load this model.`,
          what,
          release,
        ),
      ];
    case 'misfit':
      return [problem(RULE, `${who} ignores ${what} and fails on the shapes of the weights.`, what, release)];
    case 'lost':
      return [
        cannotScore(
          RULE,
          `${who} loads ${what} of ${architecture} and fails when it runs: the loss is infinite.`,
          what,
          release,
        ),
      ];
    case 'ignored':
      return [
        cannotScore(
          RULE,
          `${who} ignores ${what}: other logits than this model's, without an error.`,
          what,
          release,
        ),
      ];
    case 'differs':
      return [
        cannotScore(
          RULE,
          `${who} computes ${what} otherwise: other logits than this model's, without an error.`,
          what,
          release,
        ),
      ];
    case 'untold':
      return [
        cannotTell(
          RULE,
          `${who} loads ${what} of ${architecture}, which newer releases refuse: what it scores cannot be told.`,
          what,
          release,
        ),
      ];
  }
}

/** What of the config changes the model, in words, and what the pinned release makes of it. */
function* decidingKeys(question: Question): Generator<[string, Fate]> {
  const { config, pinned, facts } = question;
  const fates = new Map(Object.entries(pinned.keys));
  for (const key of new Set([...fates.keys()].map((name) => name.replace(/[=:].*/s, '')))) {
    if (key.startsWith('rope_scaling.') || SEPARATE.has(key)) continue;
    const fate = fates.get(`${key}=${JSON.stringify(config[key])}`) ?? fates.get(key);
    const exact = fates.has(`${key}=${JSON.stringify(config[key])}`);
    if (fate !== undefined && (exact || isUnusual(key, question)))
      yield [`${key} ${show(givenOrUsual(key, question))}`, fate];
  }
  yield* otherDefaults(question);
  yield* relations(question, fates);
  yield* windows(question, fates);
  if (facts.rope !== null) yield* scaling(question, fates);
}

/** Looked at together (a window that no sequence fills changes nothing), or by the old keys (`rope_parameters`). */
const SEPARATE = new Set([
  'sliding_window',
  'use_sliding_window',
  'max_window_layers',
  'layer_types',
  'rope_parameters',
]);

function givenOrUsual(key: string, { config, facts }: Question): unknown {
  const size = Object.values(facts.sizes).find(({ keys }) => keys.includes(key));
  return config[key] ?? (typeof size?.default === 'number' ? size.default : undefined);
}

/** A size as the config gives it; NaN where it does not. */
function sizeOf(name: string, { config, facts }: Question): number {
  const found = facts.sizes[name]?.keys.map((key) => config[key]).find((each) => typeof each === 'number');
  return (found as number | undefined) ?? Number.NaN;
}

/** Whether a value says something else than its absence. */
function isUnusual(key: string, question: Question): boolean {
  const { newest, facts } = question;
  const value = givenOrUsual(key, question);
  if (value === undefined || value === null) return false;
  const by = (name: string) => sizeOf(name, question);
  if (key === 'head_dim') return value !== by('hidden') / by('heads');
  if (key === 'ffn_hidden_size' || key === 'n_inner') return value !== 4 * by('hidden');
  if (key === facts.rope?.theta) return value !== facts.rope.theta_default;
  if (key === facts.rope?.partial || key === 'partial_rotary_factor')
    return value !== (facts.rope?.partial_default ?? 1);
  const usual = facts.activations.includes(key) ? activationBeside(key, question) : newest.defaults[key];
  return value !== usual && !(isGelu(value) && isGelu(usual));
}

/** The activation that counts where a release does not read `key`: that of the class's other key, given or by default. */
function activationBeside(key: string, { config, facts, newest }: Question): unknown {
  const other = facts.activations.find((each) => each !== key) ?? key;
  const usual = facts.activations.map((each) => newest.defaults[each]).find((each) => each !== undefined);
  return other === key ? usual : (config[other] ?? usual);
}

/** The names of this function differ in its fourth digit. */
const isGelu = (value: unknown) =>
  typeof value === 'string' && /^gelu(_new|_fast|_pytorch_tanh|_accurate)?$/.test(value);

/** Keys that the config leaves out, and that the pinned release fills with another value. */
function* otherDefaults({ config, pinned, newest, facts }: Question): Generator<[string, Fate]> {
  for (const [key, value] of Object.entries(pinned.defaults)) {
    if (config[key] !== undefined || SEPARATE.has(key)) continue;
    const usual = newest.defaults[key];
    if (usual === undefined || (isGelu(value) && isGelu(usual))) continue;
    const isSize = Object.values(facts.sizes).some(({ keys }) => keys.includes(key));
    yield [`${key}, left out, for ${show(value)} and not ${show(usual)},`, isSize ? 'misfit' : 'differs'];
  }
}

/** Sizes that do not fit one another or what validators feed, which some releases run all the same and others fail on. */
function* relations(question: Question, fates: ReadonlyMap<string, Fate>): Generator<[string, Fate]> {
  const { config, facts, length } = question;
  const size = (name: string) => sizeOf(name, question);
  const [hidden, heads, kv] = [size('hidden'), size('heads'), size('kv')];
  const uneven = (key: string, whole: number, part: number): [string, Fate][] =>
    Number.isNaN(whole) || !(part > 0) || whole % part === 0
      ? []
      : [[`${key} ${part}, which does not divide ${whole},`, fates.get(`${key}:uneven`) ?? 'read']];
  if (facts.sizes.heads) yield* uneven('num_attention_heads', hidden, heads);
  if (facts.sizes.kv) yield* uneven('num_key_value_heads', heads, kv);
  const { max_position_embeddings: positions } = config;
  if (length !== null && typeof positions === 'number' && !isDoubledTo(length, positions))
    yield [
      `max_position_embeddings ${positions} where validators feed ${length} tokens`,
      fates.get('max_position_embeddings:quarter') ?? 'read',
    ];
  // Heads of 1 each class takes in its own way.
  for (const [key, least] of [
    ['rotary_dim', 1],
    ['head_dim', 3],
  ] as const)
    if (typeof config[key] === 'number' && config[key] >= least && config[key] % 2 === 1)
      yield [`${key} ${config[key]}`, fates.get(`${key}:odd`) ?? 'read'];
}

/**
 * Whether a mask of `positions`, which a release doubles once whenever it is too short, and keeps, is long enough for the samples that validators
 * generate first, token by token, and then for what they feed.
 */
function isDoubledTo(length: number, positions: number): boolean {
  let size = positions;
  for (let tokens = PROMPT_TOKENS; tokens < PROMPT_TOKENS + OUTPUT_TOKENS; tokens++) {
    if (tokens > size) size *= 2;
    if (tokens > size) return false;
  }
  return length <= 2 * size;
}

/** Sliding windows. One that is not shorter than what validators feed hides nothing. */
function* windows(
  { config, length, facts, pinned, newest }: Question,
  fates: ReadonlyMap<string, Fate>,
): Generator<[string, Fate]> {
  const fateOf = (key: string) => fates.get(key) ?? 'read';
  const given = config.sliding_window;
  if (given === null) yield ['sliding_window null', fateOf('sliding_window=null')];
  const window =
    given === undefined ? (pinned.defaults.sliding_window ?? newest.defaults.sliding_window) : given;
  if (typeof window !== 'number' || (length !== null && window >= length)) return;
  const layers = facts.sizes.layers!.keys.map((key) => config[key]).find((n) => typeof n === 'number') as
    | number
    | undefined;
  const what = `sliding_window ${window}`;
  const bySwitch = newest.defaults.use_sliding_window !== undefined;
  const first = Number(config.max_window_layers ?? newest.defaults.max_window_layers ?? 0);
  const on = config.use_sliding_window === true && first < (layers ?? Number.POSITIVE_INFINITY);
  if (!bySwitch || !on) yield [what, fateOf('sliding_window')];
  else if (first <= 0) yield [what, fateOf('use_sliding_window')];
  else yield [`${what} from layer ${first} on`, fateOf('max_window_layers')];
  const types = config.layer_types;
  if (!Array.isArray(types)) return;
  const slides = (layer: number) => (bySwitch ? on && layer >= first : layer % 2 === 0);
  if (types.some((type, layer) => (type === 'sliding_attention') !== slides(layer)))
    yield ['layer_types', fateOf('layer_types')];
}

/** Scaling of positions, in the spelling that old releases read, or (where only `rope_parameters` has it) in whichever they read best. */
function* scaling({ config, length }: Question, fates: ReadonlyMap<string, Fate>): Generator<[string, Fate]> {
  const { rope_scaling: old, rope_parameters: today, max_position_embeddings: positions } = config;
  // Scaled only beyond the declared positions, so that nothing is lost where it is ignored and they suffice.
  const suffice = length !== null && typeof positions === 'number' && positions >= length;
  const spared = (kind: string, fate: Fate) => kind === 'dynamic' && fate === 'ignored' && suffice;
  if (isObject(old)) {
    const kind = String(old.rope_type ?? old.type ?? 'default').slice(0, 40);
    const fate = fates.get(`rope_scaling.${kind}:${spellingOf(old)}`);
    if (fate !== undefined) {
      if (!spared(kind, fate)) yield [`rope_scaling of type ${kind}`, fate];
    } else if (kind !== 'default') yield [`rope_scaling of type ${kind}`, unknownKind(fates)];
  } else if (isObject(today) && typeof today.rope_type === 'string' && today.rope_type !== 'default') {
    const kind = today.rope_type.slice(0, 40);
    const found = SPELLINGS.map((spelling) => fates.get(`rope_scaling.${kind}:${spelling}`));
    if (!found.includes('read'))
      yield [`rope_type ${kind}`, found.find((fate) => fate !== undefined) ?? unknownKind(fates)];
  }
}

/** Older releases take exactly two keys: with a third, they do what they do with both names of the type. */
function spellingOf(scaling: JsonObject): string {
  const named = ['rope_type', 'type'].filter((key) => scaling[key] !== undefined);
  const simple = named[0] === 'type' && scaling.factor !== undefined && Object.keys(scaling).length > 2;
  return simple && !['longrope', 'su'].includes(String(scaling.type))
    ? 'rope_type+type'
    : named.join('+') || 'type';
}

/** A kind that nobody tried: where the class ignores every scaling it ignores that one too. */
const unknownKind = (fates: ReadonlyMap<string, Fate>): Fate =>
  fates.get('rope_scaling.linear:type') === 'ignored' ? 'ignored' : 'untold';

const show = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? 'nothing';

/** What a class that is not known here reads, as most do. */
const USUAL_ROPE = {
  theta: 'rope_theta',
  theta_default: 10000,
  partial: 'partial_rotary_factor',
  partial_default: 1,
};

/** Rope settings that the validators' transformers ignores: it would compute wrong logits without an error. */
function checkRope(config: JsonObject, { transformers }: Pretraining): Finding[] {
  const rope = config.rope_parameters;
  if (!isObject(rope)) return [];
  const names = architectureOf(classOf(config.model_type))?.rope ?? USUAL_ROPE;
  const theta = rope.rope_theta ?? names.theta_default;
  const partial = rope.partial_rotary_factor ?? names.partial_default;
  const scaled = rope.rope_type !== undefined && rope.rope_type !== 'default';
  const lost = [
    ...((config[names.theta] ?? names.theta_default) === theta ? [] : [names.theta]),
    ...((config[names.partial] ?? names.partial_default) === partial ? [] : [names.partial]),
    ...(scaled && (config.rope_scaling === undefined || config.rope_scaling === null)
      ? ['rope_scaling']
      : []),
  ];
  return [
    {
      rule: RULE,
      ok: lost.length === 0,
      // They load it without an error; what they then score is another function than the one that was trained.
      ...(lost.length === 0 ? {} : { verdict: 'cannot_score' as const }),
      actual: rope,
      limit: `transformers ${transformers}`,
      message:
        lost.length === 0
          ? `Rope settings read the same in transformers ${transformers}, which validators pin.`
          : `transformers ${transformers}, which validators pin, ignores rope_parameters and lacks ${lost.join(', ')}: wrong logits without an error. \`pt check --fix\` adds the old keys.`,
    },
  ];
}
