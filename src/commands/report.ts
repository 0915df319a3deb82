import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Args, Flags, networkFlags, PtCommand } from '../cli/base.ts';
import { runsDirFlag, severalRuns } from '../cli/run-args.ts';
import type { Printed } from '../output/index.ts';
import { reportOutput } from '../output/runs.ts';
import { runsFolder } from '../settings/index.ts';
import { formatBytes } from '../text/format.ts';
import { shellWord } from '../text/shell-word.ts';

export default class Report extends PtCommand {
  static override summary = 'Runs as one HTML page: curves, and of one run forecast, check and settings';
  static override description =
    'Writes one file that needs no connection. Of one run: its curves, what it writes, what validators would say, the win forecast of ' +
    '`pt evaluate`, where it was published, and every setting with its origin. Of several: their curves in the same charts, and what ' +
    'differs in their settings. Works on runs that still go on or were killed. Of a folder that `pt merge` wrote: its candidates.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> report latest',
    '<%= config.bin %> report 20261123 --out run.html',
    '<%= config.bin %> report first-try latest',
    '<%= config.bin %> report merged',
  ];
  static override args = { run: Args.string({ ...severalRuns, default: 'latest' }) };
  static override flags = {
    out: Flags.string({
      summary:
        'File to write (report.html in the run folder; of several runs comparison.html beside the first)',
    }),
    network: networkFlags.network,
    netuid: networkFlags.netuid,
    profile: networkFlags.profile,
    competition: networkFlags.competition,
    ...runsDirFlag,
  };

  async run(): Promise<Printed<'report'>> {
    const { argv, flags } = await this.parse(Report);
    const { readMergeOf, writeMergeReport, writeRunReport } = await import('../report/index.ts');
    const [only, ...others] = argv as string[];
    const merge = only === undefined || others.length > 0 ? null : await readMergeOf(only);
    if (merge !== null) {
      const { file, bytes } = await writeMergeReport(only!, merge, flags.out ?? null);
      this.#tell(`mixture ${only}`, file, bytes);
      return reportOutput(file, bytes, [], null);
    }
    const { namedRuns } = await import('../jobs/index.ts');
    const { home, modelDir } = await this.settings(flags);
    const runDirs = await namedRuns(runsFolder({ home, modelDir }), argv as string[]);
    const check = runDirs.length === 1 ? await this.#check(runDirs[0]!, flags) : null;
    const { file, bytes, reports } = await writeRunReport(runDirs, { check, out: flags.out ?? null });
    const what = reports.length === 1 ? `run ${reports[0]!.id}` : `${reports.length} runs`;
    this.#tell(what, file, bytes);
    if (check !== null && reports[0]!.forecast === null)
      this.nextSteps([
        `pt evaluate ${shellWord(join(runDirs[0]!, 'best'))} --against best   # adds the win forecast`,
      ]);
    return reportOutput(file, bytes, reports, check);
  }

  #tell(what: string, file: string, bytes: number): void {
    this.success(`Report of ${what} (${formatBytes(bytes)}). Open it in a browser:`);
    this.print(file);
    this.note(pathToFileURL(file).href);
  }

  /** What the run was trained under may not exist here (another machine's run, another subnet's constants): then what holds here. */
  async #check(runDir: string, flags: object) {
    const { checkBest, trainedUnder } = await import('../runs/index.ts');
    const now = { ...flags, offline: true };
    const settings = await this.settings({ ...(await trainedUnder(runDir)), ...now }).catch(() =>
      this.settings(now),
    );
    return checkBest(runDir, await this.place(settings));
  }
}
