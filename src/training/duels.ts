/** What a run's duels come to while it trains: said, and judged whether going on is in vain. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readEvent } from '../bridge/index.ts';
import { duel } from '../rules/index.ts';
import { foughtOf, gainPoint, type King, type Numbers, type RunDuel, standingAt } from './duel-folder.ts';

export interface Duels {
  /** Takes the next; of one that was fought before (the run went back) the later counts. */
  take(fought: Numbers): RunDuel | null;
  /** Drops those after `step`, from which a run goes on. */
  cut(step: number): void;
  /** Why training on is in vain; null: it is not, or that cannot be told yet. */
  inVain(): string | null;
  readonly newest: RunDuel | null;
}

export function createDuels(king: King, before: Numbers[]): Duels {
  let fought = before;
  let newest: RunDuel | null = null;
  const takenUntil = (step: number) => fought.filter((one) => (one.step ?? 0) <= step);
  return {
    take(one) {
      fought = [...takenUntil((one.step ?? 0) - 1), one];
      newest = standingAt(king, one);
      return newest;
    },
    cut(step) {
      fought = takenUntil(step);
    },
    inVain() {
      const found = duel.flattened(
        fought.map(gainPoint).filter((point) => point !== null),
        king.trial,
      );
      return found && describeFlattened(found, king.king);
    },
    get newest() {
      return newest;
    },
  };
}

function describeFlattened({ gain, reach, needed, by }: duel.Flattened, king: string): string {
  const said = (value: number) =>
    by === 'mean' ? `${value.toFixed(5)} nats a token` : `${(100 * value).toFixed(1)}% of the sequences`;
  return `The gain over ${king} has flattened at ${said(gain)}: by the end it comes to ${said(reach)} at most, and an even chance to win takes ${said(needed)}.`;
}

/** Those that metrics.jsonl tells of, oldest first. */
export async function readDuels(runDir: string): Promise<Numbers[]> {
  const text = await readFile(join(runDir, 'metrics.jsonl'), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const row = line.includes('"duel"') ? duelOfRow(line) : null;
    return row === null ? [] : [row];
  });
}

/** What the newest of them came to; null: none was fought. */
export async function newestFought(runDir: string): Promise<duel.Fought | null> {
  const newest = (await readDuels(runDir)).at(-1);
  return newest === undefined ? null : foughtOf(newest);
}

/** The duel that a line of metrics.jsonl tells of. */
export function duelOfRow(line: string): Numbers | null {
  try {
    const { step, tokens, duel: fought } = JSON.parse(line) as Record<string, unknown>;
    if (typeof fought !== 'object' || fought === null) return null;
    const event = readEvent(JSON.stringify({ ...fought, step, tokens, type: 'duel' }));
    return event?.type === 'duel' ? event : null;
  } catch {
    return null; // cut by a kill
  }
}
