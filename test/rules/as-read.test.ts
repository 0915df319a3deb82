/** Keys that a config has twice, by two names: test/compat/aliases.py saw which one the releases take. */
import { expect, it } from 'vitest';
import { loadArchitectures, newestClassOf, pinnedClassOf } from '../../src/architectures.ts';
import { loadConstants } from '../../src/constants.ts';
import { countParameters } from '../../src/model/index.ts';
import { checkModel, positionsOf, verdictOf } from '../../src/rules/index.ts';
import { asRead } from '../../src/rules/model/as-read.ts';

const GPT2 = 'GPT2LMHeadModel';

it.each([
  [GPT2, { n_embd: 64, hidden_size: 96 }, { n_embd: 96 }],
  [GPT2, { hidden_size: 96, n_embd: 64 }, { n_embd: 96 }],
  [GPT2, { hidden_size: 96 }, { n_embd: 96 }],
  [GPT2, { hidden_size: null, n_embd: 64 }, { n_embd: null }],
  ['GPTJForCausalLM', { n_head: 2, num_attention_heads: 4 }, { n_head: 4 }],
  ['FalconForCausalLM', { hidden_size: 64, n_embed: 96 }, { hidden_size: 96 }],
  ['FalconForCausalLM', { hidden_size: 64, n_embed: null }, { hidden_size: 64 }],
  ['BartForCausalLM', { d_model: 64, hidden_size: 96 }, { d_model: 96 }],
  ['LlamaForCausalLM', { hidden_size: 64, n_embd: 96 }, { hidden_size: 64, n_embd: 96 }],
  ['NewForCausalLM', { n_embd: 64, hidden_size: 96 }, { n_embd: 64 }],
])('%s reads %o as %o', (architecture, config, read) => {
  expect(asRead(architecture, config)).toEqual({ ...config, ...read });
});

it('is the same in every release that has the class, of the names that decide a size', () => {
  const { profiles } = loadConstants();
  const pins = [profiles['3.2'], profiles['6.0']].map((profile) => profile!.pretraining!.transformers);
  for (const [architecture, { sizes }] of Object.entries(loadArchitectures().architectures)) {
    const keys = new Set(Object.values(sizes).flatMap((size) => size.keys));
    const deciding = (release: string) => {
      const known = release === 'newest' ? newestClassOf(architecture) : pinnedClassOf(release, architecture);
      return (
        known &&
        Object.fromEntries(Object.entries(known.aliases ?? {}).filter(([, { key }]) => keys.has(key)))
      );
    };
    for (const release of pins)
      expect([null, deciding('newest')], `${architecture} in ${release}`).toContainEqual(deciding(release));
  }
});

it('takes positions, shapes and verdicts from the name that counts', () => {
  const facts = (config: Record<string, unknown>) => ({ architecture: GPT2, config });
  expect(positionsOf(facts({ n_positions: 2048, max_position_embeddings: 32 }))).toBe(32);
  expect(positionsOf(facts({ n_positions: 32, max_position_embeddings: 2048 }))).toBe(2048);
  // What old files say besides, and nothing reads.
  expect(positionsOf(facts({ n_ctx: 32 }))).toBeNull();
  const sizes = { vocab_size: 100, n_embd: 16, n_layer: 1, n_head: 2, n_positions: 64 };
  expect(countParameters([], GPT2, { ...sizes, max_position_embeddings: 32 })).toBe(
    countParameters([], GPT2, sizes) - 32 * 16,
  );
  const { profiles } = loadConstants();
  const verdict = (config: object) =>
    verdictOf(
      checkModel(
        {
          ...{
            architecture: GPT2,
            parameters: 1,
            activeParameters: 1,
            bytes: 1,
            dtypes: ['F32'],
            generation: null,
          },
          ...{ config: { ...sizes, ...config }, files: [], hashedFiles: [], problems: [] },
        },
        {
          ...{ id: 0, name: 'any', min_model_parameters: 0, max_model_parameters: 10, max_bytes: 10 },
          ...{
            sequence_length: 64,
            allowed_architectures: null,
            tokenizer: 'any',
            from_pretrained_kwargs: {},
          },
        } as never,
        profiles['3.2']!,
        { vocab_size: 100, eos_token_id: 0 },
      ),
    );
  expect(verdict({})).toBe('ready');
  expect(verdict({ max_position_embeddings: 32 })).toBe('cannot_score');
  expect(verdict({ hidden_size: null })).toBe('refused');
});
