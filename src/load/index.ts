export { type LoadOutcome, type LoadPlace, load } from './load.ts';
export { modelsDir, openLoadPlace } from './open-place.ts';
export { readSizes } from './sizes.ts';
export { readStatus, type StatusRow, type SubnetStatus } from './status.ts';
export { bestMiner, bestOf, isLoadable, joinMiners, readSubnet } from './subnet.ts';
export type { LoadRequest, LoadSource, Miner, Rules, Subnet } from './types.ts';
