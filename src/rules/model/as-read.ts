/** A config by the names that its class goes by. */
import { architectureOf, newestClassOf } from '../../architectures.ts';
import type { JsonObject } from '../../text/strict-json.ts';

/**
 * The config as the class reads it: what is given by a second name (GPT-2's `hidden_size` is its `n_embd`) stands under the own one too, which it
 * overrules, as running the releases showed; they agree on these (test/rules/as-read.test.ts).
 */
export function asRead(architecture: string | null, config: JsonObject): JsonObject {
  const aliases = architecture === null ? {} : (newestClassOf(architecture)?.aliases ?? {});
  const read = { ...config };
  for (const [name, { key, null: takesNull }] of Object.entries(aliases))
    if (config[name] !== undefined && (takesNull || config[name] !== null)) read[key] = config[name];
  return read;
}

/** Of a class that is not known here. */
const USUAL_POSITIONS = ['max_position_embeddings', 'n_positions', 'n_ctx', 'seq_length'];

/** Longest sequence that the config declares, by the name that its class reads; null when none is given. */
export function positionsOf({
  architecture,
  config,
}: {
  architecture: string | null;
  config: JsonObject;
}): number | null {
  const facts = architectureOf(architecture);
  const read = asRead(architecture, config);
  for (const key of facts === null ? USUAL_POSITIONS : (facts.sizes.positions?.keys ?? [])) {
    const value = read[key];
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  }
  return null;
}
