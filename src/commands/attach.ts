import { Args, PtCommand } from '../cli/base.ts';
import { runArg, runsDirFlag } from '../cli/run-args.ts';
import { Cancelled } from '../errors.ts';
import type { Printed } from '../output/index.ts';
import { jobOutput } from '../output/jobs.ts';
import { runsFolder } from '../settings/index.ts';
import { formatAmount, formatLoss } from '../text/format.ts';
import { STATE_WORDS } from '../text/state-words.ts';

export default class Attach extends PtCommand {
  static override summary = 'Watch a run that is being trained, as its own terminal would show it';
  static override description =
    'Ctrl-C ends the watching; the run goes on. Without RUN: the one that is being trained.';
  static override examples = ['<%= config.bin %> attach', '<%= config.bin %> attach 20261123'];
  static override args = { run: Args.string(runArg) };
  static override flags = runsDirFlag;

  async run(): Promise<Printed<'attach'>> {
    const { args, flags } = await this.parse(Attach);
    const { followRun, runningRun } = await import('../jobs/index.ts');
    const { runWord, summariseRun } = await import('../training/index.ts');
    const { home, modelDir } = await this.settings(flags);
    const runDir = await runningRun(runsFolder({ home, modelDir }), args.run ?? null, 'pt attach');
    const word = runWord(runDir, home);
    if ((await summariseRun(runDir)).state === 'running') this.note(`Run ${word}. Ctrl-C leaves it running.`);
    const run = await this.work(followRun(runDir, this.signal));
    if (this.signal.aborted)
      throw new Cancelled(`Run ${word} goes on.`, { nextSteps: [`pt attach ${word}`, `pt stop ${word}`] });
    const best = run.bestLoss === null ? '' : `; best held-out loss ${formatLoss(run.bestLoss)}`;
    this.note(`Run ${word}: ${STATE_WORDS[run.state]} after ${formatAmount(run.steps, 'steps')}${best}.`);
    if (run.error !== null) this.warning(`${run.error.message} [${run.error.code}]`);
    this.nextSteps([run.state === 'done' ? `pt report ${word}` : `pt train --resume ${word}`]);
    return jobOutput(run);
  }
}
