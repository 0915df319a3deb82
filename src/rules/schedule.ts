/** Which competitions hold at a block. */
import { UserError } from '../errors.ts';
import type { Competition, Period, Profile, Release, Schedule } from './types.ts';

/** Blocks are whole and not negative; the reference asserts the same. Throws `UserError` `schedule.block`. */
function assertBlock(block: number): void {
  if (!Number.isSafeInteger(block) || block < 0)
    throw new UserError('schedule.block', `block must be a whole number from 0 on, not ${block}.`, {
      nextSteps: ['pt competitions --block 3000000'],
    });
}

/** The last entry that starts at or before `block`; null before the first. */
function entryAt<T extends { from_block: number }>(entries: T[], block: number): T | null {
  assertBlock(block);
  let found: T | null = null;
  for (const entry of entries)
    if (entry.from_block <= block && !(found && found.from_block > entry.from_block)) found = entry;
  return found;
}

/** Whether commitments of this profile name a competition. */
export function namesCompetition(profile: Profile): boolean {
  return profile.chain_fields.includes('competition_id');
}

/**
 * The period in force at `block`. Validators of a profile whose chain string names no competition never learnt of several:
 * they keep the last period that had a single unnamed one (when the schedule has any such period).
 */
export function periodAt(schedule: Schedule, block: number, profile?: Profile): Period {
  const unnamed = (p: Period) => p.competitions.every((c) => c.id === null);
  const followed =
    profile && !namesCompetition(profile) && schedule.periods.some(unnamed)
      ? schedule.periods.filter(unnamed)
      : schedule.periods;
  const period = entryAt(followed, block);
  if (!period)
    throw new UserError(
      'schedule.block',
      `The schedule ${schedule.name} says nothing about block ${block}.`,
      {
        nextSteps: ['pt competitions   # what holds now', 'pt competitions --block 3000000'],
      },
    );
  return period;
}

/** The period after the one in force at `block`, as announced; null when nothing later is known. */
export function nextPeriod(schedule: Schedule, block: number, profile?: Profile): Period | null {
  const now = periodAt(schedule, block, profile);
  const later = schedule.periods.filter((p) => p.from_block > now.from_block);
  return later.find((p) => periodAt(schedule, p.from_block, profile) === p) ?? null;
}

/** The newest period: what is asked for when no block is known. */
export function newestPeriod(schedule: Schedule, profile?: Profile): Period {
  return periodAt(schedule, schedule.periods.at(-1)!.from_block, profile);
}

/** Competitions in force at `block` for miners of this profile (all that were held, without one). Order as declared. */
export function competitionsAt(schedule: Schedule, block: number, profile?: Profile): Competition[] {
  return periodAt(schedule, block, profile).competitions;
}

/** The competitions that one release of the reference applied at `block`. Throws for a negative block, as it did. */
export function releaseCompetitionsAt(release: Release, block: number): Competition[] {
  return entryAt(release.schedule, block)?.competitions ?? [];
}

/** One competition by id among those in force; null when it does not exist then. Virtual ones cannot be committed to but are found. */
export function findCompetition(competitions: Competition[], id: number): Competition | null {
  return competitions.find((c) => c.id === id) ?? null;
}
