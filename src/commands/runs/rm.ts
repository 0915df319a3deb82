import { Args } from '../../cli/base.ts';
import { RemoveCommand, removeFlags } from '../../cli/remove-command.ts';
import { runArg } from '../../cli/run-args.ts';
import type { Printed } from '../../output/index.ts';
import { runsFolder } from '../../settings/index.ts';

export default class RunsRm extends RemoveCommand {
  static override summary = 'Remove runs: their folders with checkpoints, best model and logs';
  static override description =
    'Asks first, and names those that were published. A run that is being trained is refused: `pt stop` ends it.';
  static override examples = [
    '<%= config.bin %> runs rm 20261123-101500-3f9a',
    '<%= config.bin %> runs rm latest --dry-run',
  ];
  static override strict = false;
  static override args = { run: Args.string({ ...runArg, required: true }) };
  static override flags = removeFlags;

  async run(): Promise<Printed<'runs:rm'>> {
    const { flags, argv } = await this.parse(RunsRm);
    const { removable } = await import('../../jobs/index.ts');
    const { locateRun } = await import('../../training/index.ts');
    const settings = await this.settings(flags);
    const dirs = new Set<string>();
    for (const name of argv as string[]) dirs.add(await locateRun(runsFolder(settings), name, 'RUN'));
    return this.remove(await Promise.all([...dirs].map(removable)), flags);
  }
}
