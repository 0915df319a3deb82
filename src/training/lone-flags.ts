/** Flags that do nothing without another one: refused before anything is downloaded, instead of being missed after hours of training. */
import { UserError } from '../errors.ts';
import type { TrainingOptions } from './knobs.ts';

/** What is typed so that others count. */
const NEEDED = [
  { flag: 'against', value: 'king', others: ['duel-data', 'duel-sequences', 'stop-early'] },
  { flag: 'teacher', value: 'DIR', others: ['teacher-weight'] },
];

/**
 * Of a new run. `flags`: as they were given, by name.
 *
 * @throws UserError `usage.lone_flag`
 */
export function refuseLoneFlags(flags: Readonly<Record<string, unknown>>): void {
  for (const { flag, value, others } of NEEDED) {
    const lone = others.filter((name) => flags[name] !== undefined && flags[name] !== false);
    if (flags[flag] === undefined && lone.length > 0) throw loneFlags(lone, `--${flag} ${value}`);
  }
}

/**
 * Adapters without a rank, or beside weights that are new. A recipe in Python may have a rank that is not known here: the trainer judges it.
 *
 * @throws UserError `usage.lone_flag`
 */
export function refuseLoneAdapters(
  { loraRank, loraAlpha, loraTargets }: Pick<TrainingOptions, 'loraRank' | 'loraAlpha' | 'loraTargets'>,
  { recipe, file, given }: { recipe: Readonly<Record<string, unknown>>; file: string | null; given: boolean },
): void {
  if (file !== null) return;
  const own = (recipe.lora as { rank?: unknown } | null | undefined)?.rank;
  const rank = loraRank ?? (typeof own === 'number' ? own : 0);
  const lone = [
    ...(loraAlpha === null ? [] : ['lora-alpha']),
    ...(loraTargets === null ? [] : ['lora-targets']),
  ];
  if (rank === 0 && lone.length > 0) throw loneFlags(lone, '--lora-rank 16');
  if (loraRank !== null && loraRank > 0 && !given) throw loneFlags(['lora-rank'], '--load-best');
}

function loneFlags(lone: string[], wanted: string): UserError {
  const named = lone.map((name) => `--${name}`).join(', ');
  return new UserError(
    'usage.lone_flag',
    `${named} ${lone.length > 1 ? 'do' : 'does'} nothing without ${wanted.split(' ')[0]}.`,
    { nextSteps: [`pt train ${wanted}`, `pt train   # without ${named}`] },
  );
}
