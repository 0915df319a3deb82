/** `pt competitions`: what holds at a block, and what changes next. */

import { UserError } from '../errors.ts';
import type { Network } from '../protocol.ts';
import {
  type Competition,
  chooseCompetition,
  nextPeriod,
  type Period,
  type Profile,
  periodAt,
  type Schedule,
} from '../rules/index.ts';
import { blockFor } from './at-block.ts';
import type { BlockSource } from './types.ts';

export interface CompetitionList {
  block: number;
  blockSource: BlockSource | 'date';
  schedule: string;
  /** Release of the reference that set these rules, and its commit; `declared`: exact block, `release`: about a day off. */
  release: string;
  releaseCommit: string | null;
  fromBlock: number;
  boundary: Period['boundary'];
  /** As in constants/: snake_case. */
  competitions: Competition[];
  next: { fromBlock: number; boundary: Period['boundary']; changed: string[] } | null;
}

/**
 * The list for a block, a date, the chain's block or the newest period, in this order; `profile` null: all that the network held. With
 * `competition` that one alone; throws `UserError` `competition.unknown` where there is none.
 */
export function listCompetitions(
  schedule: Schedule,
  profile: Profile | null,
  asked: { block: number | null; at: string | null; chain: number | null; competition?: string | null },
  anchor: Network['block_anchor'],
): CompetitionList {
  const dated = asked.at === null ? null : blockOfDate(asked.at, anchor);
  const { block, blockSource } = blockFor(schedule, profile ?? undefined, asked.block ?? dated, asked.chain);
  const period = periodAt(schedule, block, profile ?? undefined);
  const next = nextPeriod(schedule, block, profile ?? undefined);
  return {
    block,
    blockSource: asked.block === null && dated !== null ? 'date' : blockSource,
    schedule: schedule.name,
    release: period.release,
    releaseCommit: period.commit,
    fromBlock: period.from_block,
    boundary: period.boundary,
    competitions:
      asked.competition == null
        ? period.competitions
        : [chooseCompetition(period.competitions, { id: asked.competition })],
    next: next && { fromBlock: next.from_block, boundary: next.boundary, changed: next.changed },
  };
}

/** The block at a date, by the network's anchor (about a day off). Throws `UserError` `competitions.date`. */
export function blockOfDate(text: string, anchor: Network['block_anchor']): number {
  const time = Date.parse(text);
  const wrong = (why: string) =>
    new UserError('competitions.date', `--at ${text}: ${why}`, {
      nextSteps: ['pt competitions --at 2025-03-01', 'pt competitions --block 5000000'],
    });
  if (Number.isNaN(time)) throw wrong('is not a date; write YYYY-MM-DD or a full ISO time.');
  if (!anchor) throw wrong('this network has no known relation of dates to blocks; use --block.');
  const seconds = (time - Date.parse(anchor.time)) / 1000;
  const block = Math.round(anchor.block + seconds / anchor.seconds_per_block);
  if (block < 0) throw wrong('lies before the first block.');
  return block;
}
