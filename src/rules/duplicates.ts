/** Whether another miner has the same model on chain. */
import { hashMatches, parseCommitment } from './commitment.ts';
import type { Finding, Profile } from './types.ts';

/** Compares a model's content hashes (as it is, as it would be published) with every commitment of the subnet up to `block`; validators reward the earlier of equal models. */
export function checkDuplicates(
  contentHashes: string[],
  commitments: ReadonlyMap<string, { block: number; text: string | null }>,
  profile: Profile,
  ownHotkeys: ReadonlySet<string>,
  block: number,
): Finding {
  const holders = [...commitments]
    .filter(([hotkey, { text, block: since }]) => {
      if (since > block) return false;
      const id = parseCommitment(profile, text);
      return id !== null && contentHashes.some((hash) => hashMatches(profile, id, hash, hotkey));
    })
    .map(([hotkey, { block }]) => ({ hotkey, block, own: ownHotkeys.has(hotkey) }))
    .sort((a, b) => a.block - b.block);
  const others = holders.filter((h) => !h.own);
  const own = holders.find((h) => h.own);
  const shared = { rule: 'duplicate', actual: holders, limit: null };
  const first = others[0];
  if (first && (!own || first.block < own.block))
    return {
      ...shared,
      ok: false,
      message: `${first.hotkey} committed the same content at block ${first.block}: the later copy cannot win.`,
    };
  if (own)
    return {
      ...shared,
      ok: true,
      message: `Your hotkey ${own.hotkey} committed this very content at block ${own.block}.`,
    };
  return { ...shared, ok: true, message: 'No other miner has this content on chain.' };
}
