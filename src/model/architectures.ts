/**
 * The parameters that each known class builds from its config, so that a count and a check of every tensor's shape need no Python.
 * What is peculiar to a class is data (constants/architectures.json); here is only how that data is read.
 */

import { architectureOf, classOf, loadArchitectures } from '../architectures.ts';
import type { Architecture } from '../architectures-schema.ts';
import { asRead } from '../rules/model/as-read.ts';
import type { Shapes } from '../rules/types.ts';
import type { JsonObject } from '../text/strict-json.ts';

export { classOf };

/** More layers than any model has: a hostile config must not make a list of billions. */
const MAX_LAYERS = 2000;

/** The config leaves open what the class builds. */
class Unknown extends Error {}

/** No version of the class can be built from the config; the message says why. */
class Impossible extends Error {}

/** Whether output and input embedding are one matrix. */
export function tiesEmbeddings(architecture: string | null, config: JsonObject): boolean {
  const given = config.tie_word_embeddings;
  return typeof given === 'boolean' ? given : (architectureOf(architecture)?.tied ?? false);
}

/** What a class builds from a config; null for a class not known here or a config it cannot be told from. */
export function expectedShapes(architecture: string | null, config: JsonObject): Shapes | null {
  const built = build(architecture, config);
  return built instanceof Map ? built : null;
}

/** Why no version of the class can be built from the config; null when one can, or when that cannot be told. */
export function whyImpossible(architecture: string | null, config: JsonObject): string | null {
  const built = build(architecture, config);
  return typeof built === 'string' ? built : null;
}

/** What a class builds from a config, or why nothing can be built; null for a class not known here or a config it cannot be told from. */
export function build(architecture: string | null, config: JsonObject): Shapes | string | null {
  const facts = architectureOf(architecture);
  if (facts === null) return null;
  try {
    return shapesOf(facts, asRead(architecture, config), tiesEmbeddings(architecture, config));
  } catch (error) {
    if (error instanceof Unknown) return null;
    if (error instanceof Impossible) return error.message;
    throw error;
  }
}

function shapesOf(facts: Architecture, config: JsonObject, tied: boolean): Shapes {
  const { value, size } = sizesOf(facts, config);
  const holds = (flag: string): boolean =>
    flag.startsWith('!') ? !holds(flag.slice(1)) : flag === 'tied' ? tied : flagOf(facts, config, flag);
  if (facts.untold_if?.some(holds)) throw new Unknown();
  const layout = loadArchitectures().layouts[facts.layout]!;
  const shapes: Shapes = new Map();
  const add = (rows: typeof layout.layer, layer?: number): void => {
    for (const { name, shape, when } of rows)
      if (when === undefined || when.every(holds))
        shapes.set(layer === undefined ? name : name.replace('*', String(layer)), shape.map(value));
  };
  add(layout.first);
  const layers = size('layers');
  if (layers > MAX_LAYERS)
    throw new Impossible(`${facts.sizes.layers!.keys[0]} is ${layers}; no model has that many`);
  for (let i = 0; i < layers; i++) add(layout.layer, i);
  add(layout.last);
  let parameters = 0;
  for (const shape of shapes.values()) parameters += shape.reduce((product, side) => product * side, 1);
  if (!Number.isSafeInteger(parameters))
    throw new Impossible(`its sizes make ${parameters.toExponential(0)} parameters; no model has that many`);
  return shapes;
}

/** The sizes of a config by name, and the value of an expression of them; each is read when it is first needed. */
function sizesOf(facts: Architecture, config: JsonObject) {
  const known = new Map<string, number>();
  const size = (name: string): number => {
    let found = known.get(name);
    if (found === undefined) {
      const { keys, default: fallback } = facts.sizes[name]!;
      found = given(config, keys) ?? (typeof fallback === 'string' ? value(fallback) : fallback);
      if (found === undefined) throw new Unknown();
      known.set(name, found);
    }
    return found;
  };
  const factor = (text: string): number => (/^\d/.test(text) ? Number(text) : size(text));
  const quotient = (text: string): number => {
    const [first, ...divisors] = text.split(' / ').map(factor) as [number, ...number[]];
    const result = divisors.reduce((whole, by) => whole / by, first);
    if (!Number.isSafeInteger(result)) throw new Impossible(`${text} is ${result}: the sizes do not divide`);
    return result;
  };
  const value = (text: string): number => {
    const sum = text
      .split(' + ')
      .map((product) => product.split(' * ').reduce((all, part) => all * quotient(part), 1))
      .reduce((all, part) => all + part, 0);
    if (!Number.isSafeInteger(sum)) throw new Impossible(`${text} is ${sum}, no size`);
    return sum;
  };
  return { size, value };
}

/** A whole number above 0, by the first key that is there; undefined when none is. */
function given(config: JsonObject, keys: string[]): number | undefined {
  for (const key of keys) {
    const value = config[key];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > 1e9)
      throw new Impossible(`${key} is ${JSON.stringify(value)?.slice(0, 40)}, no size`);
    if (value === 0) throw new Unknown();
    return value;
  }
  return undefined;
}

function flagOf(facts: Architecture, config: JsonObject, name: string): boolean {
  const flag = facts.flags[name]!;
  if (typeof flag === 'boolean') return flag;
  const value = config[flag.key];
  const wanted = flag.is ?? true;
  // As Python takes it: no is what is not true.
  if (value === null && typeof wanted === 'boolean') return !wanted;
  return typeof value === typeof wanted ? value === wanted : flag.default;
}
