/** Whether a model meets a competition's constraints: every finding at once, from config and headers alone. */
import { architectureOf, classOf } from '../constants.ts';
import { competitionLabel } from './competition.ts';
import type { Competition, Finding, ModelFacts, Profile, TokenizerFacts } from './types.ts';

/** All verdicts on `facts` for one competition, most decisive first. Accepted means: none of them is `ok: false`. */
export function checkModel(
  facts: ModelFacts,
  competition: Competition,
  profile: Profile,
  tokenizer?: TokenizerFacts,
): Finding[] {
  return [
    ...facts.problems,
    checkArchitecture(facts.architecture, competition),
    checkParameters(facts.parameters, competition),
    checkBytes(facts.bytes, competition),
    checkSequenceLength(facts, competition),
    checkDtype(facts.dtypes, competition),
    checkVocabulary(facts, competition, tokenizer),
    ...checkRope(facts, profile),
    ...checkRemoteCode(facts),
    describeHash(facts),
  ];
}

/** Whether no finding refuses the model. */
export function isAccepted(findings: Finding[]): boolean {
  return findings.every((f) => f.ok !== false);
}

/** The exact class must be allowed; a subclass of it is another class. */
export function checkArchitecture(architecture: string | null, competition: Competition): Finding {
  const limit = competition.allowed_architectures;
  const ok = architecture !== null && (limit === null || limit.includes(architecture));
  return {
    rule: 'architecture',
    ok,
    actual: architecture,
    limit,
    message: ok
      ? `${architecture} is allowed.`
      : architecture === null
        ? 'config.json names no single architecture class; validators cannot load it.'
        : `${architecture} is not allowed in ${competitionLabel(competition)}; train one of ${limit?.join(', ')}.`,
  };
}

export function checkParameters(parameters: number | null, competition: Competition): Finding {
  const { min_model_parameters: min, max_model_parameters: max } = competition;
  const shared = { rule: 'parameters', actual: parameters, limit: { min, max } };
  if (parameters === null)
    return { ...shared, ok: null, message: 'The parameters cannot be counted: the weights are unreadable.' };
  const ok = min <= parameters && parameters <= max;
  const count = parameters.toLocaleString('en');
  return {
    ...shared,
    ok,
    message: ok
      ? `${count} parameters are within ${min.toLocaleString('en')} to ${max.toLocaleString('en')}.`
      : parameters > max
        ? `${count} parameters are ${(parameters - max).toLocaleString('en')} too many; at most ${max.toLocaleString('en')}.`
        : `${count} parameters are ${(min - parameters).toLocaleString('en')} too few; at least ${min.toLocaleString('en')}.`,
  };
}

/** All files of the revision count, README and stray files included; equal passes. */
export function checkBytes(bytes: number, competition: Competition): Finding {
  const limit = competition.max_bytes;
  const ok = bytes <= limit;
  return {
    rule: 'bytes',
    ok,
    actual: bytes,
    limit,
    message: ok
      ? `${bytes.toLocaleString('en')} bytes in all files, ${limit.toLocaleString('en')} allowed.`
      : `${bytes.toLocaleString('en')} bytes in all files are ${(bytes - limit).toLocaleString('en')} too many; remove what is not needed or save in bf16.`,
  };
}

/** Longest sequence the config declares, by whichever name its class uses; null when none is given. */
export function positionsOf(config: Record<string, unknown>): number | null {
  for (const key of ['max_position_embeddings', 'n_positions', 'n_ctx', 'seq_length']) {
    const value = config[key];
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  }
  return null;
}

function checkSequenceLength(facts: ModelFacts, competition: Competition): Finding {
  const limit = competition.sequence_length;
  const actual = positionsOf(facts.config);
  const shared = { rule: 'sequence_length', actual, limit };
  if (limit === null) return { ...shared, ok: true, message: 'The competition has no sequence length.' };
  if (actual === null)
    return { ...shared, ok: null, message: `config.json names no length; validators feed ${limit} tokens.` };
  if (actual >= limit)
    return { ...shared, ok: true, message: `${actual} positions; validators feed ${limit} tokens.` };
  // A table of fixed length: longer sequences fail instead of degrading.
  const fixed = architectureOf(facts.architecture)?.fixed_positions ?? false;
  return {
    ...shared,
    ok: fixed ? false : null,
    message: fixed
      ? `Only ${actual} positions: validators feed ${limit} tokens, and evaluation fails. Train with at least ${limit}.`
      : `Declared for ${actual} positions, but validators feed ${limit} tokens: it loads, its loss beyond ${actual} is up to luck.`,
  };
}

const FLOAT_DTYPES = new Set(['F64', 'F32', 'F16', 'BF16']);

function checkDtype(dtypes: string[], competition: Competition): Finding {
  const wanted = competition.from_pretrained_kwargs.torch_dtype ?? null;
  const shared = { rule: 'dtype', actual: dtypes, limit: wanted };
  const other = dtypes.filter((d) => !FLOAT_DTYPES.has(d));
  if (other.length > 0)
    return {
      ...shared,
      ok: null,
      message: `Weights in ${other.join(', ')}: validators load plain floating-point models; check with --deep.`,
    };
  if (wanted !== 'bfloat16' || dtypes.every((d) => d === 'BF16'))
    return {
      ...shared,
      ok: true,
      message: `Weights in ${dtypes.join(', ') || 'no dtype'}; loaded as ${wanted ?? 'saved'}.`,
    };
  return {
    ...shared,
    ok: true,
    message: `Weights in ${dtypes.join(', ')}; validators load them as bfloat16 (\`pt upload\` casts unless --dtype fp32).`,
  };
}

function checkVocabulary(facts: ModelFacts, competition: Competition, tokenizer?: TokenizerFacts): Finding {
  const actual = typeof facts.config.vocab_size === 'number' ? facts.config.vocab_size : null;
  const limit = tokenizer?.vocab_size ?? null;
  const name = competition.tokenizer;
  const shared = { rule: 'tokenizer', actual, limit };
  if (actual === null || limit === null)
    return {
      ...shared,
      ok: null,
      message: `Validators tokenise with ${name}; its fit cannot be told from here.`,
    };
  if (actual >= limit)
    return { ...shared, ok: true, message: `vocab_size ${actual} holds every id of ${name} (${limit}).` };
  return {
    ...shared,
    // Validators accept the model all the same: what follows is an infinite loss.
    ok: null,
    message: `vocab_size ${actual} is smaller than ${name} (${limit} ids): validators' evaluation fails on the first id outside.`,
  };
}

/** What a class that is not known here reads, as most do. */
const USUAL_ROPE = {
  theta: 'rope_theta',
  theta_default: 10000,
  partial: 'partial_rotary_factor',
  partial_default: 1,
};

/** Rope settings that the validators' transformers ignores: it would compute wrong logits without an error. */
function checkRope(facts: ModelFacts, profile: Profile): Finding[] {
  const { config } = facts;
  const rope = config.rope_parameters;
  if (typeof rope !== 'object' || rope === null || Array.isArray(rope)) return [];
  const names = architectureOf(classOf(config.model_type))?.rope ?? USUAL_ROPE;
  const given = rope as Record<string, unknown>;
  const theta = given.rope_theta ?? names.theta_default;
  const partial = given.partial_rotary_factor ?? names.partial_default;
  const scaled = given.rope_type !== undefined && given.rope_type !== 'default';
  const lost = [
    ...((config[names.theta] ?? names.theta_default) === theta ? [] : [names.theta]),
    ...((config[names.partial] ?? names.partial_default) === partial ? [] : [names.partial]),
    ...(scaled && (config.rope_scaling === undefined || config.rope_scaling === null)
      ? ['rope_scaling']
      : []),
  ];
  return [
    {
      rule: 'config_keys',
      ok: lost.length === 0,
      actual: rope,
      limit: `transformers ${profile.transformers}`,
      message:
        lost.length === 0
          ? `Rope settings read the same in transformers ${profile.transformers}, which validators pin.`
          : `transformers ${profile.transformers}, which validators pin, ignores rope_parameters and lacks ${lost.join(', ')}: wrong logits without an error. \`pt check --fix\` adds the old keys.`,
    },
  ];
}

function checkRemoteCode(facts: ModelFacts): Finding[] {
  if (facts.config.auto_map === undefined) return [];
  return [
    {
      rule: 'remote_code',
      ok: null,
      actual: facts.config.auto_map,
      limit: null,
      message:
        'config.json points at code of its own (auto_map): validators never run it, and neither does pt.',
    },
  ];
}

function describeHash(facts: ModelFacts): Finding {
  const hashed = new Set(facts.hashedFiles);
  const ignored = facts.files.map((f) => f.path).filter((path) => !hashed.has(path));
  return {
    rule: 'hash_coverage',
    ok: null,
    actual: facts.hashedFiles,
    limit: null,
    message: `The content hash covers ${facts.hashedFiles.join(', ') || 'nothing'}${
      ignored.length === 0
        ? ''
        : `; it ignores ${ignored.slice(0, 5).join(', ')}${ignored.length > 5 ? ` and ${ignored.length - 5} more` : ''}`
    }.`,
  };
}
