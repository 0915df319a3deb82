/** Whether a model meets a competition's constraints: every finding at once, from config and headers alone. */

import { architectureOf } from '../architectures.ts';
import { formatWhole } from '../text/format.ts';
import { competitionLabel } from './competition.ts';
import { asRead, positionsOf } from './model/as-read.ts';
import { checkPinned } from './model/pinned.ts';
import { cannotScore, cannotTell } from './model/problem.ts';
import { checkProfile } from './profile-check.ts';
import type { Competition, Finding, ModelFacts, Profile, TokenizerFacts } from './types.ts';

/** All findings on `facts` for one competition; `verdictOf` decides. */
export function checkModel(
  facts: ModelFacts,
  competition: Competition,
  profile: Profile,
  tokenizer?: TokenizerFacts,
): Finding[] {
  const { pretraining } = profile;
  if (pretraining === null) return checkProfile(facts, profile);
  return [
    ...facts.problems,
    checkArchitecture(facts.architecture, competition),
    ...checkKnown(facts.architecture, competition),
    checkParameters(facts.parameters, competition),
    checkBytes(facts.bytes, competition),
    checkSequenceLength(facts, competition),
    checkDtype(facts.dtypes, competition),
    checkVocabulary(facts, competition, tokenizer),
    // A class that is not allowed is refused whatever its config says.
    ...(checkArchitecture(facts.architecture, competition).ok
      ? checkPinned(
          facts.architecture,
          asRead(facts.architecture, facts.config),
          competition,
          pretraining,
          facts.generation,
        )
      : []),
    ...checkRemoteCode(facts),
    describeHash(facts),
  ];
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

/** A class that is allowed and that `pt` has no data on: whether it loads and scores is not for headers to say. */
function checkKnown(architecture: string | null, competition: Competition): Finding[] {
  const allowed = checkArchitecture(architecture, competition).ok;
  if (!allowed || architectureOf(architecture) !== null) return [];
  const message = `pt knows nothing of ${architecture}: whether validators can load and score it cannot be told.`;
  return [cannotTell('architecture_known', message, architecture)];
}

export function checkParameters(parameters: number | null, competition: Competition): Finding {
  const { min_model_parameters: min, max_model_parameters: max } = competition;
  const shared = { rule: 'parameters', actual: parameters, limit: { min, max } };
  if (parameters === null)
    return { ...shared, ok: null, message: 'The parameters cannot be counted: the weights are unreadable.' };
  const ok = min <= parameters && parameters <= max;
  const count = formatWhole(parameters);
  return {
    ...shared,
    ok,
    message: ok
      ? `${count} parameters are within ${formatWhole(min)} to ${formatWhole(max)}.`
      : parameters > max
        ? `${count} parameters are ${formatWhole(parameters - max)} too many; at most ${formatWhole(max)}.`
        : `${count} parameters are ${formatWhole(min - parameters)} too few; at least ${formatWhole(min)}.`,
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
      ? `${formatWhole(bytes)} bytes in all files, ${formatWhole(limit)} allowed.`
      : `${formatWhole(bytes)} bytes in all files are ${formatWhole(bytes - limit)} too many; remove what is not needed or save in bf16.`,
  };
}

function checkSequenceLength(facts: ModelFacts, competition: Competition): Finding {
  const limit = competition.sequence_length;
  const actual = positionsOf(facts);
  const shared = { rule: 'sequence_length', actual, limit };
  if (limit === null) return { ...shared, ok: true, message: 'The competition has no sequence length.' };
  if (actual === null)
    return { ...shared, ok: null, message: `config.json names no length; validators feed ${limit} tokens.` };
  if (actual >= limit)
    return { ...shared, ok: true, message: `${actual} positions; validators feed ${limit} tokens.` };
  // A table of fixed length: longer sequences fail instead of degrading, and validators count a failure as an infinite loss.
  if (architectureOf(facts.architecture)?.fixed_positions)
    return cannotScore(
      'sequence_length',
      `Only ${actual} positions: validators feed ${limit} tokens, and evaluation fails. Train with at least ${limit}.`,
      actual,
      limit,
    );
  return {
    ...shared,
    ok: null,
    message: `Declared for ${actual} positions, but validators feed ${limit} tokens: it loads, its loss beyond ${actual} is up to luck.`,
  };
}

const FLOAT_DTYPES = new Set(['F64', 'F32', 'F16', 'BF16']);

function checkDtype(dtypes: string[], competition: Competition): Finding {
  const wanted = competition.from_pretrained_kwargs.torch_dtype ?? null;
  const shared = { rule: 'dtype', actual: dtypes, limit: wanted };
  const other = dtypes.filter((d) => !FLOAT_DTYPES.has(d));
  if (other.length > 0)
    return cannotTell(
      'dtype',
      `Weights in ${other.join(', ')}: validators load plain floating-point models, and what these become there cannot be told; save them in BF16.`,
      dtypes,
      wanted,
    );
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

/**
 * Whether every token of the validators' text has a row in the embedding. The end-of-text token stands after each document, so without
 * it no batch can be scored; the ids above it are special tokens that a text may hold or not.
 */
function checkVocabulary(facts: ModelFacts, competition: Competition, tokenizer?: TokenizerFacts): Finding {
  const actual = typeof facts.config.vocab_size === 'number' ? facts.config.vocab_size : null;
  const name = competition.tokenizer;
  if (tokenizer === undefined)
    return cannotTell(
      'tokenizer',
      `Validators tokenise with ${name}, which is not in tokenizers.json of the constants: its fit cannot be told.`,
      actual,
    );
  const { vocab_size: limit, eos_token_id: end } = tokenizer;
  const shared = { rule: 'tokenizer', actual, limit };
  if (actual === null)
    return {
      ...shared,
      ok: null,
      message: `Validators tokenise with ${name} (${limit} ids); config.json names no vocab_size.`,
    };
  if (actual >= limit)
    return { ...shared, ok: true, message: `vocab_size ${actual} holds every id of ${name} (${limit}).` };
  const small = `vocab_size ${actual} is smaller than ${name} (${limit} ids)`;
  return actual <= end
    ? cannotScore(
        'tokenizer',
        `${small}: validators' evaluation fails on the first id outside, and the loss is infinite.`,
        actual,
        limit,
      )
    : cannotTell(
        'tokenizer',
        `${small}: it is scored until a text holds one of the special tokens outside, and then its loss is infinite.`,
        actual,
        limit,
      );
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
