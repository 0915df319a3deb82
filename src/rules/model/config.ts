/**
 * Values in config.json with which no validator can load or score a model, however good its weights. Only what certainly fails in
 * the transformers that validators pin: an absent key, or one that the class does not read, refuses nothing.
 */
import { architectureOf, classOf, fateOf, pinnedClassOf } from '../../architectures.ts';
import { isObject, type JsonObject } from '../../text/strict-json.ts';
import type { Finding } from '../types.ts';
import { cannotScore, problem } from './problem.ts';

/** Every activation that transformers 4.38 to 5 knows by name. */
const ACTIVATIONS = new Set(
  `gelu gelu_10 gelu_accurate gelu_fast gelu_new gelu_python gelu_python_tanh gelu_pytorch_tanh hardswish laplace leaky_relu
  linear mish prelu quick_gelu relu relu2 relu6 sigmoid silu sqrtsoftplus swish tanh xielu`.split(/\s+/),
);

/** Every dtype that torch knows by name, up to 2.15. */
const DTYPES = new Set(
  `bcomplex32 bfloat16 bit bits16 bits1x8 bits2x4 bits4x2 bits8 bool cdouble cfloat chalf complex128 complex32 complex64 double
  float float16 float32 float4_e2m1fn_x2 float64 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu half
  int int1 int16 int2 int3 int32 int4 int5 int6 int64 int7 int8 long qint32 qint8 quint2x4 quint4x2 quint8 short uint1 uint16
  uint2 uint3 uint32 uint4 uint5 uint6 uint64 uint7 uint8`.split(/\s+/),
);

/** One finding for each value that no validator gets past, or with which no loss is a number; `transformers` is the version they pin. */
export function checkConfig(
  architecture: string | null,
  config: JsonObject,
  transformers: string,
): Finding[] {
  const found: Finding[] = [];
  const refuse = (key: string, value: unknown, why: string, change: string) =>
    found.push(problem('config', `config.json: ${key} is ${show(value)}: ${why}. ${change}`, value));
  const lose = (key: string, value: unknown, why: string, change: string) =>
    found.push(cannotScore('config', `config.json: ${key} is ${show(value)}: ${why}. ${change}`, value));

  const built = classOf(config.model_type);
  if (architecture !== null && built !== null && built !== architecture)
    found.push(
      problem(
        'architecture',
        `config.json: transformers builds ${built} for model_type ${show(config.model_type)}, not the ${architecture} that architectures names. Make the two agree.`,
        config.model_type,
      ),
    );
  if (isGiven(config.quantization_config))
    refuse(
      'quantization_config',
      config.quantization_config,
      'validators load plain floating-point weights',
      'Save the model without quantisation and remove the key.',
    );
  const dtype = config.torch_dtype;
  if (typeof dtype === 'string' && !DTYPES.has(dtype))
    refuse('torch_dtype', dtype, 'torch has no such type, and loading fails', 'Write "bfloat16".');

  const facts = architectureOf(architecture);
  if (facts === null) return found;

  for (const key of facts.divisors.flatMap((size) => facts.sizes[size]!.keys))
    if (config[key] === 0)
      refuse(key, 0, `${architecture} cannot be built`, 'Give the number that the weights have.');

  for (const key of facts.activations) {
    const fate = fateOf(transformers, architecture!, key);
    if (fate === 'ignored' || (fate === null && pinnedClassOf(transformers, architecture!))) continue;
    const name = config[key];
    if (isGiven(name) && !(typeof name === 'string' && ACTIVATIONS.has(name)))
      refuse(
        key,
        name,
        'transformers knows no such activation',
        'Give the one it was trained with, e.g. "silu" or "gelu_new".',
      );
  }

  const { pad_token_id: pad, vocab_size: vocabulary } = config;
  if (facts.pads && typeof pad === 'number' && typeof vocabulary === 'number')
    if (pad >= vocabulary || pad < -vocabulary)
      // Torch counts negative rows from the end.
      refuse(
        'pad_token_id',
        pad,
        `the vocabulary has only ${vocabulary} rows, and loading fails`,
        'Give an id below vocab_size, or null.',
      );

  const epsilon = facts.epsilon === null ? undefined : config[facts.epsilon];
  if (typeof epsilon === 'number' && !Number.isFinite(epsilon))
    lose(
      facts.epsilon!,
      epsilon,
      'every prediction is the same or no number',
      'Write the one it was trained with, e.g. 1e-5.',
    );
  // Infinity turns no position, which is odd but computes.
  if (facts.rope && Number.isNaN(config[facts.rope.theta]))
    lose(facts.rope.theta, Number.NaN, 'every prediction is no number', 'Write e.g. 10000.0.');
  if (facts.rope) checkRope(config, refuse);
  return found;
}

function checkRope(
  config: JsonObject,
  refuse: (key: string, value: unknown, why: string, change: string) => void,
): void {
  for (const key of ['rope_scaling', 'rope_parameters']) {
    const rope = config[key];
    if (!isObject(rope) || !isGiven(rope.factor)) continue;
    const { factor } = rope;
    if (typeof factor !== 'number' || !Number.isFinite(factor) || factor <= 0)
      refuse(
        `${key}.factor`,
        factor,
        'positions cannot be divided by it',
        'Write the positive number it was trained with.',
      );
  }
}

/** Null in a config means as much as nothing. */
const isGiven = (value: unknown) => value !== undefined && value !== null;

/** A stranger's value in a message: short, and NaN by its name. */
function show(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value)?.slice(0, 60) ?? 'nothing');
}
