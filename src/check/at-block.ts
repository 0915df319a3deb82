/** Which block and which competition a check is about. */
import {
  type Competition,
  chooseCompetition,
  competitionLabel,
  competitionsAt,
  type Finding,
  meantCompetition,
  newestPeriod,
  type Profile,
  periodAt,
  type Schedule,
} from '../rules/index.ts';
import type { BlockSource } from './types.ts';

/** The block asked for, the chain's, or (neither known) where the schedule's newest period begins. */
export function blockFor(
  schedule: Schedule,
  profile: Profile | undefined,
  asked: number | null,
  chain: number | null,
): { block: number; blockSource: BlockSource; release: string } {
  const [block, blockSource] =
    asked !== null
      ? ([asked, 'flag'] as const)
      : chain !== null
        ? ([chain, 'chain'] as const)
        : ([newestPeriod(schedule, profile).from_block, 'schedule'] as const);
  return { block, blockSource, release: periodAt(schedule, block, profile).release };
}

/**
 * The competition a model is held against, and what there is to say about the choice. One that the user names and that does not exist at
 * that block is a verdict, and so is any id, which another release may know; a name that never existed is an error (`competition.unknown`).
 */
export function competitionFor(
  schedule: Schedule,
  profile: Profile,
  block: number,
  asked: string | null,
  parameters: number | null,
): { competition: Competition | null; findings: Finding[] } {
  const { competition, how, open } = meantCompetition(competitionsAt(schedule, block, profile), {
    id: asked,
    parameters,
  });
  const there = open.map(competitionLabel);
  const finding = { rule: 'competition', limit: there };
  if (competition === null) {
    if (!/^\d+$/.test(String(asked)))
      chooseCompetition(
        schedule.periods.flatMap((p) => p.competitions),
        { id: asked },
      );
    const message = `Competition ${asked} does not exist at block ${block}; there is: ${there.join(', ')}.`;
    return { competition, findings: [{ ...finding, ok: false, actual: asked, message }] };
  }
  if (how === 'named' || how === 'only') return { competition, findings: [] };
  const actual = competitionLabel(competition);
  const message = `${open.length} competitions are open; ${actual} lies nearest to this model. Name another with --competition.`;
  return { competition, findings: [{ ...finding, ok: null, actual, message }] };
}
