import type { Chain } from '../chain/types.ts';
import { CheckError, UserError } from '../errors.ts';
import { competitionsAt, type HubPlace, type ModelId, pinInWords } from '../rules/index.ts';
import { bestOf, isLoadable, minerOf, readSubnet } from './subnet.ts';
import type { Miner, Rules } from './types.ts';

/** What the chain says about a model to load. */
export interface Wanted {
  uid: number;
  hotkey: string;
  repo: string;
  /** As the Hub is asked for it; null: the head. */
  revision: string | null;
  id: ModelId;
  /** Competition that its commitment names; null where commitments name none. */
  competition: number | null;
  /** Largest size that validators load, bytes; null when no competition is known for it. */
  maxBytes: number | null;
  /** Why it may not be the one that was meant; null: nothing speaks against it. */
  doubt: string | null;
}

/**
 * The best miner's model. Throws `CheckError` `load.no_model` when no commitment of the subnet parses, `load.elsewhere` when the king's is
 * in a store that pt does not read.
 */
export async function findBest(
  chain: Chain,
  except: string | undefined,
  competition: string | null,
  { netuid, ...rules }: Rules & { netuid: number },
): Promise<Wanted> {
  const subnet = await readSubnet(chain, netuid, rules.profile);
  const miners = subnet.miners.filter(({ hotkey }) => hotkey !== except);
  const best = bestOf({ ...subnet, miners }, competition, rules);
  if (best === null) {
    const where = competition === null ? '' : ` in competition ${competition}`;
    throw new CheckError(
      'load.no_model',
      `No ${except === undefined ? '' : 'other '}miner of subnet ${netuid} has a readable commitment${where} (${subnet.miners.length} are registered).`,
      { nextSteps: ['pt status'] },
    );
  }
  if (!isLoadable(best))
    throw new CheckError(
      'load.elsewhere',
      `The best of subnet ${netuid} is uid ${best.uid}. ${elsewhere(best, rules)}`,
      {
        nextSteps: ['pt status', 'pt load --uid N   # another one', 'pt load --repo NAMESPACE/NAME@COMMIT'],
      },
    );
  return { ...wanted(best, rules, subnet.block), doubt: doubtOf(best, miners) };
}

/** Who is paid more and has nothing that could be the best one's, or that nobody is paid at all. */
function doubtOf(best: Miner, miners: Miner[]): string | null {
  const paid = ({ uid, incentive }: Miner) => `uid ${uid} (incentive ${incentive.toFixed(3)})`;
  const above = miners.filter(({ incentive }) => incentive > best.incentive);
  if (above.length > 0) {
    const more = above.length > 3 ? ` and ${above.length - 3} more are` : above.length > 1 ? ' are' : ' is';
    return `${above.slice(0, 3).map(paid).join(', ')}${more} paid more than ${paid(best)} and committed nothing that can be loaded: uid ${best.uid} is the best of the others.`;
  }
  return best.incentive > 0
    ? null
    : `No miner with a readable commitment is paid: uid ${best.uid} is only the first of them.`;
}

/** One miner's model. Throws `UserError` `load.no_uid`, `CheckError` `load.no_commitment`, `load.unreadable_commitment` or `load.elsewhere`. */
export async function findUid(
  chain: Chain,
  uid: number,
  { netuid, ...rules }: Rules & { netuid: number },
): Promise<Wanted> {
  const neuron = (await chain.neurons(netuid)).find((each) => each.uid === uid);
  if (!neuron) {
    throw new UserError('load.no_uid', `uid ${uid}: subnet ${netuid} has no such neuron.`, {
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
  const [code, why] =
    miner.id === null
      ? ['load.unreadable_commitment', unreadable(miner)]
      : [
          isElsewhere(miner, rules) ? 'load.elsewhere' : 'load.unreadable_commitment',
          elsewhere(miner, rules),
        ];
  throw new CheckError(code, why, { nextSteps: ['pt status', 'pt load-best'] });
}

function wanted(miner: Miner & { hub: HubPlace; id: ModelId }, rules: Rules, now: number): Wanted {
  const { uid, hotkey, hub, id, competition } = miner;
  return { uid, hotkey, ...hub, competition, id, maxBytes: sizeLimit(miner, rules, now), doubt: null };
}

/** Bytes that validators accept for this commitment: the limit of its upload block, or (6.0) of its competition today. */
function sizeLimit(miner: Miner, { profile, schedule }: Rules, now: number): number | null {
  const at = profile.pretraining?.limits_at === 'upload_and_now' ? now : (miner.block ?? now);
  const open = competitionsAt(schedule, at, profile);
  const own = open.filter((each) => miner.competition === null || each.id === miner.competition);
  return own.length === 0 ? null : Math.max(...own.map((each) => each.max_bytes));
}

/** Why a miner's entries name no model. */
function unreadable({ uid, state, seal, commitment }: Miner): string {
  if (commitment === null && state === 'sealed')
    return `The commitment of uid ${uid} is sealed until round ${seal?.round} of the beacon.`;
  if (commitment === null && (state === 'failed' || state === 'lost'))
    return `The sealed commitment of uid ${uid} ${state === 'failed' ? 'could not be opened' : 'was lost: its round is over, and nothing was revealed'}.`;
  return `The commitment of uid ${uid} is not a model of this profile: ${quoted(commitment)}.`;
}

/** Whether what a readable text names is in a store that pt does not read. */
function isElsewhere({ id }: Miner, { profile: { pin } }: Rules): boolean {
  return pin.store === 'none' || (pin.store === 'hippius' && id?.commit === null && id.pin !== null);
}

/** Why what a readable text names cannot be asked of a Hub. */
function elsewhere(miner: Miner, rules: Rules): string {
  const why = isElsewhere(miner, rules)
    ? `Its model is in a store that pt does not read (${pinInWords(rules.profile)})`
    : miner.repo === null
      ? 'No Hub could have the repository that its text names'
      : 'Its text names no revision of that repository that a Hub could be asked for';
  return `${why}: ${quoted(miner.commitment)}.`;
}

/** Foreign text shown in an error, short and on one line. */
function quoted(text: string | null): string {
  return text === null ? 'not text at all' : JSON.stringify(text.slice(0, 140));
}
