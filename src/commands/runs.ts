import { join } from 'node:path';
import { PtCommand } from '../cli/base.ts';
import type { Printed } from '../output/index.ts';
import { runsOutput } from '../output/runs.ts';
import { shellWord } from '../text/shell-word.ts';
import { listRuns, runWord } from '../training/index.ts';

export default class Runs extends PtCommand {
  static override summary = 'Past runs, newest first';
  static override examples = ['<%= config.bin %> runs', '<%= config.bin %> runs --json'];

  async run(): Promise<Printed<'runs'>> {
    const { flags } = await this.parse(Runs);
    const settings = await this.settings(flags);
    const { runs } = runsOutput(await listRuns(settings.modelDir ?? join(settings.home, 'runs')));
    if (runs.length === 0) {
      this.note('No runs yet.');
      this.nextSteps(['pt train --offline']);
    } else {
      this.table(
        [
          { title: 'run' },
          { title: 'state' },
          { title: 'steps' },
          { title: 'best loss' },
          { title: 'published' },
          { title: 'folder' },
        ],
        runs.map((run) => [
          run.id,
          run.state,
          run.steps,
          run.bestLoss?.toFixed(4) ?? '-',
          run.published?.repo ?? '-',
          run.dir,
        ]),
      );
      const [newest] = runs as [(typeof runs)[0]];
      const word = runWord(newest.dir, settings.home);
      this.nextSteps([
        `pt report ${word}`,
        `pt train --resume ${word}`,
        ...(newest.bestLoss === null ? [] : [`pt check ${shellWord(join(newest.dir, 'best'))}`]),
      ]);
    }
    return { runs };
  }
}
