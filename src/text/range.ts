/** Numbers that may have a fraction: above one, up to and with the other. */
export interface NumberRange {
  above: number;
  max: number;
}

export const isIn = ({ above, max }: NumberRange, value: number): boolean => value > above && value <= max;

/** `a number above 0, up to 5,270,400`; `a number` where neither end is one. */
export function rangeWords({ above, max }: NumberRange): string {
  const from = above === Number.NEGATIVE_INFINITY ? '' : ` above ${above.toLocaleString('en')}`;
  return `a number${from}${max === Number.MAX_VALUE ? '' : `, up to ${max.toLocaleString('en')}`}`;
}
