import { existsSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { UserError } from '../errors.ts';
import { refuseUndecided, scoreKing } from '../evaluation/index.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import { shellWord } from '../text/shell-word.ts';
import {
  type DataSource,
  type DuelRequest,
  duelFolder,
  type PublishIntent,
  readKing,
  readRunConfig,
  writeKing,
} from '../training/index.ts';

/**
 * Scores the king of a run and keeps its losses and the sample in the run's folder; nothing to do where they are there. Without `--against`
 * nothing at all. With `intent.when` a win will be confirmed before it is published, which takes text too.
 *
 * @throws UserError `usage.duel_data`, and what `scoreKing` throws
 */
export async function* prepareDuel(
  runDir: string,
  intent: PublishIntent | null,
  signal: AbortSignal,
  place: Place,
): Work<void> {
  const { against, data, sequences, whole, ignoreEstimate } = await readDuel(runDir);
  if (against === null) return;
  const dir = duelFolder(runDir);
  if ((await readKing(runDir)) !== null && existsSync(join(dir, 'sample.safetensors'))) return;
  const confirm = intent?.when != null;
  if (confirm)
    refuseChosenBy({ whole, data }, [
      '--duel-data FILE   # text like what validators score on',
      'Leave out --against',
    ]);
  await rm(dir, { recursive: true, force: true });
  const king = yield* scoreKing(
    { against, data, whole, sequences, confirm, ignoreEstimate, dir, signal },
    place,
  );
  await writeKing(runDir, { version: 1, madeAt: new Date().toISOString(), ...king });
  // Nothing is kept open for hours.
  await place.close();
}

/**
 * Refuses of a run that is to go on what `prepareDuel` refuses of a new one: its king may have been scored when nothing was to be published.
 *
 * @throws UserError `usage.duel_data`
 */
export async function refuseUnconfirmable(runDir: string, intent: PublishIntent | null): Promise<void> {
  const { against, ...text } = await readDuel(runDir);
  if (against === null || intent?.when == null) return;
  const best = shellWord(join(runDir, 'best'));
  refuseChosenBy(text, [
    `pt train --load-model-dir ${best} --against ${shellWord(against)} --duel-data FILE   # a run of its own`,
    'Leave out --publish-when',
  ]);
}

/** What a run's duel was asked to be, and whether nothing is trained on its text. */
async function readDuel(runDir: string): Promise<DuelRequest & { whole: boolean; ignoreEstimate: boolean }> {
  const config = await readRunConfig(runDir);
  const { against = null, data = [], sequences = null } = (config.duel ?? {}) as Partial<DuelRequest>;
  const trained = config.data as DataSource[];
  const whole = data.length > 0 && !data.some((text) => trained.some(({ name }) => overlap(text, name)));
  const ignoreEstimate = config.ignore_estimate === true;
  return { against, data, sequences, whole, ignoreEstimate };
}

/** Refuses `--against` before anything is made, where no duel can be. */
export function refuseDuel({ against }: DuelRequest, place: Place): void {
  if (against !== null) refuseUndecided(place);
}

/** The same text, or a folder and what lies in it, by whichever name. */
function overlap(...names: [string, string]): boolean {
  const [a, b] = names.map((name) => (existsSync(name) ? realpathSync(name) : name)) as [string, string];
  return a === b || a.startsWith(b + sep) || b.startsWith(a + sep);
}

/** What training holds out of its text decides which model is best: a win on it is no confirmation. */
function refuseChosenBy({ whole, data }: { whole: boolean; data: string[] }, nextSteps: string[]): void {
  if (whole || data.length === 0) return;
  throw new UserError(
    'usage.duel_data',
    `--publish-when with --against takes text that nothing is trained on, to confirm a win: ${data.map((text) => basename(text)).join(', ')} is trained on.`,
    { nextSteps },
  );
}
