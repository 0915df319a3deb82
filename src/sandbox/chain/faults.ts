import { RpcFailure } from './pool.ts';

/** What the sandbox chain does wrong on purpose. */
export interface ChainFaults {
  /** Every answer is held back this long. */
  latencyMs: number;
  /** No blocks are made. */
  stalled: boolean;
  /** Cuts the connection at the next `times` calls of `method` (`*`: any), before or after they took effect. */
  cut: { method: string; when: 'before' | 'after'; times: number } | null;
  /** Answers the next `times` calls of `method` with this error. */
  reject: { method: string; times: number; code: number; message: string; data?: string } | null;
  /** Forgets the next so many extrinsics after accepting them. */
  dropExtrinsics: number;
  /** The chain's clock is so far ahead of the machine's. */
  clockMs: number;
  /** The round that seals wait for does not come. */
  beaconLate: boolean;
  /** Seals turn out not to open. */
  sealsBroken: boolean;
  /** The round that seals wait for is out already: what comes now is opened in the next block. */
  roundOut: boolean;
  /** It has been out for so long that the chain keeps its signature no more. */
  pulseExpired: boolean;
  /** The round is out only so many seconds from now: a beacon that runs by the clock, for seals of twenty blocks of 12 s. 0: it does not. */
  dueInSeconds: number;
  /** Extrinsics wait in the pool. */
  holdExtrinsics: boolean;
}

export const noFaults = (): ChainFaults => ({
  latencyMs: 0,
  stalled: false,
  cut: null,
  reject: null,
  dropExtrinsics: 0,
  clockMs: 0,
  beaconLate: false,
  sealsBroken: false,
  roundOut: false,
  pulseExpired: false,
  dueInSeconds: 0,
  holdExtrinsics: false,
});

const matches = (wanted: string, method: string): boolean => wanted === '*' || wanted === method;
/** The fault channel itself must stay reachable. */
const isAdmin = (method: string): boolean => method.startsWith('sandbox_');

/** Whether the connection is to be cut at these calls; counts it. */
export function cutConnection(
  { cut }: ChainFaults,
  requests: { method: string }[],
  when: 'before' | 'after',
): boolean {
  if (!cut || cut.when !== when || cut.times <= 0) return false;
  if (!requests.some(({ method }) => !isAdmin(method) && matches(cut.method, method))) return false;
  cut.times--;
  return true;
}

/** Throws the error that is to be answered instead, if any. */
export function takeReject({ reject }: ChainFaults, method: string): void {
  if (!reject || reject.times <= 0 || isAdmin(method) || !matches(reject.method, method)) return;
  reject.times--;
  throw new RpcFailure(reject.code, reject.message, reject.data);
}
