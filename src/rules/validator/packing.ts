/** How documents become the sequences a model is scored on. */

/** [batch][row][token] */
export type Batches = number[][][];

/**
 * Documents joined with one EOS after each, cut into rows of `sequenceLength` in batches of `batchSize`; what does not fill a
 * batch is left over. `truncateTo` is the tokenizer's own limit a document.
 */
export function packDocuments(
  documents: number[][],
  eos: number,
  sequenceLength: number,
  batchSize: number,
  truncateTo: number | null = null,
): { batches: Batches; leftover: number[] } {
  return cut(joined(documents, eos, truncateTo), sequenceLength, batchSize);
}

/**
 * `6.0`, unpacked: the joined stream split again at every EOS, each piece padded with EOS to whole rows (none when it fills them
 * exactly, none for an empty piece).
 */
export function padDocuments(
  documents: number[][],
  eos: number,
  sequenceLength: number,
  batchSize: number,
  truncateTo: number | null = null,
): { batches: Batches; leftover: number[] } {
  const stream: number[] = [];
  let piece: number[] = [];
  for (const token of joined(documents, eos, truncateTo)) {
    if (token !== eos) {
      piece.push(token);
      continue;
    }
    const missing = (sequenceLength - (piece.length % sequenceLength)) % sequenceLength;
    stream.push(...piece, ...new Array<number>(missing).fill(eos));
    piece = [];
  }
  return cut(stream, sequenceLength, batchSize);
}

function joined(documents: number[][], eos: number, truncateTo: number | null): number[] {
  return documents.flatMap((tokens) => [...tokens.slice(0, truncateTo ?? tokens.length), eos]);
}

function cut(
  stream: number[],
  sequenceLength: number,
  batchSize: number,
): { batches: Batches; leftover: number[] } {
  const batches: Batches = [];
  let at = 0;
  for (; stream.length - at >= sequenceLength * batchSize; at += sequenceLength * batchSize)
    batches.push(
      Array.from({ length: batchSize }, (_, row) =>
        stream.slice(at + row * sequenceLength, at + (row + 1) * sequenceLength),
      ),
    );
  return { batches, leftover: stream.slice(at) };
}
