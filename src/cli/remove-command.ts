import { Flags } from '@oclif/core';
import type { Removable } from '../jobs/index.ts';
import type { Printed } from '../output/index.ts';
import { removedOutput } from '../output/runs.ts';
import { formatBytes } from '../text/format.ts';
import { STATE_WORDS } from '../text/state-words.ts';
import { PtCommand } from './base.ts';
import { runsDirFlag } from './run-args.ts';

export const removeFlags = {
  ...runsDirFlag,
  yes: Flags.boolean({ char: 'y', summary: 'Answer yes to every question' }),
  'dry-run': Flags.boolean({ summary: 'Only show what would go' }),
};

/** What `pt runs rm` and `pt runs prune` have in common: show, ask, remove. */
export abstract class RemoveCommand extends PtCommand {
  protected async remove(
    runs: readonly Removable[],
    flags: { yes?: boolean; 'dry-run'?: boolean },
  ): Promise<Printed<'runs:rm'>> {
    const { removeQuestion, removeRuns } = await import('../jobs/index.ts');
    const bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
    this.table(
      [
        { title: 'run' },
        { title: 'state' },
        { title: 'size', align: 'right' },
        { title: 'published', narrow: 'under' },
      ],
      runs.map((run) => [run.run, STATE_WORDS[run.state], formatBytes(run.bytes), run.published]),
    );
    const dryRun = flags['dry-run'] ?? false;
    if (dryRun) this.nextSteps(['The same command without --dry-run']);
    else {
      await this.confirm(removeQuestion(runs, formatBytes(bytes)), { yes: flags.yes ?? false });
      await removeRuns(runs);
      this.success(
        `${runs.length} ${runs.length === 1 ? 'run' : 'runs'} removed, ${formatBytes(bytes)} freed.`,
      );
    }
    return removedOutput(runs, dryRun);
  }
}
