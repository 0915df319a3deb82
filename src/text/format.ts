import type { Unit } from '../progress.ts';

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB'];
const COUNTS = ['', 'k', 'M', 'G', 'T'];

function scale(value: number, names: string[]): string {
  let size = value;
  let index = 0;
  while (Math.abs(size) >= 999.5 && index < names.length - 1) {
    size /= 1000;
    index += 1;
  }
  const digits =
    index === 0 ? (Number.isInteger(size) ? 0 : size < 10 ? 2 : 1) : size < 10 ? 2 : size < 100 ? 1 : 0;
  return `${size.toFixed(digits)}${names[index] === '' ? '' : ` ${names[index]}`}`;
}

/** `1.23 GB`: decimal units, three digits. */
export const formatBytes = (bytes: number): string => scale(bytes, BYTES);

/** `6.91 G`, `120`: a count with a decimal prefix. */
export const formatCount = (count: number): string => scale(count, COUNTS);

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

/** An amount of one of progress's units: `3.2 MB`, `120 steps`. */
export function formatAmount(amount: number, unit: Unit): string {
  if (unit === 'bytes') return formatBytes(amount);
  return unit === 'tokens' ? `${formatCount(amount)} tokens` : `${formatCount(amount)} ${unit}`;
}

/** Seconds since the epoch as the machine's own date and time: `2026-11-26 10:15:00`. */
export function localTime(seconds: number): string {
  // Sweden writes dates the way ISO does.
  return new Date(seconds * 1000).toLocaleString('sv-SE');
}
