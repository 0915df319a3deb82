import { UserError } from '../errors.ts';

/** When a model is worth a commitment: its forecast chance to win, a share of 1, above `pWin` (or equal to it). */
export interface PublishCondition {
  pWin: number;
  orEqual: boolean;
}

const FORM = /^p\(win\)(>=?)(\d+(?:\.\d+)?|\.\d+)(%?)$/;

/** Reads `p(win) > 0.9`, `p(win) >= 90%`. Throws `UserError` `usage.publish_when`. */
export function parseCondition(text: string): PublishCondition {
  const [, sign, digits, percent] = FORM.exec(text.toLowerCase().replaceAll(/\s/g, '')) ?? [];
  const pWin = Number(digits) / (percent === '%' ? 100 : 1);
  const condition = { pWin, orEqual: sign === '>=' };
  if (digits !== undefined && isMet(condition, 1)) return condition;
  throw new UserError(
    'usage.publish_when',
    `--publish-when ${JSON.stringify(text.slice(0, 80))}: ${digits === undefined ? 'is not understood' : 'no chance can be that high'}.`,
    { nextSteps: ['--publish-when "p(win) > 0.9"'] },
  );
}

export function isMet({ pWin, orEqual }: PublishCondition, chance: number): boolean {
  return chance > pWin || (orEqual && chance === pWin);
}

export function describeCondition({ pWin, orEqual }: PublishCondition): string {
  return `p(win) ${orEqual ? '>=' : '>'} ${pWin}`;
}
