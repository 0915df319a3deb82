import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../host/read-json.ts';
import { writeJson } from '../host/write-file.ts';
import { fileWord } from '../text/file-name.ts';

/** Losses of a network's miners as they were scored on this machine (`PT_HOME/losses/`): `pt evaluate` writes them. */

const text = z.string().max(2000);
const lossSchema = z.looseObject({ block: z.number(), loss: z.number(), at: text, data: z.array(text) });

/** By uid; `block` is that of the commitment that was scored, `data` the text it was scored on. */
export type KnownLosses = Map<number, z.infer<typeof lossSchema>>;

export interface LossPlace {
  /** PT_HOME. */
  home: string;
  network: string;
  netuid: number;
}

/** What is known of the losses of a network's miners. */
export async function readLosses(place: LossPlace): Promise<KnownLosses> {
  const value = z.record(z.string(), z.unknown()).safeParse(await readJson(lossesPath(place))).data ?? {};
  const known: KnownLosses = new Map();
  for (const [uid, entry] of Object.entries(value)) {
    const { data } = lossSchema.safeParse(entry);
    if (data && /^\d{1,5}$/.test(uid)) known.set(Number(uid), data);
  }
  return known;
}

export const writeLosses = (place: LossPlace, known: KnownLosses): Promise<void> =>
  writeJson(lossesPath(place), Object.fromEntries(known));

function lossesPath({ home, network, netuid }: LossPlace): string {
  return join(home, 'losses', `${fileWord(network)}-${netuid}.json`);
}
