/** Which competitions hold at a block. */
import { type Constants, profileNamed } from '../constants.ts';
import { UserError } from '../errors.ts';
import type { Network } from '../protocol.ts';
import { namesCompetition } from './commitment.ts';
import type { AskedProfile, Competition, Period, Profile, ProfileName, Release, Schedule } from './types.ts';
import { namesOwnCompetition } from './write-commitment.ts';

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

/**
 * The name of the schedule that holds: the network's own, else the one that the profile's release carried, by the release's number. Validators
 * apply what their release says at every block; what the network held over all releases is the profile `history`.
 */
export function scheduleNameOf(
  constants: Constants,
  network: Pick<Network, 'schedule'> | null,
  profile: AskedProfile,
): string {
  if (profile === 'history') return HISTORY;
  const { pretraining } = profileNamed(constants, profile);
  return pretraining === null ? profile : (network?.schedule ?? pretraining.release);
}

/** A schedule by that name. Throws `UserError` `schedule.missing`. */
export function scheduleNamed(constants: Constants, name: string): Schedule {
  const release = () => constants.releases.find((each) => each.release === name);
  const own = Object.hasOwn(constants.profiles, name) ? constants.profiles[name]! : null;
  if (own?.pretraining === null) return profileSchedule(name, own);
  const found = constants.schedules[name] ?? (release() && releaseSchedule(release()!));
  if (found) return found;
  throw new UserError('schedule.missing', `There is no schedule ${name}.`, {
    nextSteps: ['Name one that is there in the constants folder, in networks.json.', 'pt config show'],
  });
}

/** The mechanics of an asked profile: `history` has those of the generation in force at `block` (null: the newest). */
export function mechanicsOf(constants: Constants, asked: AskedProfile, block: number | null): ProfileName {
  if (asked !== 'history') return asked;
  const history = constants.schedules[HISTORY]!;
  const { competitions } = block === null ? newestPeriod(history) : periodAt(history, block);
  return competitions.every(({ id }) => id === null) ? '3.2' : '6.0';
}

const HISTORY = 'schedule';

/** What a profile without a limit has in its competition's place. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER;

/** Whether a competition's limit (of bytes or parameters) is one. */
export const isBound = (limit: number): boolean => limit < UNBOUNDED;

/**
 * The schedule of a profile that has no competitions by block: one, open at every block, that asks for nothing; what its validators ask for
 * stands in the profile.
 */
function profileSchedule(name: string, profile: Profile): Schedule {
  const { files, source, duel } = profile;
  const competition: Competition = {
    id: null,
    name,
    reward_percentage: 1,
    min_model_parameters: 0,
    max_model_parameters: UNBOUNDED,
    max_bytes: files.max_bytes ?? UNBOUNDED,
    sequence_length: ('length' in duel ? duel.length : undefined) ?? null,
    allowed_architectures: null,
    tokenizer: name,
    from_pretrained_kwargs: {},
    eval_block_delay: 0,
    epsilon: { type: 'FixedEpsilon', epsilon: 0 },
    ...(namesOwnCompetition(profile) ? { named_in_text: true } : {}),
  };
  const period: Period = {
    from_block: 0,
    boundary: 'genesis',
    release: name,
    tag: null,
    commit: source?.commit ?? null,
    date: source?.date ?? '1970-01-01',
    changed: [],
    competitions: [competition],
  };
  return { name, periods: [period] };
}

/** A release's schedule in the shape of every other one. */
export function releaseSchedule({ release, tag, commit, date, schedule }: Release): Schedule {
  const periods = schedule.map(
    ({ from_block, competitions }, i): Period => ({
      from_block,
      boundary: i === 0 ? 'genesis' : 'declared',
      release,
      tag,
      commit,
      date,
      changed: i === 0 ? [] : changesOf(schedule[i - 1]!.competitions, competitions),
      competitions,
    }),
  );
  return { name: release, periods };
}

/** What differs between the competitions of two periods, in the words of `schedule.json`: `competition 4: epsilon`. */
export function changesOf(before: Competition[], after: Competition[]): string[] {
  const ids = [...new Set([...before, ...after].map(({ id }) => id))];
  return ids
    .sort((a, b) => (a ?? -1) - (b ?? -1))
    .flatMap((id) => {
      const [old, now] = [before, after].map((list) => list.find((c) => c.id === id));
      const name = `competition ${id ?? 'None'}`;
      if (!old || !now) return [`${name} ${now ? 'added' : 'removed'}`];
      const fields = new Set([...Object.keys(old), ...Object.keys(now)]) as Set<keyof Competition>;
      return [...fields]
        .filter((field) => JSON.stringify(old[field]) !== JSON.stringify(now[field]))
        .map((field) => `${name}: ${field}`);
    });
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
