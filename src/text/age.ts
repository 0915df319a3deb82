const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 7 * 86_400 };

/** Seconds of `30d`, `12h`, `4w`; null when it is none. */
export function parseAge(text: string): number | null {
  const match = /^(\d{1,6})([smhdw])$/.exec(text.trim());
  return match === null ? null : Number(match[1]) * SECONDS[match[2]!]!;
}
