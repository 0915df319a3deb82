/** What `AutoConfig` makes of `model_type`, whatever kind of value that is. */
import { architectureOf, classOf } from '../../architectures.ts';
import type { JsonObject } from '../../text/strict-json.ts';
import type { Finding } from '../types.ts';
import { cannotTell, problem } from './problem.ts';

/**
 * Every release looks the value up among the names of its classes (`AutoConfig.from_pretrained`): what is no name fails. Without the key
 * it looks for such a name in the repository's.
 */
export function checkModelType(architecture: string | null, config: JsonObject): Finding[] {
  const type = config.model_type;
  if (type === undefined)
    return [
      cannotTell(
        'model_type',
        'config.json names no model_type: transformers then guesses by the name of the repository. Add the one of its class.',
      ),
    ];
  const shown = JSON.stringify(type)?.slice(0, 60) ?? 'nothing';
  if (typeof type !== 'string')
    return [
      problem(
        'model_type',
        `config.json: model_type is ${shown}, no name of a class: it cannot be loaded.`,
        type,
      ),
    ];
  // Of a class that is not known here, neither are its names.
  if (architectureOf(architecture) === null || classOf(type) !== null) return [];
  return [
    problem(
      'model_type',
      `config.json: model_type is ${shown}, which is not the one of ${architecture}: it loads as another class or not at all.`,
      type,
    ),
  ];
}
