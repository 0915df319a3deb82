import type { CommitLimit } from '../chain/types.ts';
import type { Hub } from '../hub/index.ts';
import { inspectRemote, remoteContent } from '../model/index.ts';
import type { Place } from '../place.ts';
import { lossBy } from '../publish/held.ts';
import { retirement } from '../publish/index.ts';
import { isPinned, type Profile } from '../rules/index.ts';
import { bestOf, isLoadable, readSubnet } from './subnet.ts';
import type { Miner } from './types.ts';

/** Bytes of the longest commitment: what a limit is asked about when none is at hand. */
const LONGEST = 128;

/** Whether what a commitment points at can still be loaded by validators. */
export interface RepositoryState {
  /** A stranger can read the revision. */
  public: boolean;
  /** Its content still has the hash on chain; null when that cannot be told without downloading it. */
  unchanged: boolean | null;
  bytes: number | null;
}

/** One neuron with what is known of its repository. */
export interface StatusRow extends Miner {
  /** Page of the revision on the Hub. */
  url: string | null;
  /** With `mine` only. */
  repository?: RepositoryState | null;
}

export interface SubnetStatus {
  block: number;
  netuid: number;
  neurons: StatusRow[];
  /** The neuron that `pt load-best` takes; null: nobody has a readable commitment. */
  bestUid: number | null;
  /** Place of the own hotkey among those with a model, 1 the best; null: it has none. */
  place: number | null;
  /** What the chain lets `hotkey` write now; null without a hotkey. */
  limit: CommitLimit | null;
  hotkey: string | null;
  /** The neuron of `hotkey`; null: it is not registered. */
  own: Miner | null;
  registered: boolean | null;
  /** What another commitment of `hotkey` would destroy, or end for good; null: nothing. */
  loss: string | null;
  /** Why nothing that is committed here scores any more (`publish/may-write.ts`), by the chain's genesis; null: it may. */
  retired: string | null;
}

export interface StatusRequest {
  /** Own hotkey (SS58); null when there is none on this machine. */
  hotkey: string | null;
  /** Only the own neuron, with the state of its repository. */
  mine: boolean;
}

/** Reads the subnet, best miner first, and what the chain still lets the own hotkey write. */
export async function readStatus({ hotkey, mine }: StatusRequest, place: Place): Promise<SubnetStatus> {
  const { netuid, profile } = place;
  const [chain, hub] = [await place.chain(), await place.hub()];
  const [subnet, limit, stored] = await Promise.all([
    readSubnet(chain, netuid, profile),
    hotkey === null ? null : chain.commitLimit(netuid, hotkey, LONGEST),
    hotkey === null ? null : chain.storeOf(netuid, hotkey),
  ]);
  const own = subnet.miners.find((miner) => miner.hotkey === hotkey);
  const shown = mine ? (own ? [own] : []) : subnet.miners;
  const neurons: StatusRow[] = [];
  for (const miner of shown) {
    const url = isLoadable(miner)
      ? `${hub.endpoint}/${miner.hub.repo}/tree/${miner.hub.revision ?? 'main'}`
      : null;
    const row = { ...miner, url };
    neurons.push(mine ? { ...row, repository: await repositoryOf(miner, hub, profile) } : row);
  }
  return {
    block: subnet.block,
    netuid,
    neurons,
    place: own && isLoadable(own) ? subnet.miners.filter(isLoadable).indexOf(own) + 1 : null,
    own: own ?? null,
    bestUid: bestOf(subnet, place.competition, place)?.uid ?? null,
    limit,
    hotkey,
    registered: hotkey === null ? null : own !== undefined,
    loss: stored && (lossBy(stored, place, { hotkey: hotkey!, block: subnet.block })?.message ?? null),
    retired: retirement(netuid, { ...place, chain }).message,
  };
}

/** Looks at a commitment's repository as a stranger does. Null: the commitment names none. */
async function repositoryOf(miner: Miner, hub: Hub, profile: Profile): Promise<RepositoryState | null> {
  if (!isLoadable(miner)) return null;
  const { repo, revision: asked } = miner.hub;
  const stranger = hub.anonymous();
  const revision = await stranger.revision(repo, asked ?? undefined);
  if (!revision) return { public: false, unchanged: null, bytes: null };
  const facts = await inspectRemote(stranger, revision, profile);
  const content = await remoteContent(stranger, revision, facts.hashedFiles);
  const found = content && {
    commit: revision.commit,
    contentHash: content.contentHash,
    sha256: new Set(content.files.map(({ sha256 }) => sha256)),
  };
  return {
    public: true,
    unchanged: found && isPinned(profile, miner.id, found, miner.hotkey),
    bytes: facts.bytes,
  };
}
