/**
 * Values in config.json with which no validator can load or score a model, however good its weights. Only what certainly fails in
 * the transformers that validators pin: an absent key, or one that the class does not read, refuses nothing.
 */
import type { Finding } from '../rules/types.ts';
import { classOf } from './architectures.ts';
import { isObject, type JsonObject } from './json.ts';
import { problem } from './problem.ts';

/** The keys that a class reads; those that every class reads are not listed. */
interface Keys {
  /** Sizes that are divided by. */
  sizes: string[];
  activation: (transformers: string) => string | null;
  epsilon: string | null;
  /** Whether the embedding is told the padding token, and fails when it has no such row. */
  pads: boolean;
  rope: boolean;
}

const always = (key: string) => () => key;

const LLAMA: Keys = {
  sizes: ['hidden_size', 'num_attention_heads', 'num_key_value_heads'],
  activation: always('hidden_act'),
  epsilon: 'rms_norm_eps',
  pads: true,
  rope: true,
};
const GPT2: Keys = {
  sizes: ['n_embd', 'hidden_size', 'n_head', 'num_attention_heads'],
  activation: always('activation_function'),
  epsilon: 'layer_norm_epsilon',
  pads: false,
  rope: false,
};

const KEYS: Record<string, Keys> = {
  LlamaForCausalLM: LLAMA,
  MistralForCausalLM: LLAMA,
  Qwen2ForCausalLM: LLAMA,
  Phi3ForCausalLM: LLAMA,
  // Its first version read the key that all others read.
  GemmaForCausalLM: {
    ...LLAMA,
    activation: (transformers) => (transformers.startsWith('4.38.') ? 'hidden_act' : 'hidden_activation'),
  },
  Gemma2ForCausalLM: { ...LLAMA, activation: always('hidden_activation') },
  StableLmForCausalLM: { ...LLAMA, epsilon: 'layer_norm_eps' },
  PhiForCausalLM: { ...LLAMA, epsilon: 'layer_norm_eps' },
  GPTNeoXForCausalLM: {
    ...LLAMA,
    sizes: ['hidden_size', 'num_attention_heads'],
    epsilon: 'layer_norm_eps',
    pads: false,
  },
  FalconForCausalLM: {
    sizes: ['hidden_size', 'num_attention_heads'],
    activation: (transformers) => (transformers.startsWith('4.38.') ? null : 'activation'),
    epsilon: 'layer_norm_epsilon',
    pads: false,
    rope: true,
  },
  GPTJForCausalLM: GPT2,
  GPT2LMHeadModel: GPT2,
  BartForCausalLM: {
    sizes: ['d_model', 'hidden_size', 'decoder_attention_heads'],
    activation: always('activation_function'),
    epsilon: null,
    pads: true,
    rope: false,
  },
};

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

/** One finding for each value that no validator gets past; `transformers` is the version they pin. */
export function checkConfig(
  architecture: string | null,
  config: JsonObject,
  transformers: string,
): Finding[] {
  const found: Finding[] = [];
  const refuse = (key: string, value: unknown, why: string, change: string) =>
    found.push(problem('config', `config.json: ${key} is ${show(value)}: ${why}. ${change}`, value));

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

  const keys = architecture !== null && Object.hasOwn(KEYS, architecture) ? KEYS[architecture]! : null;
  if (keys === null) return found;

  for (const key of keys.sizes)
    if (config[key] === 0)
      refuse(key, 0, `${architecture} cannot be built`, 'Give the number that the weights have.');

  const activation = keys.activation(transformers);
  const name = activation === null ? null : config[activation];
  if (activation !== null && isGiven(name) && !(typeof name === 'string' && ACTIVATIONS.has(name)))
    refuse(
      activation,
      name,
      'transformers knows no such activation',
      'Give the one it was trained with, e.g. "silu" or "gelu_new".',
    );

  const { pad_token_id: pad, vocab_size: vocabulary } = config;
  if (keys.pads && typeof pad === 'number' && typeof vocabulary === 'number')
    if (pad >= vocabulary || pad < -vocabulary)
      // Torch counts negative rows from the end.
      refuse(
        'pad_token_id',
        pad,
        `the vocabulary has only ${vocabulary} rows, and loading fails`,
        'Give an id below vocab_size, or null.',
      );

  const epsilon = keys.epsilon === null ? undefined : config[keys.epsilon];
  if (typeof epsilon === 'number' && !Number.isFinite(epsilon))
    refuse(
      keys.epsilon!,
      epsilon,
      'every prediction is the same or no number',
      'Write the one it was trained with, e.g. 1e-5.',
    );
  if (keys.rope) checkRope(config, refuse);
  return found;
}

function checkRope(
  config: JsonObject,
  refuse: (key: string, value: unknown, why: string, change: string) => void,
): void {
  // Infinity turns no position, which is odd but computes.
  if (Number.isNaN(config.rope_theta))
    refuse('rope_theta', config.rope_theta, 'every prediction is no number', 'Write e.g. 10000.0.');
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
