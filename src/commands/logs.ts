import { Args, COUNT, Flags, PtCommand } from '../cli/base.ts';
import { runArg, runsDirFlag } from '../cli/run-args.ts';
import type { Happening } from '../jobs/index.ts';
import type { Printed } from '../output/index.ts';
import { logLine, logsOutput } from '../output/jobs.ts';
import { runsFolder } from '../settings/index.ts';
import { formatAmount, localTime } from '../text/format.ts';
import { STATE_WORDS } from '../text/state-words.ts';

export default class Logs extends PtCommand {
  static override summary = 'What happened in a run, line by line; with -f as it happens';
  static override description =
    'Reads the run folder, so it works from any shell, while the run goes on or long after. Steps are shown once in ten seconds.';
  static override examples = [
    '<%= config.bin %> logs',
    '<%= config.bin %> logs -f',
    '<%= config.bin %> logs 20261123 --lines 20',
  ];
  static override args = { run: Args.string(runArg) };
  static override flags = {
    follow: Flags.boolean({ char: 'f', summary: 'Go on until the run ends; Ctrl-C leaves it running' }),
    lines: Flags.integer({
      char: 'n',
      summary: 'Only so many of the last lines so far (all)',
      ...COUNT,
    }),
    ...runsDirFlag,
  };

  async run(): Promise<Printed<'logs'>> {
    const { args, flags } = await this.parse(Logs);
    const { happenings } = await import('../jobs/index.ts');
    const { locateRun, summariseRun } = await import('../training/index.ts');
    const { home, modelDir } = await this.settings(flags);
    const runDir = await locateRun(runsFolder({ home, modelDir }), args.run ?? null, 'RUN');
    const { follow = false, lines: most = Number.POSITIVE_INFINITY } = flags;
    const past: Happening[] = [];
    let first = true;
    for await (const lines of happenings(runDir, { follow, signal: this.signal })) {
      const kept = first && follow ? lastOf(lines, most) : lines;
      first = false;
      if (follow) for (const line of kept) this.#show(line, true);
      else past.push(...kept);
    }
    const shown = lastOf(past, most);
    for (const line of shown) this.#show(line, false);
    const run = await summariseRun(runDir);
    if (run.error !== null) this.note(`${STATE_WORDS[run.state]}: ${run.error.message} [${run.error.code}]`);
    else if (run.state !== 'running')
      this.note(`${STATE_WORDS[run.state]} after ${formatAmount(run.steps, 'steps')}.`);
    return logsOutput(run, follow ? null : shown);
  }

  #show(line: Happening, alone: boolean): void {
    if (alone) this.printLine(logLine(line));
    const mark = line.level === 'info' ? '' : `${line.level === 'warning' ? 'Warning' : 'Error'}: `;
    this.print(`${localTime(line.time)}  ${mark}${line.text}`);
  }
}

const lastOf = (lines: Happening[], most: number): Happening[] =>
  lines.slice(Math.max(0, lines.length - most));
