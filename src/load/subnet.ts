import type { Chain, Commitment, Neuron } from '../chain/types.ts';
import {
  asHubRepo,
  competitionsAt,
  isCommit,
  meantIds,
  namesCompetition,
  type Profile,
  parseCommitment,
} from '../rules/index.ts';
import type { Miner, Rules, Subnet } from './types.ts';

/** Reads the metagraph and every commitment and joins them, best miner first. */
export async function readSubnet(chain: Chain, netuid: number, profile: Profile): Promise<Subnet> {
  const [block, neurons, commitments] = await Promise.all([
    chain.block(),
    chain.neurons(netuid),
    chain.commitments(netuid),
  ]);
  return { block, netuid, miners: joinMiners(neurons, commitments, profile) };
}

/** Joins neurons and commitments; what does not parse stays visible as text but is no model. */
export function joinMiners(
  neurons: Neuron[],
  commitments: ReadonlyMap<string, Commitment>,
  profile: Profile,
): Miner[] {
  const miners = neurons.map((neuron) => minerOf(neuron, commitments.get(neuron.hotkey) ?? null, profile));
  return miners.sort(byRank(profile));
}

export function minerOf(
  { uid, hotkey, incentive }: Pick<Neuron, 'uid' | 'hotkey' | 'incentive'>,
  commitment: Commitment | null,
  profile: Profile,
): Miner {
  const id = parseCommitment(profile, commitment?.text ?? null);
  return {
    uid,
    hotkey,
    incentive,
    block: commitment?.block ?? null,
    commitment: commitment?.text ?? null,
    id,
    repo: id && asHubRepo(id.namespace, id.name),
    commit: id?.commit && isCommit(id.commit) ? id.commit : null,
    competition: id?.competitionId ?? null,
  };
}

/** Highest incentive first; among equals the lower uid in `3.2`, the higher in `6.0`, as each reference sorts. */
function byRank(profile: Profile): (a: Miner, b: Miner) => number {
  const sign = namesCompetition(profile) ? -1 : 1;
  return (a, b) => b.incentive - a.incentive || sign * (a.uid - b.uid);
}

/** Whether a commitment names something that can be looked for on a Hub. */
export function isLoadable(miner: Miner): miner is Miner & { repo: string; commit: string; block: number } {
  return miner.repo !== null && miner.commit !== null;
}

/**
 * The best miner with a loadable commitment, among those of some competitions when ids are given (`meantIds`). Null: there is none.
 */
export function bestMiner(miners: Miner[], competitions: number | readonly number[] | null = null) {
  const wanted = competitions === null ? null : new Set<number | null>([competitions].flat());
  return miners.filter(isLoadable).find(({ competition }) => wanted?.has(competition) ?? true) ?? null;
}

/**
 * The best miner of the subnet, in the competition meant (`competition`: id or name; null: all that are open). What `pt load-best`,
 * `pt status`, `pt evaluate --against best`, `graph.bestUid()` and Python's `graph.best_uid()` all mean. Throws `competition.unknown`.
 */
export function bestOf({ miners, block }: Subnet, competition: string | null, rules: Rules) {
  return bestMiner(
    miners,
    meantIds(competitionsAt(rules.schedule, block, rules.profile), rules.profile, competition),
  );
}
