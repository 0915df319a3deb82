import { formatBytes, formatCount, formatLoss, formatNumber, formatShare } from '../../text/format.ts';
import type { ValueFormat } from '../types.ts';

/** A value in words; `tick`: as an axis says it, with no more digits than needed. */
export function say(value: number | null, format: ValueFormat, tick = false): string {
  if (value === null) return 'not finite';
  switch (format) {
    case 'loss':
      return tick ? formatNumber(value) : formatLoss(value);
    case 'count':
      return formatCount(tick ? value : Math.round(value));
    case 'bytes':
      return formatBytes(value);
    case 'share':
      return tick ? `${formatNumber(value * 100)}%` : formatShare(value);
    case 'number':
      return formatNumber(value);
  }
}
