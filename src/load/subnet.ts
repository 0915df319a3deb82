import type { Chain, CommitmentStore, Neuron, StoredCommitments } from '../chain/types.ts';
import { heldOf } from '../publish/held.ts';
import {
  asHubRepo,
  competitionsAt,
  fieldText,
  type HubPlace,
  hubPlaceOf,
  isCommit,
  type ModelId,
  meantIds,
  modelIdOf,
  namesCompetition,
  namesOwnCompetition,
  type Profile,
} from '../rules/index.ts';
import type { Miner, Rules, Subnet } from './types.ts';

const NOTHING: StoredCommitments = { entry: null, revealed: [], lastBlock: null };

/** Reads the metagraph and every commitment and joins them, best miner first. */
export async function readSubnet(chain: Chain, netuid: number, profile: Profile): Promise<Subnet> {
  const [block, neurons, store] = await Promise.all([
    chain.block(),
    chain.neurons(netuid),
    chain.store(netuid),
  ]);
  return { block, netuid, miners: joinMiners(neurons, store, profile) };
}

/** Joins neurons and commitments; what does not parse stays visible as text but is no model. */
export function joinMiners(
  neurons: Neuron[],
  { entries, beacon }: CommitmentStore,
  profile: Profile,
): Miner[] {
  const miners = neurons.map((neuron) =>
    minerOf(neuron, entries.get(neuron.hotkey) ?? NOTHING, profile, beacon),
  );
  return miners.sort(byRank(profile));
}

export function minerOf(
  { uid, hotkey, incentive }: Pick<Neuron, 'uid' | 'hotkey' | 'incentive'>,
  stored: StoredCommitments,
  profile: Profile,
  beacon: CommitmentStore['beacon'],
): Miner {
  const { state, seal, current } = heldOf(stored, profile, beacon);
  const id = current?.fields ? modelIdOf(profile, current.fields) : null;
  return {
    uid,
    hotkey,
    incentive,
    block: current?.block ?? seal?.block ?? stored.entry?.block ?? null,
    commitment: current?.text ?? null,
    state,
    seal,
    id,
    repo: id && asHubRepo(id.namespace, id.name),
    commit: id?.commit && isCommit(id.commit) ? id.commit : null,
    hub: id && hubPlaceOf(profile, id),
    competition: id?.competitionId ?? null,
  };
}

/** Highest incentive first; among equals the lower uid in `3.2`, the higher in `6.0`, as each reference sorts. */
function byRank(profile: Profile): (a: Miner, b: Miner) => number {
  const sign = namesCompetition(profile) ? -1 : 1;
  return (a, b) => b.incentive - a.incentive || sign * (a.uid - b.uid);
}

/** Whether a commitment names something that can be looked for on a Hub. */
export function isLoadable(miner: Miner): miner is Miner & { hub: HubPlace; id: ModelId } {
  return miner.hub !== null;
}

/**
 * The best miner with a loadable commitment, among those of some competitions when ids are given (`meantIds`). Null: there is none.
 */
export function bestMiner(miners: Miner[], competitions: number | readonly number[] | null = null) {
  return miners.filter(isLoadable).find(among(competitions)) ?? null;
}

function among(competitions: number | readonly number[] | null) {
  const wanted = competitions === null ? null : new Set<number | null>([competitions].flat());
  return ({ competition }: Miner) => wanted?.has(competition) ?? true;
}

/**
 * The best miner of the subnet, in the competition meant (`competition`: id or name; null: all that are open). What `pt load-best`,
 * `pt status`, `pt evaluate --against best`, `graph.bestUid()` and Python's `graph.best_uid()` all mean. A subnet with a king has that
 * one, wherever its model is; the pretraining releases have the best that can be loaded. Throws `competition.unknown`.
 */
export function bestOf({ miners, block }: Subnet, competition: string | null, rules: Rules): Miner | null {
  const ids = meantIds(competitionsAt(rules.schedule, block, rules.profile), rules.profile, competition);
  if (rules.profile.pretraining !== null) return bestMiner(miners, ids);
  const own = namesOwnCompetition(rules.profile) ? competition : null;
  const isIn = (id: ModelId) => own === null || fieldText(id.fields, 'competition') === own;
  return miners.filter(among(ids)).find(({ id }) => id !== null && isIn(id)) ?? null;
}
