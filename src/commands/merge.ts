import { basename, resolve } from 'node:path';
import { Args, Flags, networkFlags, PtCommand, sampleFlags } from '../cli/base.ts';
import { runsDirFlag } from '../cli/run-args.ts';
import { mergeModels, namedModels, parseWeights } from '../merging/index.ts';
import type { Printed } from '../output/index.ts';
import { mergeOutput } from '../output/merge.ts';
import { runsFolder } from '../settings/index.ts';
import { formatLoss } from '../text/format.ts';
import { shellWord } from '../text/shell-word.ts';
import { runWord } from '../training/index.ts';

export default class Merge extends PtCommand {
  static override summary = 'Mix models that go back to the same one, and keep the mixture that scores best';
  static override description =
    'Weighted means of the weights, tensor by tensor in bounded memory, each scored with the models on one sample. Files, config and dtypes ' +
    'are those of the first model. With two models the points between them are tried, with more their mean; --weights names others. ' +
    'RUN@STEP is a checkpoint of a run, RUN@STEP..STEP those between two steps and RUN@.. all of them; RUN@best is its best model, RUN@start ' +
    'the one that it began with.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> merge KING RUN/best --out merged --data builtin --offline',
    '<%= config.bin %> merge A B --grid 8 --out merged',
    '<%= config.bin %> merge KING RUN/best OTHER/best THIRD/best --greedy --out merged',
    '<%= config.bin %> merge RUN@.. --greedy --out merged',
    '<%= config.bin %> merge RUN@start RUN@best --out merged',
    '<%= config.bin %> merge A B C --weights 0.5,0.25,0.25 --out merged --no-score',
  ];
  static override args = {
    model: Args.string({
      description:
        'Model folders, RUN@STEP, RUN@STEP..STEP, RUN@best or RUN@start; the first gives the files',
      required: true,
    }),
  };
  static override flags = {
    ...networkFlags,
    out: Flags.string({ summary: 'Folder for the best mixture; must not exist', required: true }),
    weights: Flags.string({
      summary:
        'One mixture, a weight a model, together 1: 0.75,0.25; several times for several (equal weights)',
      multiple: true,
      multipleNonGreedy: true,
      exclusive: ['grid'],
    }),
    grid: Flags.integer({
      summary: 'Steps from the first of two models to the second (4)',
      min: 2,
      max: 100,
    }),
    greedy: Flags.boolean({
      summary: 'From the best model on, mix in one after another, and keep each that lowers the loss',
      exclusive: ['weights', 'grid', 'no-score'],
    }),
    'no-score': Flags.boolean({ summary: 'Only write the one mixture that --weights names' }),
    data: Flags.string({
      summary:
        "Text to score on instead of the competition's: builtin, a path, a known name (the competition's)",
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...sampleFlags,
    ...runsDirFlag,
  };

  async run(): Promise<Printed<'merge'>> {
    const { flags, argv } = await this.parse(Merge);
    const settings = await this.settings(flags);
    const place = await this.place(settings);
    const models = await namedModels(argv as string[], {
      runsDir: runsFolder(settings),
      home: settings.home,
    });
    await place.python();
    const { data = [], pages = null, seed = null } = flags;
    const how = {
      data,
      pages,
      seed,
      textColumn: flags['text-column'] ?? null,
      device: flags.device ?? place.device,
    };
    const outcome = await this.work(
      mergeModels(
        {
          models,
          weights: (flags.weights ?? []).map(parseWeights),
          grid: flags.grid ?? null,
          greedy: flags.greedy ?? false,
          out: resolve(flags.out),
          score: flags['no-score'] ? null : how,
          signal: this.signal,
        },
        place,
      ),
    );
    const { keepMerge } = await import('../report/index.ts');
    for (const run of await keepMerge(outcome))
      this.note(`Kept for the report of run ${basename(run)}: pt report ${runWord(run, settings.home)}`);
    const { out, best, candidates } = outcome;
    this.table(
      [{ title: 'model', narrow: 'under' }, { title: 'loss' }, { title: '95%' }, { title: '' }],
      candidates.map(({ name, score }) => [
        name,
        formatLoss(score?.loss),
        score?.low == null ? '-' : `${formatLoss(score.low)}–${formatLoss(score.high)}`,
        name === best && score !== null ? 'best' : '',
      ]),
    );
    if (out === null) {
      this.note(`No mixture is better than ${best}; nothing was kept.`);
      return mergeOutput(outcome);
    }
    this.success(`${best} is in ${out}.`);
    this.print(out);
    this.nextSteps([
      `pt check ${shellWord(out)}`,
      `pt evaluate ${shellWord(out)} --against best`,
      `pt report ${shellWord(out)}   # the table as a page`,
    ]);
    return mergeOutput(outcome);
  }
}
