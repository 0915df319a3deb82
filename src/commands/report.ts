import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Args, Flags, networkFlags, PtCommand } from '../cli/base.ts';
import type { Printed } from '../output/index.ts';
import { runsFolder } from '../settings/index.ts';
import { shellWord } from '../text/shell-word.ts';

export default class Report extends PtCommand {
  static override summary = 'A run as one HTML page: curves, forecast, check, settings';
  static override description =
    'Writes one file that needs no connection: loss, speed, memory and learning rate to zoom into, what validators would say, the win ' +
    'forecast of `pt evaluate`, where it was published, and every setting with its origin. Works on runs that still go on or were killed.';
  static override examples = [
    '<%= config.bin %> report latest',
    '<%= config.bin %> report 20261123 --out run.html',
  ];
  static override args = {
    run: Args.string({
      description: 'Run: its id or how it begins, its folder, or latest',
      default: 'latest',
    }),
  };
  static override flags = {
    out: Flags.string({ summary: 'File to write (report.html in the run folder)' }),
    network: networkFlags.network,
    netuid: networkFlags.netuid,
    profile: networkFlags.profile,
    competition: networkFlags.competition,
    'model-dir': Flags.string({ summary: 'Folder for runs (PT_HOME/runs)' }),
  };

  async run(): Promise<Printed<'report'>> {
    const { args, flags } = await this.parse(Report);
    const { locateRun } = await import('../training/index.ts');
    const { writeRunReport } = await import('../report/index.ts');
    const { checkBest, trainedUnder } = await import('../runs/index.ts');
    const { home, modelDir } = await this.settings(flags);
    const runDir = await locateRun(runsFolder({ home, modelDir }), args.run, 'RUN');
    const now = { ...flags, offline: true };
    // What the run was trained under may not exist here (another machine's run, another subnet's constants).
    const settings = await this.settings({ ...(await trainedUnder(runDir)), ...now }).catch(() =>
      this.settings(now),
    );
    const check = await checkBest(runDir, await this.place(settings));
    const { file, bytes, report } = await writeRunReport(runDir, { check, out: flags.out ?? null });
    this.success(`Report of run ${report.id} (${(bytes / 1000).toFixed(0)} kB). Open it in a browser:`);
    this.print(file);
    this.note(pathToFileURL(file).href);
    if (report.forecast === null && check !== null)
      this.nextSteps([
        `pt evaluate ${shellWord(join(runDir, 'best'))} --against best   # adds the win forecast`,
      ]);
    return {
      file,
      bytes,
      run: report.id,
      state: report.status,
      accepted: check?.accepted ?? null,
      verdict: check?.verdict ?? null,
    };
  }
}
