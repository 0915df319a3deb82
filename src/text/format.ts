import type { Unit } from '../progress.ts';

/** The one way that numbers are written for people, on terminals and pages alike. */

const BYTES = [' B', ' kB', ' MB', ' GB', ' TB'];
const COUNTS = ['', 'k', 'M', 'B', 'T'];

function scale(value: number, names: string[]): { size: number; index: number } {
  let size = value;
  let index = 0;
  while (Math.abs(size) >= 999.5 && index < names.length - 1) {
    size /= 1000;
    index += 1;
  }
  return { size, index };
}

/** `1.23 GB`: decimal units, three digits. */
export function formatBytes(bytes: number): string {
  const { size, index } = scale(bytes, BYTES);
  const digits = index === 0 ? 0 : size < 10 ? 2 : size < 100 ? 1 : 0;
  return `${size.toFixed(digits)}${BYTES[index]}`;
}

/** `6.9B`, `10.8k`, `120`, `0.25`: a count or a rate, short. */
export function formatCount(count: number): string {
  const { size, index } = scale(count, COUNTS);
  const digits = index === 0 ? (Number.isInteger(size) ? 0 : size < 10 ? 2 : 1) : size < 99.95 ? 1 : 0;
  const shown = size.toFixed(digits);
  return `${index === 0 ? shown : shown.replace(/\.0$/, '')}${COUNTS[index]}`;
}

/** `1,200`: a count to the last digit. */
export const formatWhole = (count: number): string => count.toLocaleString('en');

/** `18/1,200`; without an end `18`. */
export const formatOf = (done: number, total: number | null | undefined): string =>
  total == null ? formatWhole(done) : `${formatWhole(done)}/${formatWhole(total)}`;

/** `4.1234`: a loss in nats a token; none is a dash. */
export const formatLoss = (loss: number | null | undefined): string => loss?.toFixed(4) ?? '-';

/** `12%`; a chance that is not 0 or 1 never reads so. */
export function formatChance(chance: number): string {
  if (chance > 0 && chance < 0.01) return '<1%';
  if (chance < 1 && chance > 0.99) return '>99%';
  return `${Math.round(chance * 100)}%`;
}

/** `41.2%`: a share of a whole that is measured. */
export const formatShare = (share: number): string => `${(share * 100).toFixed(1)}%`;

/** `0.02`, `1.37`, `2.00e-4`, `1.12e18`: any number, with three digits. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6)
    ? value
        .toExponential(2)
        .replace('e+', 'e')
        .replace(/\.?0+e/, 'e')
    : Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 6 });
}

/** `0.8 s`, `12 s`, `3:05`, `2:03:05`; seconds in. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** An amount of one of progress's units, or how much of it is done: `3.20 MB`, `18/1,200 steps`, `6.9M/1.2B tokens`. */
export function formatAmount(done: number, unit: Unit, total?: number): string {
  const format = unit === 'bytes' ? formatBytes : unit === 'tokens' ? formatCount : formatWhole;
  const amount = total === undefined ? format(done) : `${format(done)}/${format(total)}`;
  if (unit === 'bytes') return amount;
  return `${amount} ${done === 1 && total === undefined ? unit.replace(/s$/, '') : unit}`;
}

/** Seconds since the epoch as the machine's own date and time: `2026-11-26 10:15:00`. */
export function localTime(seconds: number): string {
  // Sweden writes dates the way ISO does.
  return new Date(seconds * 1000).toLocaleString('sv-SE');
}

/** As a line begins. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
