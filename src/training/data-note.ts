import type { EventOf } from '../bridge/events.ts';
import { formatWhole } from '../text/format.ts';

/** A `data` event in the words of the progress line. */
export function dataNote({ sources = [], held_out: heldOut }: EventOf<'data'>): string {
  const read = sources.map(
    ({ path, column, documents, characters, skipped, complete }) =>
      `${path}${column === null ? '' : `, column ${column}`}: ${formatWhole(documents)} documents, ${formatWhole(characters)} characters` +
      `${complete ? '' : ' read so far'}${skipped === 0 ? '' : `, ${formatWhole(skipped)} bad rows skipped`}`,
  );
  if (heldOut === undefined) return `Data: ${read.join('; ')}.`;
  const { tokens, sequences, parts, resolution, epsilon, needed } = heldOut;
  const limits = [
    resolution === null ? [] : [`the choice of text alone moves a loss by about ${percent(resolution)}`],
    epsilon === null
      ? []
      : [
          `a win needs ${percent(epsilon)}${needed === null ? '' : `, which ${formatWhole(needed)} tokens tell apart`}`,
        ],
  ].flat();
  return (
    `Data: ${read.join('; ')}. Held out: ${formatWhole(tokens)} tokens in ${formatWhole(sequences)} sequences of ${parts === 1 ? 'one part' : `${formatWhole(parts)} parts`}` +
    `${limits.length === 0 ? '' : ` (${limits.join('; ')})`}.`
  );
}

const percent = (value: number): string => `${(100 * value).toFixed(2)}%`;
