/** Which block and which competition a check is about. */
import { UserError } from '../errors.ts';
import {
  type Competition,
  chooseCompetition,
  competitionLabel,
  competitionsAt,
  type Finding,
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
 * The competition a model is held against, and what there is to say about the choice. One that the user names may be any that was
 * held at that block; one that does not exist then is a verdict, one that never existed an error (`competition.unknown`).
 */
export function competitionFor(
  schedule: Schedule,
  profile: Profile,
  block: number,
  asked: string | null,
  parameters: number | null,
): { competition: Competition | null; findings: Finding[] } {
  if (asked === null) return fitting(competitionsAt(schedule, block, profile), parameters);
  const held = competitionsAt(schedule, block);
  try {
    return { competition: chooseCompetition(held, { id: asked }), findings: [] };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  const ever = schedule.periods.flatMap((p) => p.competitions);
  chooseCompetition(ever, { id: asked });
  const there = held.map(competitionLabel);
  return {
    competition: null,
    findings: [
      {
        rule: 'competition',
        ok: false,
        actual: asked,
        limit: there,
        message: `Competition ${asked} does not exist at block ${block}; there is: ${there.join(', ')}.`,
      },
    ],
  };
}

/** Without a name: the only competition, or the one whose parameter range lies nearest. */
function fitting(
  competitions: Competition[],
  parameters: number | null,
): { competition: Competition; findings: Finding[] } {
  const open = competitions.filter((c) => c.virtual === undefined);
  const distance = (c: Competition): number =>
    parameters === null
      ? 0
      : Math.max(c.min_model_parameters - parameters, parameters - c.max_model_parameters, 0);
  const nearest = open.reduce((best, c) => (distance(c) < distance(best) ? c : best));
  if (open.length === 1) return { competition: nearest, findings: [] };
  return {
    competition: nearest,
    findings: [
      {
        rule: 'competition',
        ok: null,
        actual: competitionLabel(nearest),
        limit: open.map(competitionLabel),
        message: `${open.length} competitions are open; ${competitionLabel(nearest)} lies nearest to this model. Name another with --competition.`,
      },
    ],
  };
}
