import { Args, PtCommand } from '../../cli/base.ts';
import { runArg, runsDirFlag } from '../../cli/run-args.ts';
import type { Printed } from '../../output/index.ts';
import { labelsOutput } from '../../output/runs.ts';
import { runsFolder } from '../../settings/index.ts';

export default class RunsNote extends PtCommand {
  static override summary = 'Keep a line about a run; an empty one takes it away';
  static override examples = ['<%= config.bin %> runs note latest "lr 3e-4, the same data as baseline"'];
  static override args = {
    run: Args.string({ ...runArg, required: true }),
    text: Args.string({ description: 'The line, in quotes', required: true }),
  };
  static override flags = { ...runsDirFlag };

  async run(): Promise<Printed<'runs:note'>> {
    const { flags, args } = await this.parse(RunsNote);
    const { labelRun } = await import('../../jobs/index.ts');
    const { locateRun, runWord } = await import('../../training/index.ts');
    const settings = await this.settings(flags);
    const dir = await locateRun(runsFolder(settings), args.run, 'RUN');
    const text = args.text.trim();
    const labels = await labelRun(dir, { note: text === '' ? null : text });
    const word = runWord(dir, settings.home);
    this.success(labels.note === null ? `Run ${word} has no note.` : `Run ${word}: ${labels.note}`);
    return labelsOutput(dir, labels);
  }
}
