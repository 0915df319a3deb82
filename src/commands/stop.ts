import { Args, COUNT, Flags, PtCommand } from '../cli/base.ts';
import { runArg, runsDirFlag } from '../cli/run-args.ts';
import type { Printed } from '../output/index.ts';
import { jobOutput } from '../output/jobs.ts';
import { runsFolder } from '../settings/index.ts';
import { formatWhole } from '../text/format.ts';
import { STATE_WORDS } from '../text/state-words.ts';

export default class Stop extends PtCommand {
  static override summary = 'Stop a run from any shell, as Ctrl-C in its own does: it saves first';
  static override description =
    'Without RUN: the one that is being trained. A run that has ended is left as it is.';
  static override examples = [
    '<%= config.bin %> stop',
    '<%= config.bin %> stop 20261123',
    '<%= config.bin %> stop --now',
  ];
  static override args = { run: Args.string(runArg) };
  static override flags = {
    now: Flags.boolean({ summary: 'End it at once; what came after the last checkpoint is lost' }),
    wait: Flags.integer({ summary: 'Seconds to wait for its end (300)', ...COUNT, min: 1 }),
    ...runsDirFlag,
  };

  async run(): Promise<Printed<'stop'>> {
    const { args, flags } = await this.parse(Stop);
    const { runningRun, stopRun } = await import('../jobs/index.ts');
    const { hasCheckpoint, runWord, summariseRun } = await import('../training/index.ts');
    const { home, modelDir } = await this.settings(flags);
    const runDir = await runningRun(runsFolder({ home, modelDir }), args.run ?? null, 'pt stop');
    const word = runWord(runDir, home);
    const before = await summariseRun(runDir);
    const { now = false, wait: seconds = 300 } = flags;
    const run = await this.work(stopRun(runDir, { now, seconds, signal: this.signal }));
    if (before.state !== 'running') this.note(`Run ${word} had ended already (${STATE_WORDS[run.state]}).`);
    else this.success(`Run ${word} has ended after step ${formatWhole(run.steps)}.`);
    const goOn = `pt train --resume ${word}`;
    if (run.state === 'done') this.nextSteps([`pt report ${word}`]);
    else
      this.nextSteps([
        (await hasCheckpoint(runDir)) ? goOn : `${goOn} --from-start   # it has no checkpoint`,
      ]);
    return jobOutput(run);
  }
}
