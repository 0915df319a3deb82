import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Place } from '../place.ts';
import { checkBest } from './check-best.ts';

export interface RunPages {
  /** Address of the live page; null: nobody asked for it. */
  url: string | null;
  show(runDir: string): void;
  /**
   * Ends the live page and writes `report.html` into the run's folder; gives its path. `finished`: look at the best model as well.
   * A run never fails for its picture: what goes wrong is told to `warn`, and null is given.
   */
  end(
    runDir: string,
    options: { place: Place; finished: boolean; warn: (text: string) => void },
  ): Promise<string | null>;
}

/** The pages of a run that is about to begin. Throws `UserError` `dashboard.port` when the live one cannot be served. */
export async function openRunPages(flags: {
  dashboard?: boolean;
  'dashboard-port'?: number;
}): Promise<RunPages> {
  const live = flags.dashboard ? await openLive(flags['dashboard-port']) : null;
  return {
    url: live?.url ?? null,
    show: (runDir) => live?.show([runDir]),
    async end(runDir, { place, finished, warn }) {
      await live?.close().catch(() => {}); // nobody can be told: the page was the way to tell
      // A folder that was taken away is not made anew for a picture of it.
      if (!existsSync(join(runDir, 'run.json'))) return null;
      try {
        const { writeRunReport } = await import('../report/index.ts');
        const check = finished ? await checkBest(runDir, place) : null;
        return (await writeRunReport([runDir], { check, out: null })).file;
      } catch (error) {
        warn(`report.html was not written: ${(error as Error).message} (pt report ${basename(runDir)})`);
        return null;
      }
    },
  };
}

async function openLive(port: number | undefined) {
  const { DASHBOARD_PORT, openDashboard } = await import('../report/index.ts');
  return openDashboard(port ?? DASHBOARD_PORT, {
    flag: '--dashboard-port',
    anyPort: 'pt train --dashboard --dashboard-port 0',
    farewell: 'Training has ended. This page stays as it is; the run keeps it as report.html.',
  });
}
