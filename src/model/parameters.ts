/** How many parameters a model has, from its headers and config: what validators sum over `model.parameters()`. */
import { loadArchitectures } from '../architectures.ts';
import type { Shapes } from '../rules/types.ts';
import { isObject, type JsonObject } from '../text/strict-json.ts';
import { build, tiesEmbeddings } from './architectures.ts';
import type { TensorInfo } from './types.ts';

type Tensor = Pick<TensorInfo, 'name' | 'shape'>;

/** Elements of a shape. */
function elements(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether a class registers this tensor as a buffer: in the files of older versions, never among the parameters. */
function isBuffer({ name, shape }: Tensor): boolean {
  return loadArchitectures().buffers.some(
    ({ pattern, dimensions }) =>
      (dimensions === undefined || shape.length === dimensions) && new RegExp(pattern).test(name),
  );
}

/** Names of the input embedding and of the output matrix that may share its memory, in the known classes. */
function embeddingNames(): { inputs: string[]; outputs: string[] } {
  const layouts = Object.values(loadArchitectures().layouts);
  return {
    inputs: layouts.map((layout) => layout.first[0]!.name),
    outputs: layouts.flatMap(({ last }) =>
      last.filter((row) => row.when?.includes('!tied')).map(({ name }) => name),
    ),
  };
}

/** Unique parameters that the class builds from the config, or, for classes not known here, those of the file: tied weights once, buffers not. */
export function countParameters(
  tensors: Tensor[],
  architecture: string | null,
  config: JsonObject,
  built: Shapes | string | null = build(architecture, config),
): number {
  return built instanceof Map ? countShapes(built) : countTensors(tensors, architecture, config);
}

/** A tensor of an expert, or of all experts of a layer together; experts that every token goes through are called otherwise. */
const EXPERT = /\.experts\./;

/** Of `parameters`, those that one token goes through: of the experts as many as the config says. Without experts all; null: the config does not say. */
export function countActive(parameters: number, tensors: Tensor[], config: JsonObject): number | null {
  const inExperts = tensors
    .filter(({ name }) => EXPERT.test(name))
    .reduce((sum, { shape }) => sum + elements(shape), 0);
  if (inExperts === 0) return parameters;
  const sizes = { ...config, ...(isObject(config.text_config) ? config.text_config : {}) };
  const chosen = sizes.num_experts_per_tok;
  const all = sizes.num_experts ?? sizes.n_routed_experts ?? sizes.num_local_experts;
  if (typeof chosen !== 'number' || typeof all !== 'number' || !(chosen > 0 && chosen <= all)) return null;
  return parameters - inExperts + (inExperts / all) * chosen;
}

/** Sum over a class's own parameters. */
export function countShapes(shapes: Shapes): number {
  return [...shapes.values()].reduce((sum, shape) => sum + elements(shape), 0);
}

/** The count from the file alone; an untied output matrix that the file lacks is made on loading and counts. */
export function countTensors(tensors: Tensor[], architecture: string | null, config: JsonObject): number {
  const tied = tiesEmbeddings(architecture, config);
  const { inputs, outputs } = embeddingNames();
  const input = tensors.find((t) => inputs.includes(t.name));
  const output = tensors.find((t) => outputs.includes(t.name));
  let count = 0;
  for (const tensor of tensors) {
    if (isBuffer(tensor) || (tied && input && tensor === output)) continue;
    count += elements(tensor.shape);
  }
  if (!tied && input && !output) count += elements(input.shape);
  return count;
}
