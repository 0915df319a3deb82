import { Args, Flags, PtCommand } from '../../cli/base.ts';
import { runArg, runsDirFlag } from '../../cli/run-args.ts';
import type { Printed } from '../../output/index.ts';
import { labelsOutput } from '../../output/runs.ts';
import { runsFolder } from '../../settings/index.ts';

export default class RunsTag extends PtCommand {
  static override summary = 'Give a run tags, or take them away';
  static override description = 'Tags are shown by `pt runs`; a run that has one is never pruned.';
  static override examples = [
    '<%= config.bin %> runs tag latest baseline muon',
    '<%= config.bin %> runs tag latest baseline --remove',
  ];
  static override strict = false;
  static override args = {
    run: Args.string({ ...runArg, required: true }),
    tag: Args.string({ description: 'Tag: a word; any number of them', required: true }),
  };
  static override flags = {
    remove: Flags.boolean({ summary: 'Take these tags away instead' }),
    ...runsDirFlag,
  };

  async run(): Promise<Printed<'runs:tag'>> {
    const { flags, args, argv } = await this.parse(RunsTag);
    const { labelRun } = await import('../../jobs/index.ts');
    const { locateRun, runWord } = await import('../../training/index.ts');
    const settings = await this.settings(flags);
    const dir = await locateRun(runsFolder(settings), args.run, 'RUN');
    const tags = (argv as string[]).slice(1);
    const labels = await labelRun(dir, flags.remove ? { remove: tags } : { add: tags });
    const tagged = labels.tags.length === 0 ? 'has no tags' : `has the tags ${labels.tags.join(', ')}`;
    this.success(`Run ${runWord(dir, settings.home)} ${tagged}.`);
    return labelsOutput(dir, labels);
  }
}
