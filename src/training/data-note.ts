import type { EventOf } from '../bridge/events.ts';

/** A `data` event in the words of the progress line. */
export function dataNote({ sources = [], held_out: heldOut }: EventOf<'data'>): string {
  const read = sources.map(
    ({ path, column, documents, characters, skipped, complete }) =>
      `${path}${column === null ? '' : `, column ${column}`}: ${grouped(documents)} documents, ${grouped(characters)} characters` +
      `${complete ? '' : ' read so far'}${skipped === 0 ? '' : `, ${grouped(skipped)} bad rows skipped`}`,
  );
  if (heldOut === undefined) return `Data: ${read.join('; ')}.`;
  const { tokens, sequences, parts, resolution, epsilon, needed } = heldOut;
  const limits = [
    resolution === null ? [] : [`the choice of text alone moves a loss by about ${percent(resolution)}`],
    epsilon === null
      ? []
      : [
          `a win needs ${percent(epsilon)}${needed === null ? '' : `, which ${grouped(needed)} tokens tell apart`}`,
        ],
  ].flat();
  return (
    `Data: ${read.join('; ')}. Held out: ${grouped(tokens)} tokens in ${grouped(sequences)} sequences of ${grouped(parts)} parts` +
    `${limits.length === 0 ? '' : ` (${limits.join('; ')})`}.`
  );
}

const grouped = (value: number): string => new Intl.NumberFormat('en').format(value);
const percent = (value: number): string => `${(100 * value).toFixed(2)}%`;
