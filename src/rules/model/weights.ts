/** What can be wrong with a model's weight files. */

import { isObject, type JsonObject } from '../../text/strict-json.ts';
import type { Finding, SafetensorsHeader } from '../types.ts';
import { INDEX, isPlainName, WEIGHTS } from './files.ts';
import { problem } from './problem.ts';

/** Whether there are weights that load: one safetensors file, or an index with all its shards. Never pickles. */
export function checkWeightFiles(names: ReadonlySet<string>, index: JsonObject | null): Finding[] {
  if (names.has(WEIGHTS)) return [];
  if (!names.has(INDEX)) {
    const pickles = [...names].filter((name) => /\.(bin|pt|pth|pkl|ckpt)$/.test(name));
    return [
      problem(
        'weights',
        pickles.length > 0
          ? `Only pickles (${pickles.slice(0, 3).join(', ')}): validators load safetensors alone. Save with safe_serialization=True.`
          : `There is neither ${WEIGHTS} nor ${INDEX}.`,
        pickles,
        WEIGHTS,
      ),
    ];
  }
  if (index === null) return [];
  const map = index.weight_map;
  if (!isObject(map) || Object.keys(map).length === 0)
    return [problem('weights', `${INDEX} has no weight_map.`)];
  const odd = Object.values(map).find((name) => typeof name !== 'string' || !isPlainName(name));
  if (odd !== undefined)
    return [
      problem(
        'weights',
        `${INDEX} names a shard that is no plain file name: ${JSON.stringify(odd)?.slice(0, 80)}`,
      ),
    ];
  const missing = [...new Set(Object.values(map) as string[])].filter((name) => !names.has(name));
  return missing.length === 0
    ? []
    : [
        problem(
          'weights',
          `${INDEX} names shards that are missing: ${missing.slice(0, 5).join(', ')}.`,
          missing,
        ),
      ];
}

/** The pinned transformers fail on a file that does not say for which framework it was saved. */
export function checkFormat(path: string, header: SafetensorsHeader, mendable: boolean): Finding[] {
  if (header.metadata.format === 'pt') return [];
  return [
    {
      rule: 'weights_format',
      ok: mendable ? null : false,
      actual: header.metadata.format ?? null,
      limit: 'pt',
      message: `${path} does not say {"format": "pt"} in its metadata, without which the transformers that validators pin cannot load it${mendable ? '; `pt upload` writes it' : ''}.`,
    },
  ];
}

/** Every tensor must lie in the shard that the index names, and in one only. */
export function checkIndex(
  index: JsonObject | null,
  headers: ReadonlyMap<string, SafetensorsHeader>,
): Finding[] {
  const map = index?.weight_map;
  if (!isObject(map)) return [];
  const problems: Finding[] = [];
  const where = new Map<string, string>();
  for (const [path, header] of headers)
    for (const tensor of header.tensors) {
      const other = where.get(tensor.name);
      if (other !== undefined)
        problems.push(
          problem('weights', `Tensor ${JSON.stringify(tensor.name)} is in ${other} and in ${path}.`),
        );
      where.set(tensor.name, path);
    }
  for (const [name, path] of Object.entries(map))
    if (typeof path === 'string' && headers.has(path) && where.get(name) !== path)
      problems.push(
        problem('weights', `${INDEX} says that ${JSON.stringify(name)} is in ${path}; it is not.`),
      );
  return problems.slice(0, 20);
}
