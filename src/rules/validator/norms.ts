/** The optional check of weight norms in Llama-like layers. */
import { CheckError } from '../../errors.ts';
import type { NormConstraints } from '../types.ts';

export const PROJECTIONS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'up_proj', 'down_proj'] as const;

/** One layer's projection matrices, [row][column]. */
export type Layer = Partial<Record<(typeof PROJECTIONS)[number], number[][]>>;

/**
 * No norm above the hard limit; of each projection, the share of layers above the soft limit, averaged over the six, at most the
 * threshold. Throws `CheckError` `norms.architecture` for a model without these projections.
 */
export function normsValid(layers: Layer[], limits: NormConstraints): boolean {
  const norms = PROJECTIONS.map((name) =>
    layers.map((layer) => {
      const matrix = layer[name];
      if (!matrix)
        throw new CheckError('norms.architecture', `The norm check needs ${name} in every layer.`, {
          nextSteps: ['pt competitions   # which architectures this competition takes'],
        });
      return frobenius(matrix);
    }),
  );
  if (norms.flat().some((norm) => norm > limits.norm_eps_hard)) return false;
  const shares = norms.map((kind) => kind.filter((norm) => norm > limits.norm_eps_soft).length / kind.length);
  return shares.reduce((a, b) => a + b, 0) / shares.length <= limits.norm_eps_soft_percent_threshold;
}

/** Root of the sum of squares. A real matrix has more elements than a call may have arguments. */
export function frobenius(matrix: number[][]): number {
  return Math.sqrt(matrix.flat().reduce((sum, x) => sum + x * x, 0));
}
