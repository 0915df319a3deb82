import { COUNT, Flags } from '../../cli/base.ts';
import { RemoveCommand, removeFlags } from '../../cli/remove-command.ts';
import { UserError } from '../../errors.ts';
import type { Printed } from '../../output/index.ts';
import { removedOutput } from '../../output/runs.ts';
import { runsFolder } from '../../settings/index.ts';
import { parseAge } from '../../text/age.ts';

export default class RunsPrune extends RemoveCommand {
  static override summary = 'Remove the runs that all of its flags fit';
  static override description =
    'Asks first. Runs that are being trained, were published or have a tag stay; `pt runs rm` removes those by name.';
  static override examples = [
    '<%= config.bin %> runs prune --failed --dry-run',
    '<%= config.bin %> runs prune --older-than 30d --keep 5',
  ];
  static override flags = {
    failed: Flags.boolean({ summary: 'Only runs that failed or were killed' }),
    'older-than': Flags.string({
      summary: 'Only runs that ended so long ago, in whole s, m, h, d or w: 12h, 30d (any)',
      helpValue: 'AGE',
    }),
    keep: Flags.integer({
      summary: 'Keep the newest so many runs, whatever else fits (0)',
      ...COUNT,
    }),
    ...removeFlags,
  };

  async run(): Promise<Printed<'runs:prune'>> {
    const { flags } = await this.parse(RunsPrune);
    const { removable, toPrune } = await import('../../jobs/index.ts');
    const { listRuns } = await import('../../training/index.ts');
    const settings = await this.settings(flags);
    const { failed = false, 'older-than': age, keep } = flags;
    if (!failed && age === undefined && keep === undefined)
      throw new UserError(
        'usage.missing_flag',
        'Nothing says which runs: --failed, --older-than or --keep.',
        {
          nextSteps: [
            'pt runs prune --failed --dry-run',
            'pt runs prune --older-than 30d --keep 5 --dry-run',
          ],
        },
      );
    const olderThan = age === undefined ? null : parseAge(age);
    if (age !== undefined && olderThan === null)
      throw new UserError(
        'usage.age',
        `--older-than ${age}: must be a number and a unit, as 12h, 30d or 4w.`,
        {
          nextSteps: ['pt runs prune --older-than 30d --dry-run'],
        },
      );
    const rules = { failed, olderThan, keep: keep ?? 0, now: new Date() };
    const runs = toPrune(await listRuns(runsFolder(settings)), rules);
    if (runs.length === 0) {
      this.note('No run fits; those that were published or have a tag are left out.');
      return removedOutput([], flags['dry-run'] ?? false);
    }
    return this.remove(await Promise.all(runs.map(({ dir }) => removable(dir))), flags);
  }
}
