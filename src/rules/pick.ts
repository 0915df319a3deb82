/** Which of a hotkey's revealed texts a subnet's validators go by (`intake` of a profile). */
import { pythonStrip, pythonText } from '../text/python.ts';
import { type Fields, readText } from './grammar.ts';
import type { Profile } from './types.ts';

/** A text that the chain has opened, or a plain one, with its block. */
export interface Revealed {
  block: number;
  text: string;
}

export interface Picked extends Revealed {
  fields: Fields;
}

/**
 * The texts that count, oldest first as listed; only of `every` are there several. `wanted`: values that fields must have, compared as text
 * without the spaces around. Null: a validator's own reading of this hotkey ends with an error, which is as good as nothing.
 */
export function pickRevealed(
  { commit, intake, limits }: Profile,
  revealed: readonly Revealed[],
  wanted: Readonly<Record<string, string>> = {},
): Picked[] | null {
  const counted = revealed.filter(({ block }) => block >= (limits.min_block ?? 0));
  const looked =
    intake.unreadable === 'hides' ? [best(counted, intake)].flatMap((one) => one ?? []) : counted;
  const readable: Picked[] = [];
  for (const { block, text } of looked) {
    const read = readText(commit.format, text);
    if (read.kind === 'broken') return null;
    if (read.kind === 'read' && hasValues(read.fields, wanted))
      readable.push({ block, text, fields: read.fields });
  }
  if (intake.pick === 'every') return readable;
  return [best(readable, intake)].flatMap((one) => one ?? []);
}

function best<R extends Revealed>(revealed: R[], { pick, ties }: Profile['intake']): R | null {
  if (pick === 'last_listed') return revealed.at(-1) ?? null;
  let found: R | null = null;
  for (const each of revealed)
    if (found === null || each.block > found.block || (ties === 'last' && each.block === found.block))
      found = each;
  return found;
}

const hasValues = (fields: Fields, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([name, value]) => {
    const given = fields[name];
    const text = given === undefined || given === null ? null : pythonText(given);
    return text !== null && pythonStrip(text) === value;
  });

/**
 * The text of revealed bytes as validators read them: behind the length that its first byte announces, whatever that is, and without what is
 * no UTF-8. Null for no bytes at all.
 */
export function revealedText(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return null;
  const mode = bytes[0]! & 3;
  return withoutErrors(bytes.subarray(mode === 0 ? 1 : mode === 1 ? 2 : 4));
}

/** `bytes.decode('utf-8', errors='ignore')`. */
function withoutErrors(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceAt(bytes, at);
    if (length > 0) text += Buffer.from(bytes.subarray(at, at + length)).toString('utf8');
    at += Math.abs(length);
  }
  return text;
}

/** Bytes of the character at `at`; negative: so many that are none. */
function sequenceAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first < 0xe0
      ? 2
      : first >= 0xe0 && first < 0xf0
        ? 3
        : first >= 0xf0 && first < 0xf5
          ? 4
          : 0;
  if (length === 0) return -1;
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i];
    const low = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (next === undefined || next < low || next > high) return -i;
  }
  return length;
}
