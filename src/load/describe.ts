/** A neuron and its limit in words, for people. */
import { formatWhole } from '../text/format.ts';
import type { StatusRow, SubnetStatus } from './status.ts';

/** What its commitment names, and what became of its newest seal; empty: nothing is on chain. */
export function describeModel(row: StatusRow): string {
  return [namedBy(row), sealOf(row)].filter((part) => part !== '').join('; ');
}

function namedBy({ repo, commit, commitment, competition, id }: StatusRow): string {
  if (id === null) return commitment === null ? '' : `not a model: ${commitment.slice(0, 60)}`;
  if (repo === null) return `elsewhere: ${commitment?.slice(0, 60)}`;
  const which = competition === null ? '' : ` (competition ${competition})`;
  return `${repo}@${commit?.slice(0, 8) ?? id.pin?.slice(0, 15) ?? 'no commit'}${which}`;
}

function sealOf({ state, seal }: StatusRow): string {
  if (state === 'sealed') return `sealed until round ${seal?.round}`;
  if (state === 'failed') return 'its newest seal could not be opened';
  return state === 'lost' ? 'its newest seal was lost' : '';
}

/** Whether validators can load what it names; empty: nobody looked. */
export function describeRepository({ repository }: StatusRow): string {
  if (!repository) return '';
  if (!repository.public) return 'NOT PUBLIC: validators cannot load it';
  return repository.unchanged === null
    ? 'public, not hashed'
    : repository.unchanged
      ? 'public, unchanged'
      : 'CHANGED: not what the chain says';
}

/** Blocks since its commitment; empty without one. */
export const describeAge = (row: StatusRow, block: number): string =>
  row.block === null ? '' : formatWhole(block - row.block);

/** What the chain lets the own hotkey write now; null: without a registered hotkey there is nothing to say. */
export function describeLimit({ limit, block, registered, retired, loss }: SubnetStatus): string | null {
  if (limit === null || registered === false) return null;
  if (loss !== null) return loss;
  if (limit.kind === 'none') return 'The chain sets no limit on commitments.';
  const used =
    limit.kind === 'space'
      ? `${limit.used} of ${limit.max} bytes used this epoch`
      : `${limit.used} of ${limit.max} blocks since the last one`;
  if (!limit.allowed)
    return `Your hotkey may commit again at block ${limit.freeAtBlock}, in ${limit.freeAtBlock - block} blocks (${used}).`;
  return retired === null
    ? `Your hotkey may commit now (${used}).`
    : `The chain would take a commitment of your hotkey, which scores nothing (${used}).`;
}
