/** The soup that grows by one model as long as that helps: the greedy one of Wortsman and others, 2022 (arXiv 2203.05482). */

interface Tried {
  /** Positions of the models in it. */
  members: number[];
  loss: number;
}

/**
 * From the best model on, each of the others, best first, is mixed in with equal parts, and stays if the loss of the mixture is lower. `losses`: of
 * the models alone; Infinity: it could not be scored, and is left out. `mix` scores a mixture. Gives the members that stayed, best first.
 */
export async function* greedySoup<Step>(
  losses: readonly number[],
  mix: (members: number[]) => AsyncGenerator<Step, number, void>,
): AsyncGenerator<Step, number[], void> {
  const order = losses
    .map((loss, at) => ({ loss, at }))
    .filter(({ loss }) => Number.isFinite(loss))
    .toSorted((a, b) => a.loss - b.loss);
  const [first, ...others] = order;
  if (first === undefined) return [];
  let soup: Tried = { members: [first.at], loss: first.loss };
  for (const { at } of others) {
    const members = [...soup.members, at];
    const loss = yield* mix(members);
    if (loss < soup.loss) soup = { members, loss };
  }
  return soup.members;
}
