/** Whether somebody else's commitment makes a model a copy that loses. */
import type { Chain } from '../chain/types.ts';
import { type CopyQuestion, checkDuplicates, type Finding } from '../rules/index.ts';

/** Reads the commitments of a subnet and holds a model against them. Only who is registered is scored, and only that can be lost to. */
export async function lookForCopies(
  chain: Pick<Chain, 'commitments' | 'neurons'>,
  netuid: number,
  question: Omit<CopyQuestion, 'commitments'>,
): Promise<Finding> {
  const commitments = await chain.commitments(netuid);
  const finding = checkDuplicates({ ...question, commitments });
  if (finding.verdict === undefined) return finding;
  const registered = new Set((await chain.neurons(netuid)).map(({ hotkey }) => hotkey));
  const scored = new Map([...commitments].filter(([hotkey]) => registered.has(hotkey)));
  return checkDuplicates({ ...question, commitments: scored });
}
