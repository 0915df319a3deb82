/** `duel/` of a run that was started with `--against`: the king's side, written once before the first step. */
import { join } from 'node:path';
import { z } from 'zod';
import type { EventOf } from '../bridge/index.ts';
import { readJson } from '../host/read-json.ts';
import { writeJson } from '../host/write-file.ts';
import { duel } from '../rules/index.ts';
import { formatChance, formatWhole } from '../text/format.ts';

const text = z.string().max(2000);
const numbers = z.array(z.number()).max(2 ** 24);

const trial = z.discriminatedUnion('by', [
  z.object({
    by: z.literal('mean'),
    threshold: z.number(),
    sds: z.number(),
    n: z.number(),
    times: z.number(),
  }),
  z.object({ by: z.literal('share'), n: z.number() }),
]);

const kingSchema = z.object({
  version: z.literal(1),
  /** ISO. */
  madeAt: text,
  /** As it was asked for, and what that was. */
  against: text,
  king: text,
  dir: text,
  profile: text,
  block: z.number(),
  kingBlock: z.number(),
  data: z.array(text),
  seed: z.number(),
  /** Sequences asked for of each text, found in all, their tokens, and how many more of the same text are left to confirm on. */
  asked: z.number(),
  sequences: z.number(),
  sequenceLength: z.number(),
  reserved: z.number(),
  /** Whether all of the text is used, because nothing is trained on it. */
  whole: z.boolean(),
  loss: z.number(),
  /** Standard deviation of the king's losses, a sequence. */
  sd: z.number(),
  bars: numbers,
  weights: numbers.nullable(),
  trial,
});

/** `duel/king.json` */
export type King = z.infer<typeof kingSchema>;

export const duelFolder = (runDir: string): string => join(runDir, 'duel');

/** Null: the run has no duel, or its king was not scored yet. */
export async function readKing(runDir: string): Promise<King | null> {
  return kingSchema.safeParse(await readJson(join(duelFolder(runDir), 'king.json'))).data ?? null;
}

/** `duel/looks.json`: how often a win was looked at on text of its own. Each time takes the text after the one before, because that has been chosen by. */
export async function countLook(runDir: string): Promise<number> {
  const path = join(duelFolder(runDir), 'looks.json');
  const { looks } = z.object({ looks: z.int().nonnegative() }).safeParse(await readJson(path)).data ?? {
    looks: 0,
  };
  await writeJson(path, { looks: looks + 1 });
  return looks + 1;
}

export const writeKing = (runDir: string, king: King): Promise<void> =>
  writeJson(join(duelFolder(runDir), 'king.json'), king);

const runDuel = z.object({
  step: z.number(),
  king: text,
  mean: z.number().nullable(),
  sequences: z.number(),
  p: z.number(),
  low: z.number(),
  high: z.number(),
  more: z.number().nullable(),
});
/** `duel/standing.json`: of the model in `best/`, and the newest. */
const standings = z.object({ best: runDuel.nullable(), newest: runDuel.nullable() });

/** What is said of a run at one of its evaluations. */
export type RunDuel = z.infer<typeof runDuel>;

export const keepStanding = (runDir: string, kept: z.infer<typeof standings>): Promise<void> =>
  writeJson(join(duelFolder(runDir), 'standing.json'), kept);

/** Of the best model, else the newest; null: no duel was fought, or it said nothing. */
export async function readStanding(runDir: string): Promise<RunDuel | null> {
  const kept = standings.safeParse(await readJson(join(duelFolder(runDir), 'standing.json'))).data;
  return kept?.best ?? kept?.newest ?? null;
}

/** What an event or a row of metrics.jsonl says of a duel. */
export type Numbers = Omit<EventOf<'duel'>, 'type' | 'time'>;

/** Null: they say nothing about a chance. */
export function standingAt(king: King, event: Numbers): RunDuel | null {
  const fought = foughtOf(event);
  const standing = fought && duel.standingOf(fought, king.trial);
  return (
    standing && {
      ...standing,
      step: event.step ?? 0,
      king: king.king,
      mean: fought.mean,
      sequences: fought.sequences,
    }
  );
}

/** p(win) alone, which is quicker. */
export function chanceAt(king: King, event: Numbers): number | null {
  const fought = foughtOf(event);
  const sample = fought && duel.sampleFought(fought, king.trial);
  return (sample && duel.predict(sample, king.trial)?.p) ?? null;
}

/** Null: an older version's, which lacks some. */
export function foughtOf(numbers: Numbers): duel.Fought | null {
  const { sequences, mean = null, sd = null, skew = null, excess = null, won, lost } = numbers;
  return sequences === undefined || won === undefined || lost === undefined
    ? null
    : { sequences, mean, sd, skew, excess, won, lost };
}

/** The gain at an evaluation, for `duel.flattened`. */
export function gainPoint(event: Numbers): duel.GainPoint | null {
  const fought = foughtOf(event);
  if (fought === null || event.tokens === undefined) return null;
  const { tokens, part = null, fall_ahead: fallAhead = true } = event;
  return { ...fought, tokens, part, fallAhead };
}

/** `34% (10% to 60%)` */
export const chanceInterval = ({ p, low, high }: duel.Prediction): string =>
  `${formatChance(p)} (${formatChance(low)} to ${formatChance(high)})`;

export const describeChance = (chance: duel.Prediction): string => `p(win) ${chanceInterval(chance)}`;

/** The same with what would settle it, as a sentence's end. */
export function describeStanding(standing: duel.Standing): string {
  const { more } = standing;
  const settled =
    more === null
      ? 'no number of sequences would settle it'
      : more === 0
        ? 'settled'
        : `${formatWhole(more)} more sequences would settle it`;
  return `${describeChance(standing)}; ${settled}`;
}
