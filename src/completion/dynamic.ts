import { findHotkeys } from '../chain/index.ts';
import { profileNamed } from '../constants.ts';
import { mechanicsOf, newestPeriod, scheduleNamed } from '../rules/index.ts';
import { resolveSettings, runsFolder, type Settings } from '../settings/index.ts';
import { shippedDataSets } from '../shipped.ts';
import { listRuns } from '../training/index.ts';
import type { DynamicKind } from './complete.ts';

/** Candidates from this machine: settings, wallets, runs. No connection is opened; whatever cannot be read gives none. */
export async function dynamicValues(
  kind: DynamicKind,
  words: string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<string[]> {
  try {
    const settings = resolveSettings({ flags: flagsIn(words), env, cwd });
    const values = await valuesOf(kind, settings);
    // A name that holds more than plain characters would have to be quoted for the shell; it is left out.
    return values.filter((value) => /^[\w@%+=:,./-]+$/.test(value));
  } catch {
    return [];
  }
}

async function valuesOf(kind: DynamicKind, settings: Settings): Promise<string[]> {
  const { constants, wallet, network, profile } = settings;
  switch (kind) {
    case 'network':
      return Object.keys(constants.networks);
    case 'profile':
      return [...Object.keys(constants.profiles), 'history'];
    case 'choice':
      return [...Object.keys(constants.networks), ...Object.keys(constants.profiles)];
    case 'dataset':
      return ['builtin', ...shippedDataSets()];
    case 'recipe':
      return Object.keys(constants.recipes);
    case 'wallet':
      return (await findHotkeys(wallet.path)).map((file) => file.wallet);
    case 'hotkey':
      return (await findHotkeys(wallet.path))
        .filter((file) => file.wallet === wallet.name)
        .map(({ hotkey }) => hotkey);
    case 'run':
      return ['latest', ...(await listRuns(runsFolder(settings))).map(({ id }) => id)];
    case 'competition': {
      const { competitions } = newestPeriod(
        scheduleNamed(constants, network.schedule),
        profileNamed(constants, mechanicsOf(constants, profile, null)),
      );
      return competitions.map(({ name, id }) => name ?? String(id ?? ''));
    }
  }
}

/** The settings among the words typed so far, so that `--network sandbox --wallet-name <TAB>` looks in the sandbox's folder. */
function flagsIn(words: string[]): Record<string, string> {
  const flags: Record<string, string> = {};
  for (const name of ['network', 'wallet-path', 'wallet-name', 'profile', 'model-dir']) {
    const at = words.findLastIndex((word) => word.replace(/[._]/g, '-') === `--${name}`);
    const value = words[at + 1];
    if (at !== -1 && value !== undefined) flags[name] = value;
  }
  return flags;
}
