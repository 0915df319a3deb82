import { join } from 'node:path';
import { connect } from '../chain/index.ts';
import { createHub } from '../hub/index.ts';
import { chainOptions, hubOptions, type Settings } from '../settings/index.ts';
import type { LoadPlace } from './load.ts';
import type { LoadSource } from './types.ts';

/** Opens what loading needs; a repository named by the user needs no chain. The caller closes it. */
export async function openLoadPlace(
  settings: Settings,
  source: LoadSource,
): Promise<LoadPlace & { close(): Promise<void> }> {
  const hub = createHub(hubOptions(settings));
  const chain = source.kind === 'repo' ? null : await connect(chainOptions(settings));
  return {
    chain,
    hub,
    profile: settings.constants.profiles[settings.profile],
    schedule: settings.constants.schedules[settings.network.schedule]!,
    close: async () => chain?.close(),
  };
}

/** Folder of downloaded models when none was named: `--model-dir`, or under PT_HOME. */
export function modelsDir(settings: Settings): string {
  return settings.modelDir ?? join(settings.home, 'models');
}
