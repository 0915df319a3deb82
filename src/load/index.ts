export type { CommitmentState, HeldSeal } from '../publish/held.ts';
export { findBest } from './find.ts';
export { type LoadOutcome, load } from './load.ts';
export { type LookedAt, lookAt } from './look.ts';
export { readSizes } from './sizes.ts';
export { type KeptStanding, keepStanding, readStandings, standingOf } from './standings.ts';
export { readStatus, type StatusRow, type SubnetStatus } from './status.ts';
export { bestMiner, bestOf, isLoadable, joinMiners, readSubnet } from './subnet.ts';
export type { LoadRequest, LoadSource, Miner, Rules, Subnet } from './types.ts';
