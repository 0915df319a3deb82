import { join } from 'node:path';
import { PtCommand } from '../../cli/base.ts';
import { runsDirFlag } from '../../cli/run-args.ts';
import type { Printed } from '../../output/index.ts';
import { runsOutput } from '../../output/runs.ts';
import { runsFolder } from '../../settings/index.ts';
import { formatChance, formatDuration, formatLoss, formatOf, formatWhole } from '../../text/format.ts';
import { shellWord } from '../../text/shell-word.ts';
import { STATE_WORDS } from '../../text/state-words.ts';
import { chanceInterval, type RunDuel, runWord } from '../../training/index.ts';

/** `34% (10% to 60%), +1,200`: how many more sequences would settle it. */
function chanceAndMore(duel: RunDuel): string {
  const { more } = duel;
  return chanceInterval(duel) + (more === null || more === 0 ? '' : `, +${formatWhole(more)}`);
}

export default class Runs extends PtCommand {
  static override summary = 'Past runs, newest first';
  static override description =
    'Loss is that of the newest step, best the lowest held-out one, p(win) the chance of its duel (--against), else what `pt evaluate` said last.';
  static override examples = [
    '<%= config.bin %> runs',
    '<%= config.bin %> runs --json',
    '<%= config.bin %> runs tag latest baseline',
    '<%= config.bin %> runs prune --failed --older-than 30d',
  ];
  static override flags = { ...runsDirFlag };

  async run(): Promise<Printed<'runs'>> {
    const { flags } = await this.parse(Runs);
    const { knownRuns } = await import('../../runs/known.ts');
    const settings = await this.settings(flags);
    const { runs } = runsOutput(await knownRuns(runsFolder(settings)));
    if (runs.length === 0) {
      this.note('No runs yet.');
      this.nextSteps(['pt train --offline']);
      return { runs };
    }
    this.table(
      [
        { title: 'run' },
        { title: 'state' },
        { title: 'step', align: 'right' },
        { title: 'loss' },
        { title: 'best' },
        { title: 'p(win)' },
        { title: 'time', align: 'right' },
        { title: 'recipe', narrow: 'under' },
        { title: 'published', narrow: 'under' },
        { title: 'tags', narrow: 'under' },
        { title: 'note', narrow: 'under' },
      ],
      runs.map((run) => [
        run.id,
        STATE_WORDS[run.state],
        formatOf(run.steps, run.totalSteps),
        formatLoss(run.loss),
        formatLoss(run.bestLoss),
        run.duel !== null ? chanceAndMore(run.duel) : run.pWin === null ? '-' : formatChance(run.pWin),
        formatDuration(run.seconds),
        run.recipe,
        run.published?.repo,
        run.tags.join(', '),
        run.note ?? '',
      ]),
    );
    const [newest] = runs as [(typeof runs)[0]];
    const word = runWord(newest.dir, settings.home);
    this.nextSteps([
      ...(newest.state === 'running' ? [`pt attach ${word}`] : []),
      `pt report ${word}`,
      ...(newest.state === 'running' || newest.state === 'done' ? [] : [`pt train --resume ${word}`]),
      ...(newest.bestLoss === null ? [] : [`pt check ${shellWord(join(newest.dir, 'best'))}`]),
    ]);
    return { runs };
  }
}
