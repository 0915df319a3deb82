import { join } from 'node:path';
import type { PythonEnv } from '../bridge/index.ts';
import { openCheckPlace } from '../check/index.ts';
import type { Settings } from '../settings/index.ts';
import type { EvaluatePlace, EvaluateRequest, ModelRef } from './types.ts';

/** What an evaluation may look at and run in under these settings. */
export async function openEvaluatePlace(
  settings: Settings,
  python: PythonEnv,
  signal: AbortSignal,
): Promise<EvaluatePlace> {
  const token = settings.hub.token?.reveal();
  return {
    ...(await openCheckPlace(settings)),
    python,
    home: settings.home,
    signal,
    ...(token ? { env: { HF_TOKEN: token } } : {}),
  };
}

/** The competition's own sample for `models`; what is given in `changes` instead. */
export function evaluateRequest(
  settings: Settings,
  models: ModelRef[],
  changes: Partial<EvaluateRequest> = {},
): EvaluateRequest {
  return {
    models,
    against: null,
    netuid: settings.netuid,
    block: null,
    competition: settings.competition,
    data: [],
    pages: null,
    seed: null,
    sequenceLength: null,
    device: settings.device ?? 'auto',
    modelsDir: settings.modelDir ?? join(settings.home, 'models'),
    offline: settings.offline,
    hubEndpoint: settings.hub.endpoint,
    ...changes,
  };
}
