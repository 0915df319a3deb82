import type { Chain } from '../chain/types.ts';
import { CheckError, UserError } from '../errors.ts';
import { competitionsAt, type ModelId } from '../rules/index.ts';
import { bestOf, isLoadable, minerOf, readSubnet } from './subnet.ts';
import type { Miner, Rules } from './types.ts';

/** What the chain says about a model to load. */
export interface Wanted {
  uid: number;
  hotkey: string;
  repo: string;
  commit: string;
  id: ModelId;
  /** Competition that its commitment names; null where commitments name none. */
  competition: number | null;
  /** Largest size that validators load, bytes; null when no competition is known for it. */
  maxBytes: number | null;
}

/** The best miner's model. Throws `CheckError` `load.no_model` when no commitment of the subnet parses. */
export async function findBest(
  chain: Chain,
  except: string | undefined,
  competition: string | null,
  { netuid, ...rules }: Rules & { netuid: number },
): Promise<Wanted> {
  const subnet = await readSubnet(chain, netuid, rules.profile);
  const miners = subnet.miners.filter(({ hotkey }) => hotkey !== except);
  const best = bestOf({ ...subnet, miners }, competition, rules);
  if (best) return wanted(best, rules, subnet.block);
  const where = competition === null ? '' : ` in competition ${competition}`;
  throw new CheckError(
    'load.no_model',
    `No ${except === undefined ? '' : 'other '}miner of subnet ${netuid} has a readable commitment${where} (${subnet.miners.length} are registered).`,
    { nextSteps: ['pt status'] },
  );
}

/** One miner's model. Throws `UserError` `load.no_uid`, `CheckError` `load.no_commitment` or `load.unreadable_commitment`. */
export async function findUid(
  chain: Chain,
  uid: number,
  { netuid, ...rules }: Rules & { netuid: number },
): Promise<Wanted> {
  const neuron = (await chain.neurons(netuid)).find((each) => each.uid === uid);
  if (!neuron) {
    throw new UserError('load.no_uid', `--uid ${uid}: subnet ${netuid} has no such neuron.`, {
      nextSteps: ['pt status'],
    });
  }
  const { beacon, ...stored } = await chain.storeOf(netuid, neuron.hotkey);
  const miner = minerOf(neuron, stored, rules.profile, beacon);
  if (miner.state === 'none') {
    throw new CheckError('load.no_commitment', `uid ${uid} (${neuron.hotkey}) has nothing on chain.`, {
      nextSteps: ['pt status', 'pt load-best'],
    });
  }
  if (isLoadable(miner)) return wanted(miner, rules, await chain.block());
  throw new CheckError('load.unreadable_commitment', unreadable(miner), {
    nextSteps: ['pt status', 'pt load-best'],
  });
}

function wanted(miner: Miner & { repo: string; commit: string }, rules: Rules, now: number): Wanted {
  const { uid, hotkey, repo, commit, competition } = miner;
  return { uid, hotkey, repo, commit, competition, id: miner.id!, maxBytes: sizeLimit(miner, rules, now) };
}

/** Bytes that validators accept for this commitment: the limit of its upload block, or (6.0) of its competition today. */
function sizeLimit(miner: Miner, { profile, schedule }: Rules, now: number): number | null {
  const at = profile.pretraining?.limits_at === 'upload_and_now' ? now : (miner.block ?? now);
  const open = competitionsAt(schedule, at, profile);
  const own = open.filter((each) => miner.competition === null || each.id === miner.competition);
  return own.length === 0 ? null : Math.max(...own.map((each) => each.max_bytes));
}

/** Why a miner's entries name no model. */
function unreadable({ uid, state, seal, commitment, id }: Miner): string {
  if (id !== null)
    return `The commitment of uid ${uid} names something that is not on the Hub, or no full commit: ${quoted(commitment)}.`;
  if (commitment === null && state === 'sealed')
    return `The commitment of uid ${uid} is sealed until round ${seal?.round} of the beacon.`;
  if (commitment === null && (state === 'failed' || state === 'lost'))
    return `The sealed commitment of uid ${uid} ${state === 'failed' ? 'could not be opened' : 'was lost: its round is over, and nothing was revealed'}.`;
  return `The commitment of uid ${uid} is not a model of this profile: ${quoted(commitment)}.`;
}

/** Foreign text shown in an error, short and on one line. */
function quoted(text: string | null): string {
  return text === null ? 'not text at all' : JSON.stringify(text.slice(0, 140));
}
