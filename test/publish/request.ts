import type { PublishRequest } from '../../src/publish/types.ts';

/** A publish of `dir` to me/first with nothing else asked. */
export const requestFor = (dir: string, changes: Partial<PublishRequest> = {}): PublishRequest => ({
  source: { kind: 'folder', dir, dtype: 'bf16' },
  repo: 'me/first',
  netuid: 9,
  competition: null,
  useHotkeyInHash: false,
  fields: {},
  sealBlocks: null,
  sealRound: null,
  waitReveal: false,
  makePublic: true,
  publicUpload: false,
  wait: false,
  replace: false,
  restart: false,
  noCheck: false,
  ask: async () => {},
  ...changes,
});
