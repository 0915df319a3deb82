/**
 * Values in config.json and generation_config.json with which the transformers that validators pin loads no model, or gives no loss or no
 * sample: what running it showed (`values` of constants/transformers.json), by the kind of the value.
 */
import { architectureOf, valuesOf } from '../../architectures.ts';
import type { JsonObject } from '../../text/strict-json.ts';
import type { Finding } from '../types.ts';
import { kindOf } from './kinds.ts';
import { cannotScore, problem } from './problem.ts';

const RULE = 'config_values';
const GENERATION = 'generation_config.';

/** One finding for each value that the release fails on. `generation` null: there is none, and config.json decides how samples are made. */
export function checkValues(
  architecture: string,
  config: JsonObject,
  generation: JsonObject | null,
  release: string,
): Finding[] {
  const fates = valuesOf(release, architecture);
  const rows = architectureOf(architecture)?.sizes.vocab?.keys.map((key) => config[key]);
  const vocabulary = rows?.find((each) => typeof each === 'number') as number | undefined;
  const of = (from: JsonObject, prefix: string): Finding[] =>
    Object.entries(from).flatMap(([key, value]) => {
      const kind = kindOf(key, value, vocabulary ?? null);
      const known = fates.get(`${prefix}${key}`);
      const fate = kind === null || value === known?.usual ? undefined : known?.kinds[kind];
      const file = prefix === '' ? 'config.json' : 'generation_config.json';
      const what = `${file}: ${key} is ${JSON.stringify(value)?.slice(0, 60)}: transformers ${release}, which validators pin,`;
      if (fate === 'refused') return [problem(RULE, `${what} cannot load a model with it.`, value, release)];
      if (fate === 'lost' || (fate === 'unsampled' && generation === null))
        return [
          cannotScore(
            RULE,
            `${what} fails on it when it ${fate === 'lost' ? 'runs the model' : 'generates the samples'}, which makes the loss infinite.`,
            value,
            release,
          ),
        ];
      return [];
    });
  return [...of(config, ''), ...(generation === null ? [] : of(generation, GENERATION))];
}
