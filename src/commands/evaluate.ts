import { basename } from 'node:path';
import {
  Args,
  BLOCK,
  COUNT,
  Flags,
  hubFlags,
  networkFlags,
  PtCommand,
  sampleFlags,
  walletFlags,
} from '../cli/base.ts';
import { notTheFolder } from '../cli/chain-words.ts';
import { number } from '../cli/number-flag.ts';
import { uploadStep } from '../cli/upload-steps.ts';
import { EXIT } from '../errors.ts';
import {
  type Cost,
  costOf,
  describeCost,
  describeDuel,
  type Evaluation,
  evaluate,
  notesOfCost,
  nothingScored,
  parseModelRef,
  sequencesToScore,
  whyLost,
} from '../evaluation/index.ts';
import { costOutput, evaluateOutput } from '../output/evaluate.ts';
import type { Printed } from '../output/index.ts';
import { competitionLabel } from '../rules/index.ts';
import { runsFolder, type Settings } from '../settings/index.ts';
import { formatBytes, formatLoss } from '../text/format.ts';
import { shellWord } from '../text/shell-word.ts';
import { readState, resumeCommand, runOf, runWord } from '../training/index.ts';

const nats = number({ above: 0, max: 100 });

export default class Evaluate extends PtCommand {
  static override summary = 'Score models as validators do and forecast the win';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> evaluate runs/my-run/best --against best',
    '<%= config.bin %> evaluate runs/my-run/best --against best --plan --power 0.9',
    '<%= config.bin %> evaluate DIR OTHER-DIR --offline',
    '<%= config.bin %> evaluate 12 someone/model@0123456789012345678901234567890123456789',
  ];
  static override args = {
    model: Args.string({
      description: 'Model folder, uid, or NAMESPACE/NAME@COMMIT; any number of them',
      required: true,
    }),
  };
  static override flags = {
    ...networkFlags,
    ...walletFlags,
    ...hubFlags,
    against: Flags.string({
      summary: 'What to beat: king (or best), a uid, a repository or a folder (the best of those named)',
    }),
    block: Flags.integer({ summary: 'Ask about this block (now)', ...BLOCK }),
    data: Flags.string({
      summary:
        "Text to score on instead of the competition's: builtin, a path, a known name (the competition's)",
      multiple: true,
    }),
    ...sampleFlags,
    sequences: Flags.integer({
      summary: "Sequences for each data set, in place of pages (the profile's own number)",
      ...COUNT,
      min: 1,
      exclusive: ['pages'],
    }),
    skip: Flags.integer({
      summary: 'Leave out so many sequences first, to confirm on others than a choice was made by (0)',
      ...COUNT,
      dependsOn: ['sequences'],
    }),
    plan: Flags.boolean({
      summary: 'Say what it takes here (memory, hours, download), and score nothing',
      exclusive: ['pages', 'seed', 'skip', 'text-column'],
    }),
    power: number({ above: 0.5, max: 0.999 })({
      summary: 'With --plan: how many sequences settle the duel in this share of cases',
      unset: 'not told',
      dependsOn: ['plan'],
    }),
    gain: nats({
      summary: 'The true gain to plan for, nats a token',
      unset: "what the model's own run measured, else twice what is needed",
      dependsOn: ['power'],
    }),
    spread: nats({
      summary: 'Its standard deviation, nats a token',
      unset: 'what an earlier duel here measured',
      dependsOn: ['power'],
    }),
    'sequence-length': Flags.integer({
      summary: 'Tokens a sequence (what the competition takes, which is the most)',
      min: 2,
      max: 2 ** 24,
    }),
  };

  // A plan is followed by what it plans.
  protected override readonly leaves = () => ['plan', 'power', 'gain', 'spread'];

  async run(): Promise<Printed<'evaluate'>> {
    const { flags, argv } = await this.parse(Evaluate);
    const settings = await this.settings(flags);
    const place = await this.place(settings);
    const models = (argv as string[]).map(parseModelRef);
    const against = flags.against === undefined ? null : parseModelRef(flags.against);
    for (const [i, ref] of [...models, against].entries()) {
      const typed = i < models.length ? (argv as string[])[i]! : flags.against!;
      const shadowed =
        ref !== null && (ref.kind === 'best' || ref.kind === 'uid') ? notTheFolder(typed) : null;
      if (shadowed !== null) this.warning(shadowed);
    }
    const request = {
      ...{ models, against },
      block: flags.block ?? null,
      data: flags.data ?? [],
      textColumn: flags['text-column'] ?? null,
      pages: flags.pages ?? null,
      sequences: flags.sequences ?? null,
      skip: flags.skip ?? 0,
      seed: flags.seed ?? null,
      sequenceLength: flags['sequence-length'] ?? null,
      device: flags.device ?? place.device,
      signal: this.signal,
    };
    await place.python(); // without it nothing can be scored: said before anything is downloaded
    if (flags.plan === true) {
      const { seenGains } = await import('../runs/index.ts');
      const dirs = models.flatMap((model) => (model.kind === 'folder' ? [model.dir] : []));
      const { power: wanted, gain = null, spread = null } = flags;
      const power =
        wanted === undefined
          ? null
          : { wanted, gain, spread, seen: await seenGains(dirs, runsFolder(settings), place) };
      const cost = await this.work(costOf({ ...request, power }, place));
      this.#showCost(cost, argv as string[]);
      return costOutput(cost);
    }
    const result = await this.work(evaluate(request, place));
    const { keepForecastOf } = await import('../runs/index.ts');
    const kept = await keepForecastOf(result, place, (text) => this.warning(text));
    for (const run of kept)
      this.note(`Kept for the report of run ${basename(run)}: pt report ${runWord(run, settings.home)}`);
    await this.#show(result, settings);
    return evaluateOutput(result);
  }

  #showCost(cost: Cost, typed: string[]): void {
    this.table(
      [
        { title: 'model', narrow: 'under' },
        { title: 'memory' },
        { title: 'fits' },
        { title: 'download' },
        { title: 'tokens/s' },
        { title: 'time' },
      ],
      cost.models.map((model) => describeCost(model)),
    );
    for (const text of notesOfCost(cost)) this.note(text);
    for (const { name, problem } of cost.models)
      if (problem !== null) this.warning(`${name}: not all is known: ${problem}`);
    const tight = cost.models.filter(({ fits }) => fits === false);
    for (const { name } of tight) this.warning(`${name} does not fit into the memory of this machine.`);
    if (!cost.fitsOnDisk)
      this.warning(
        `The download of ${formatBytes(cost.download)} does not fit on the disk, which has ${formatBytes(cost.diskFree!)} free.`,
      );
    if (tight.length > 0 || !cost.fitsOnDisk) this.exitCode = EXIT.check;
    this.nextSteps(
      this.exitCode === EXIT.check
        ? ['pt doctor   # what this machine has', 'pt clean   # what can be freed on the disk']
        : [`pt evaluate ${typed.map(shellWord).join(' ')}`],
    );
  }

  async #show(result: Evaluation, { hfRepoId: repo, home }: Settings): Promise<void> {
    const { sample } = result;
    this.note(
      `${sample.batches} sequences of ${sample.sequenceLength} tokens (${sample.data.join(', ')}), profile ${result.profile}, ${competitionLabel(result.competition)}, block ${result.block}.`,
    );
    this.table(
      [
        { title: 'model', narrow: 'under' },
        { title: 'loss' },
        { title: '95%' },
        { title: 'win rate' },
        { title: 'note', narrow: 'under' },
      ],
      result.models.map((m) => [
        m.name,
        formatLoss(m.loss),
        m.low === null ? '-' : `${formatLoss(m.low)}–${formatLoss(m.high)}`,
        m.winRate === null ? '-' : `${(m.winRate * 100).toFixed(1)}%`,
        whyLost(m) ?? '',
      ]),
    );
    if (result.models.length > 2)
      this.table(
        [
          { title: 'wins against', narrow: 'under' },
          ...result.models.map((_, i) => ({ title: String(i + 1) })),
        ],
        result.matrix.map((row, i) => [
          `${i + 1} ${result.models[i]!.name}`,
          ...row.map((share) => (share === null ? '-' : `${Math.round(share * 100)}%`)),
        ]),
      );
    for (const model of result.models) {
      const why = model.loss === null ? whyLost(model) : null;
      if (why !== null) this.warning(`${model.name} could not be scored: ${why}`);
    }
    if (nothingScored(result.models)) {
      this.exitCode = EXIT.check;
      this.nextSteps(result.models.map((m) => `pt check ${shellWord(m.dir)} --deep`));
      return;
    }
    if (result.duel !== null) {
      this.table([{ title: 'duel' }, { title: '' }], describeDuel(result.duel));
      if (result.advice !== null)
        for (const what of result.duel.notJudged) this.note(`Not judged here: ${what}.`);
    }
    // What is no win is no success.
    if (result.advice === 'publish') this.success(result.sentence);
    else this.note(result.sentence);
    const { dir } = result.models[0]!;
    const mine = shellWord(dir);
    const run = runOf(dir);
    const more = sequencesToScore(result);
    // A run that has come to its end has no step left to take.
    const over = run !== null && (await readState(run))?.state === 'done';
    const goOn = run === null ? [] : [over ? `pt train --load-model-dir ${mine}` : resumeCommand(run, home)];
    this.nextSteps(
      result.advice === 'publish'
        ? [await uploadStep(dir, repo)]
        : result.advice === null
          ? [`pt evaluate ${mine} --against best`]
          : more !== null
            ? [`pt evaluate ${mine} --sequences ${more}`]
            : [...goOn, `pt evaluate ${mine} --against best`],
    );
  }
}
