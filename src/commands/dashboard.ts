import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Args, Flags, PtCommand } from '../cli/base.ts';
import { runsDirFlag, severalRuns } from '../cli/run-args.ts';
import type { Printed } from '../output/index.ts';
import { dashboardOutput } from '../output/runs.ts';
import { runsFolder } from '../settings/index.ts';

/** The longest that a timer waits. */
const LONG_MS = 2 ** 31 - 1;

export default class Dashboard extends PtCommand {
  static override summary = 'Runs as one live page on this machine, until Ctrl-C';
  static override description =
    'The page of `pt report`, which grows as the runs do; they go on when it ends. Without RUN: those that are being trained, else the ' +
    'newest. It is served at 127.0.0.1 alone.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> dashboard',
    '<%= config.bin %> dashboard first-try latest --port 0',
  ];
  static override args = { run: Args.string(severalRuns) };
  static override flags = {
    port: Flags.integer({ summary: 'Port of the page (7878); 0: any', min: 0, max: 65_535 }),
    ...runsDirFlag,
  };

  async run(): Promise<Printed<'dashboard'>> {
    const { argv, flags } = await this.parse(Dashboard);
    const { DASHBOARD_PORT, openDashboard } = await import('../report/index.ts');
    const { namedRuns, watchedRuns } = await import('../jobs/index.ts');
    const { isDriven, readState } = await import('../training/index.ts');
    const { home, modelDir } = await this.settings(flags);
    const runsDir = runsFolder({ home, modelDir });
    const runDirs = argv.length > 0 ? await namedRuns(runsDir, argv as string[]) : await watchedRuns(runsDir);
    const page = await openDashboard(flags.port ?? DASHBOARD_PORT, {
      flag: '--port',
      anyPort: 'pt dashboard --port 0',
      farewell: 'pt dashboard has ended. This page stays as it is.',
    });
    page.show(runDirs);
    const what = runDirs.length === 1 ? `run ${basename(runDirs[0]!)}` : `${runDirs.length} runs`;
    this.note(`Live page of ${what}: ${page.url}`);
    const trained = (await Promise.all(runDirs.map(readState))).some(isDriven);
    this.note(`Ctrl-C ends the page${trained ? '; training goes on' : ''}.`);
    // Whatever the runs do: a page of finished ones is looked at too.
    while (!this.signal.aborted) await sleep(LONG_MS, undefined, { signal: this.signal }).catch(() => {});
    await page.close();
    return dashboardOutput(page.url, runDirs);
  }
}
