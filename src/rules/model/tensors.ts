/** Whether weights and config are of one model. */
import type { Finding, Shapes, TensorInfo } from '../types.ts';
import { problem } from './problem.ts';

/**
 * Whether the weight files hold what the class builds: another shape does not load; a missing tensor starts from random numbers.
 * `built` is what it builds, why it cannot be built, or null where that is not known.
 */
export function checkTensors(
  tensors: Pick<TensorInfo, 'name' | 'shape'>[],
  architecture: string | null,
  built: Shapes | string | null,
): Finding[] {
  if (built === null) return [];
  if (typeof built === 'string')
    return [problem('config', `config.json: ${built}. ${architecture} cannot be built from it.`)];
  const found = new Map(tensors.map((t) => [t.name, t.shape]));
  const wrong: string[] = [];
  const missing: string[] = [];
  for (const [name, shape] of built) {
    // Files saved from the base model lack the first part of every name; loading adds it.
    const actual = found.get(name) ?? found.get(name.slice(name.indexOf('.') + 1));
    if (!actual) missing.push(name);
    else if (actual.length !== shape.length || actual.some((size, i) => size !== shape[i]))
      wrong.push(`${name} is [${actual}], not [${shape}]`);
  }
  const refuse = (message: string, actual: unknown): Finding => ({
    rule: 'tensors',
    ok: false,
    actual,
    limit: architecture,
    message,
  });
  return [
    ...(wrong.length > 0
      ? [
          refuse(
            `Shapes do not fit config.json: ${some(wrong)}. The model does not load.`,
            wrong.slice(0, 20),
          ),
        ]
      : []),
    ...(missing.length > 0
      ? [
          refuse(
            `Weights are missing: ${some(missing)}. Loading fills them with random numbers.`,
            missing.slice(0, 20),
          ),
        ]
      : []),
  ];
}

function some(list: string[]): string {
  return list.length <= 3 ? list.join(', ') : `${list.slice(0, 3).join(', ')} and ${list.length - 3} more`;
}
