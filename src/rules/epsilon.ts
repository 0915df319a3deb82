/** How much better a later model must be. */
import type { EpsilonRule } from './types.ts';

/**
 * The head start of a model committed at `modelBlock`, looked at from `currentBlock`: its loss counts as loss × (1 − epsilon).
 * `currentBlock` Infinity gives the fully decayed value.
 */
export function epsilonAt(rule: EpsilonRule, currentBlock: number, modelBlock: number): number {
  if (rule.type === 'FixedEpsilon') return rule.epsilon;
  const age = Math.max(currentBlock - modelBlock, 0);
  const decayed = Math.min(age / rule.decay_blocks, 1);
  return rule.start_epsilon - decayed * (rule.start_epsilon - rule.end_epsilon);
}

/** Block from which a model's epsilon decays no further; null when it never decays. */
export function decayedAtBlock(rule: EpsilonRule, modelBlock: number): number | null {
  return rule.type === 'FixedEpsilon' ? null : modelBlock + rule.decay_blocks;
}
