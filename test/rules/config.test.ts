import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findPython } from '../../src/bridge/index.ts';
import { inspectFolder } from '../../src/model/index.ts';
import { verdictOf } from '../../src/rules/index.ts';
import { checkConfig } from '../../src/rules/model/config.ts';
import { late, llamaConfig, old, tempDir, writeModel } from '../model/support.ts';

const check = (changes: Record<string, unknown>, architecture = 'LlamaForCausalLM', version = '4.44.1') =>
  checkConfig(architecture, { ...llamaConfig(), ...changes }, version);

/** What fails, and whether the newest transformers fails on it at loading too. */
const REFUSED: [string, unknown, boolean][] = [
  ['num_attention_heads', 0, true],
  ['num_key_value_heads', 0, true],
  ['hidden_size', 0, true],
  ['hidden_act', 'no_such', true],
  ['hidden_act', 7, true],
  ['torch_dtype', 'float99', false],
  ['torch_dtype', 'torch.float32', false],
  ['pad_token_id', 4096, true],
  ['pad_token_id', -4097, true],
  ['quantization_config', { quant_method: 'gptq', bits: 4 }, true],
  ['quantization_config', {}, true],
  ['rms_norm_eps', Number.NaN, false],
  ['rms_norm_eps', Number.POSITIVE_INFINITY, false],
  ['rope_theta', Number.NaN, false],
];

it.each(REFUSED)('speaks against %s = %j by name and value', (key, value) => {
  const [finding, ...rest] = check({ [key]: value });
  expect(rest).toEqual([]);
  expect(finding).toMatchObject({ rule: 'config', ok: false });
  expect(finding!.message).toContain(
    `${key} is ${typeof value === 'number' ? value : JSON.stringify(value)}`,
  );
});

it('refuses a class that is not the one that model_type builds', () => {
  const [finding, ...rest] = check({ model_type: 'gpt2' });
  expect(rest).toEqual([]);
  expect(finding).toMatchObject({ rule: 'architecture', ok: false });
  expect(finding!.message).toMatch(/builds GPT2LMHeadModel for model_type "gpt2", not the LlamaForCausalLM/);
});

it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '2'])('refuses a rope factor of %j', (factor) => {
  for (const key of ['rope_scaling', 'rope_parameters'])
    expect(check({ [key]: { type: 'linear', factor } })).toMatchObject([{ rule: 'config', ok: false }]);
  // A class without rotation does not read it.
  expect(check({ model_type: 'gpt2', rope_scaling: { factor } }, 'GPT2LMHeadModel')).toEqual([]);
});

it('leaves alone what loads: absent and null keys, odd values, keys that the class does not read', () => {
  for (const fine of [
    {},
    { hidden_act: 'swish', torch_dtype: 'half', pad_token_id: -1, quantization_config: null },
    { pad_token_id: 4095, rope_theta: Number.POSITIVE_INFINITY, rope_scaling: { type: 'linear', factor: 2 } },
    { activation_function: 'no_such', hidden_activation: 'no_such', layer_norm_eps: Number.NaN },
    { initializer_range: Number.NaN, rope_scaling: null, n_head: 0 },
  ])
    expect(check(fine)).toEqual([]);
  for (const [architecture, model_type] of [
    ['GPT2LMHeadModel', 'gpt2'],
    ['GPTNeoXForCausalLM', 'gpt_neox'],
  ])
    expect(check({ model_type, pad_token_id: 1e6 }, architecture)).toEqual([]);
  expect(checkConfig('UnknownForCausalLM', { hidden_size: 0 }, '4.44.1')).toEqual([]);
  const gemma = { model_type: 'gemma', hidden_act: 'no_such' };
  expect(check(gemma, 'GemmaForCausalLM', '4.44.1')).toEqual([]);
  expect(check(gemma, 'GemmaForCausalLM', '4.38.0')).toHaveLength(1);
});

it('answers any config at all with findings, never with an exception', () => {
  const keys = [...new Set(REFUSED.map(([key]) => key)), 'rope_scaling', 'vocab_size'];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.jsonValue(), fc.double())), (changes) => {
      for (const finding of check(changes)) expect(finding.message.length).toBeLessThan(400);
    }),
  );
});

it('reaches the verdict on a folder, NaN as Python writes it included', async () => {
  const dir = writeModel(tempDir());
  const path = join(dir, 'config.json');
  for (const profile of [old, late]) {
    writeFileSync(path, JSON.stringify(llamaConfig()));
    expect((await inspectFolder(dir, profile!)).problems).toEqual([]);
    writeFileSync(path, JSON.stringify(llamaConfig({ rms_norm_eps: '@' })).replace('"@"', 'NaN'));
    const { problems } = await inspectFolder(dir, profile!);
    // They load it; every loss is then no number.
    expect(verdictOf(problems)).toBe('cannot_score');
    expect(problems[0]!.message).toContain('rms_norm_eps is NaN');
  }
});

/** Loads each folder as validators do; prints which of them fail. */
const SCRIPT = `
import json, sys, warnings
warnings.filterwarnings("ignore")
from transformers import AutoModelForCausalLM, logging
logging.set_verbosity(logging.CRITICAL)
out = []
for folder in json.load(sys.stdin):
    try:
        AutoModelForCausalLM.from_pretrained(folder)
        out.append(False)
    except Exception:
        out.append(True)
print(json.dumps(out))
`;

it('refuses what transformers really cannot load', { timeout: 120_000 }, async () => {
  const root = tempDir();
  const folders = [[] as unknown as (typeof REFUSED)[0], ...REFUSED.filter(([, , fails]) => fails)].map(
    ([key, value], i) => {
      const dir = join(root, String(i));
      mkdirSync(dir);
      writeModel(dir);
      writeFileSync(join(dir, 'config.json'), JSON.stringify(llamaConfig(key ? { [key]: value } : {})));
      return dir;
    },
  );
  const { python } = await findPython();
  const failed = execFileSync(python, ['-c', SCRIPT], { input: JSON.stringify(folders), encoding: 'utf8' });
  expect(JSON.parse(failed)).toEqual(folders.map((_, i) => i > 0));
});
