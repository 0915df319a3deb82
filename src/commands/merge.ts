import { basename, resolve } from 'node:path';
import { Args, Flags, networkFlags, PtCommand, sampleFlags } from '../cli/base.ts';
import { mergeModels, parseWeights } from '../merging/index.ts';
import type { Printed } from '../output/index.ts';
import { mergeOutput } from '../output/merge.ts';
import { formatLoss } from '../text/format.ts';
import { shellWord } from '../text/shell-word.ts';

export default class Merge extends PtCommand {
  static override summary = 'Mix models that go back to the same one, and keep the mixture that scores best';
  static override description =
    'Weighted means of the weights, tensor by tensor in bounded memory, each scored with the models on one sample. Files, config and dtypes ' +
    'are those of the first model. With two models the points between them are tried, with more their mean; --weights names others.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> merge KING RUN/best --out merged --data builtin --offline',
    '<%= config.bin %> merge A B --grid 8 --out merged',
    '<%= config.bin %> merge KING RUN/best OTHER/best THIRD/best --greedy --out merged',
    '<%= config.bin %> merge A B C --weights 0.5,0.25,0.25 --out merged --no-score',
  ];
  static override args = {
    model: Args.string({
      description: 'Model folders, two or more; the first gives the files',
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
  };

  async run(): Promise<Printed<'merge'>> {
    const { flags, argv } = await this.parse(Merge);
    const place = await this.place(await this.settings(flags));
    const dirs = (argv as string[]).map((dir) => resolve(dir));
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
          models: dirs.map((dir) => ({ name: basename(dir), dir })),
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
      this.note(`No mixture is better than ${best}; none was kept.`);
      return mergeOutput(outcome);
    }
    this.success(`${best} is in ${out}.`);
    this.print(out);
    this.nextSteps([`pt check ${shellWord(out)}`, `pt evaluate ${shellWord(out)} --against best`]);
    return mergeOutput(outcome);
  }
}
