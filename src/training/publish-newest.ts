import { link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface PublishNewest<Outcome> {
  /** There is a new best model. Returns at once; while one is being looked at, only the newest of those to come is kept. */
  offer(): void;
  /** After the last model: waits for what is under way, tries the newest once more if it failed, and throws what stops it. */
  finish(): Promise<Outcome | null>;
  /** Drops what was offered and waits until nothing is under way. */
  stop(): Promise<void>;
}

export interface PublishNewestOptions<Outcome> {
  /** The trainer replaces this folder as a whole at any time. */
  bestDir: string;
  /** Publishes what lies in `dir`; null when it is not worth it. */
  attempt: (dir: string) => Promise<Outcome | null>;
  /** A failure of a try that another one will follow. */
  onFailure: (error: unknown) => void;
}

/** Publishes the best models of a run while it goes on: one at a time, beside the training, never an old one after a new one. */
export function publishNewest<Outcome>({
  bestDir,
  attempt,
  onFailure,
}: PublishNewestOptions<Outcome>): PublishNewest<Outcome> {
  const candidate = `${bestDir}.candidate`;
  let offered = 0;
  let tried = 0;
  let failed = false;
  let published: Outcome | null = null;
  let busy: Promise<void> | null = null;

  const drain = async (): Promise<void> => {
    while (tried < offered) {
      tried = offered;
      try {
        await snapshot(bestDir, candidate);
        published = (await attempt(candidate)) ?? published;
        failed = false;
      } catch (error) {
        failed = true;
        onFailure(error);
      }
      // Within the loop: what is offered meanwhile is seen by it.
      await rm(candidate, { recursive: true, force: true });
    }
    busy = null;
  };

  return {
    offer() {
      offered += 1;
      busy ??= drain();
    },
    async finish() {
      await busy;
      return failed ? ((await attempt(bestDir)) ?? published) : published;
    },
    async stop() {
      tried = offered;
      await busy;
    },
  };
}

/** The same files under names that stay when the folder is replaced: hard links cost no space. */
async function snapshot(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true }))
    if (entry.isFile()) await link(join(from, entry.name), join(to, entry.name));
}
