import { appendFileSync } from 'node:fs';
import fc from 'fast-check';

/**
 * Attacks: generated input that must not break anything. In a normal run of the tests they are short; `npm run test:hostile` makes them
 * `--count` times as long, with the seed of `--seed`, and prints what each came to.
 */
const TIMES = Number(process.env.ATTACK_TIMES || 1);

/** Of this run of the file; a failure names it, and `--seed` brings the same input again. */
export const SEED = Number(process.env.ATTACK_SEED || Math.trunc(Math.random() * 2 ** 31));

/** How many cases an attack is to have whose short form has `short`. */
export const cases = (short: number): number => Math.max(1, Math.ceil(short * TIMES));

/** The time that a test with attacks may take, of which the short form takes less than `ms`. */
export const patience = (ms: number): number => ms * Math.max(1, TIMES);

/** Numbers from 0 to 1, the same for the same seed. */
export function draws(): () => number {
  let state = SEED;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Holds `property` for `cases(short)` inputs; throws with the smallest that breaks it and the seed. */
export async function attack(
  what: string,
  property: fc.IRawProperty<unknown>,
  { short }: { short: number },
): Promise<void> {
  const found = await fc.check(property as fc.IAsyncProperty<unknown>, { numRuns: cases(short), seed: SEED });
  tell(what, found.numRuns - (found.failed ? 1 : 0), found.numRuns);
  if (!found.failed) return;
  const message = await fc.asyncDefaultReportMessage(found);
  throw new Error(`${what}: ${again}\n${message}`, { cause: found.errorInstance });
}

/** What brings a failure again. */
export const again = `npm run test:hostile -- --seed ${SEED} --count ${TIMES}`;

/** Notes what an attack came to, for the table of `npm run test:hostile`. */
export function tell(what: string, held: number, tried: number): void {
  const file = process.env.ATTACK_RESULTS;
  if (file) appendFileSync(file, `${JSON.stringify({ what, held, tried })}\n`);
}
