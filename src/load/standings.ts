import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Standing } from '../notify/index.ts';
import type { Place } from '../place.ts';
import { fileWord } from '../text/file-name.ts';
import type { SubnetStatus } from './status.ts';

/** Where own hotkeys stood, look by look (`PT_HOME/standings/`, a line for each change): what the subnet's page draws. */

const lineSchema = z.object({
  at: z.string(),
  block: z.number(),
  uid: z.number(),
  place: z.number().nullable(),
  state: z.string(),
  incentive: z.number(),
});

/** A standing with the time of the look, ISO. */
export type KeptStanding = z.infer<typeof lineSchema>;

/** Where the own hotkey stands; null: it is not registered, or there is none. */
export function standingOf({ own, place, block }: SubnetStatus): Standing | null {
  if (own === null) return null;
  return { block, uid: own.uid, place, state: own.state, incentive: own.incentive };
}

/** Keeps a standing that differs from the last one. */
export async function keepStanding(where: StandingPlace, hotkey: string, standing: Standing): Promise<void> {
  const last = (await readStandings(where, hotkey)).at(-1);
  const same = (['uid', 'place', 'state', 'incentive'] as const).every(
    (key) => last?.[key] === standing[key],
  );
  if (same) return;
  const file = fileOf(where, hotkey);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await appendFile(file, `${JSON.stringify({ at: new Date().toISOString(), ...standing })}\n`, {
    mode: 0o600,
  });
}

/** Oldest first; lines that are none are passed over. */
export async function readStandings(where: StandingPlace, hotkey: string): Promise<KeptStanding[]> {
  const text = await readFile(fileOf(where, hotkey), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      return lineSchema.safeParse(JSON.parse(line)).data ?? [];
    } catch {
      return [];
    }
  });
}

type StandingPlace = Pick<Place, 'home' | 'network' | 'netuid'>;

function fileOf({ home, network, netuid }: StandingPlace, hotkey: string): string {
  return join(home, 'standings', `${fileWord(network)}-${netuid}-${fileWord(hotkey)}.jsonl`);
}
