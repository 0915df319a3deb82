/**
 * The rules as data: networks, profiles, schedules and recipes from `constants/*.json`, validated on first use and kept.
 * Another folder with files of the same form makes the tool follow another subnet; no code changes.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { readConstants } from './constants-file.ts';
import {
  networkSchema,
  recipeSchema,
  releaseSchema,
  scheduleSchema,
  tokenizerSchema,
} from './constants-schema.ts';
import { UserError } from './errors.ts';
import { profileSchema } from './profile-schema.ts';
import type { Network, Profile, ProfileName, Recipe, Release, Schedule, TokenizerFacts } from './protocol.ts';
import { shippedDir } from './shipped.ts';
import { didYouMean } from './text/suggest.ts';

/**
 * The network that a chain is, by its genesis alone: a node of it on this machine is that network too. Null: a chain of its own. A
 * constants folder of one's own need not know mainnet; the shipped one always does.
 */
export function networkOf(networks: Record<string, Network>, genesisHash: string): Network | null {
  const genesis = genesisHash.toLowerCase();
  const known = [...Object.values(networks), ...Object.values(loadConstants().networks)];
  return known.find((network) => network.genesis === genesis) ?? null;
}

/** The profiles that there are. A constants folder has at least the two of the pretraining subnet. */
export type Profiles = Record<'3.2' | '6.0', Profile> & Record<ProfileName, Profile>;

export interface Constants {
  /** Folder the files were read from. */
  dir: string;
  networks: Record<string, Network>;
  /** By file name without `.json`; each file is read when it is asked for, so that a wrong one stops nobody else. */
  profiles: Profiles;
  /** Files of other folders that stand in the place of a profile of `dir`, by its name. */
  replaced: Record<ProfileName, string>;
  /** By file name without `.json`: `schedule` (mainnet's history), `schedule.sandbox`. */
  schedules: Record<string, Schedule>;
  recipes: Record<string, Recipe>;
  /** By the name that competitions use. */
  tokenizers: Record<string, TokenizerFacts>;
  /** Every release of the reference with the schedule it carried. */
  releases: Release[];
}

const cache = new Map<string, Constants>();

/**
 * Constants of a folder (default: the one shipped with the tool), and of folders with more profiles. Files are read when first asked for.
 * Throws `UserError` `constants.missing` or `constants.invalid`, naming file and path of the wrong value.
 */
export function loadConstants(dir: string = shippedDir(), profileDirs: readonly string[] = []): Constants {
  const folder = resolve(dir);
  const id = JSON.stringify([folder, profileDirs]);
  const known = cache.get(id);
  if (known) return known;
  const constants: Constants = {
    dir: folder,
    get networks() {
      return once(this, 'networks', () =>
        readConstants(folder, 'networks.json', z.record(z.string(), networkSchema)),
      );
    },
    get profiles() {
      return once(this, 'profiles', () => readProfiles(profileFiles(folder, profileDirs)));
    },
    get replaced() {
      return once(this, 'replaced', () => {
        const own = profileFiles(folder, []);
        const all = profileFiles(folder, profileDirs);
        const others = [...own.keys()].filter((name) => all.get(name)!.dir !== folder);
        return Object.fromEntries(
          others.map((name) => [name, join(all.get(name)!.dir, all.get(name)!.file)]),
        );
      });
    },
    get schedules() {
      return once(this, 'schedules', () => readSchedules(folder, this.networks));
    },
    get recipes() {
      return once(this, 'recipes', () => readRecipes(folder));
    },
    get tokenizers() {
      return once(this, 'tokenizers', () =>
        readConstants(folder, 'tokenizers.json', z.record(z.string(), tokenizerSchema)),
      );
    },
    get releases() {
      return once(this, 'releases', () => readReleases(folder));
    },
  };
  cache.set(id, constants);
  return constants;
}

function once<K extends keyof Constants>(target: Constants, key: K, make: () => Constants[K]): Constants[K] {
  const value = make();
  Object.defineProperty(target, key, { value, enumerable: true });
  return value;
}

/** Every profile of a constants folder, and of a folder that holds nothing but profiles; the later of one name counts. */
function profileFiles(folder: string, more: readonly string[]): ProfileFiles {
  const found: ProfileFiles = new Map();
  const look = (dir: string, under: string) => {
    const inside = join(dir, under);
    if (!existsSync(inside))
      throw new UserError('constants.missing', `${inside}: there is no such folder of profiles.`, {
        nextSteps: ['Copy constants/profiles/ of pt there, and edit the copy.', 'pt config show'],
      });
    const files = readdirSync(inside).filter((file) => file.endsWith('.json'));
    for (const name of files.map((file) => file.slice(0, -'.json'.length)).sort())
      found.set(name, { dir, file: join(under, `${name}.json`) });
  };
  look(folder, 'profiles');
  for (const dir of more) look(dir, '');
  return found;
}

type ProfileFiles = Map<ProfileName, { dir: string; file: string }>;

/** Each is read when it is asked for. */
function readProfiles(found: ProfileFiles): Profiles {
  const profiles = {};
  for (const [name, { dir, file }] of found)
    Object.defineProperty(profiles, name, {
      enumerable: true,
      configurable: true,
      get() {
        const value = readConstants(dir, file, profileSchema);
        Object.defineProperty(this, name, { value, enumerable: true });
        return value;
      },
    });
  return profiles as Profiles;
}

/** A profile by name. Throws `UserError` `profile.unknown`, or `constants.invalid` that names file and key. */
export function profileNamed({ profiles }: Pick<Constants, 'profiles'>, name: ProfileName): Profile {
  if (Object.hasOwn(profiles, name)) return profiles[name]!;
  throw new UserError(
    'profile.unknown',
    `There is no profile ${JSON.stringify(name)}.${didYouMean(name, Object.keys(profiles))}`,
    { nextSteps: ['pt profiles   # those that there are', 'pt config show   # where it was asked for'] },
  );
}

function readSchedules(dir: string, networks: Record<string, Network>): Record<string, Schedule> {
  const own = Object.values(networks).map(({ schedule }) => schedule);
  const names = new Set(['schedule', ...own.filter((name) => name !== null)]);
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      { name, periods: readConstants(dir, `${name}.json`, scheduleSchema).periods },
    ]),
  );
}

function readRecipes(dir: string): Record<string, Recipe> {
  const folder = join(dir, 'recipes');
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder).filter((f) => f.endsWith('.json'));
  return Object.fromEntries(
    files.sort().map((file) => {
      const name = file.slice(0, -'.json'.length);
      return [name, { ...readConstants(dir, join('recipes', file), recipeSchema), name }];
    }),
  );
}

function readReleases(dir: string): Release[] {
  const { releases } = readConstants(
    dir,
    'releases.json',
    z.strictObject({ about: z.string().optional(), releases: z.array(releaseSchema).min(1) }),
  );
  const schedules = new Map(releases.map((r) => [r.release, r.schedule]));
  return releases.map(({ release, tag, commit, date, schedule, same_schedule_as }) => {
    const own = schedule ?? schedules.get(same_schedule_as ?? '');
    if (!own)
      throw new UserError('constants.invalid', `${join(dir, 'releases.json')}: ${release} has no schedule`, {
        nextSteps: [
          `Give ${release} in releases.json a schedule, or same_schedule_as a release that has one.`,
        ],
      });
    return { release, tag, commit, date, schedule: own };
  });
}
