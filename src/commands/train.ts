import { basename, join } from 'node:path';
import { PtCommand } from '../cli/base.ts';
import { resumeMayStandAlone, trainFlags } from '../cli/train-flags.ts';
import { orderOf, spreadOf, type TrainFlags } from '../cli/train-order.ts';
import { showPlan, uploadStep } from '../cli/upload-steps.ts';
import { Cancelled } from '../errors.ts';
import type { Printed } from '../output/index.ts';
import { detachedOutput } from '../output/jobs.ts';
import { trainOutput } from '../output/train.ts';
import type { Place } from '../place.ts';
import { publishedName } from '../publish/source.ts';
import type { UploadOutcome, UploadPlan } from '../publish/types.ts';
import {
  beginRun,
  brokenNotice,
  endedNotice,
  type ForecastPublisher,
  openForecastPublisher,
  openRunPages,
  publishBest,
  publishNotices,
  type RunPublish,
  rehearseBest,
  resumeRun,
} from '../runs/index.ts';
import { runsFolder, type Settings } from '../settings/index.ts';
import { formatAmount, formatCount, formatLoss, formatWhole } from '../text/format.ts';
import { shellWord } from '../text/shell-word.ts';
import {
  describeStanding,
  givenOptions,
  hasCheckpoint,
  keptFlags,
  leftOut,
  locateRun,
  needsOthers,
  newRunId,
  openResumed,
  type ResumedRun,
  refuseImpossible,
  refuseUnknownHost,
  resumeCommand,
  runCalled,
  runName,
  runWord,
  summariseRun,
  type TrainOutcome,
  thisMachine,
  train,
  unfollowed,
} from '../training/index.ts';

export default class Train extends PtCommand {
  static override summary = 'Train a model; publish the best one at the end when asked to';
  static override description =
    "Trains on this machine with the competition's recipe (tiny without a GPU). Ctrl-C saves; --resume goes on. With --hf-repo-id " +
    'and --avg-loss-upload-threshold the best model is published when its held-out loss is under the threshold; with --publish-when, ' +
    'whenever it would win.';
  static override examples = [
    '<%= config.bin %> train --offline',
    '<%= config.bin %> train --network sandbox --hf-repo-id me/first --avg-loss-upload-threshold 1000 --yes',
    '<%= config.bin %> train --load-best --epochs 5 --lr 1e-5',
    '<%= config.bin %> train --resume',
  ];
  static override flags = trainFlags;
  protected override readonly leaves = leftOut;

  async run(): Promise<Printed<'train'>> {
    const { flags } = await this.parse(Train, resumeMayStandAlone(this.argv));
    if (flags['list-competitions']) return this.listCompetitions(flags);
    givenOptions(flags); // what is wrong in one is told before Python is looked for, and not in the background
    if (flags.detach) return this.#detach(flags);
    const { settings, resumed } = await this.#settings(flags);
    const device = settings.device ?? resumed?.config.device;
    const named = flags.run !== undefined || resumed !== null;
    const spread = { ...spreadOf(flags), named, device: String(device ?? 'auto') };
    refuseImpossible(spread, thisMachine(process.env));
    await refuseUnknownHost(spread.rdzvEndpoint);
    const order = orderOf(flags, {
      ask: ({ text }) => this.confirm(text, { yes: flags.yes ?? false }),
      signal: this.signal,
    });
    const place = await this.place(settings);
    await place.python(); // without it nothing can be trained: said before anything is made
    const notifier = await this.notifier(settings);
    const pages = await openRunPages(flags);
    const { runDir, plan, rehearsal, offline, lock } = await this.work(
      resumed === null ? beginRun(order, settings, place) : resumeRun(order, resumed, settings, place),
    );
    this.note(`Run folder: ${runDir}`);
    if (pages.url !== null) this.note(`Live page: ${pages.url}`);
    pages.show(runDir);
    const tellPublished = (outcome: UploadOutcome) => publishNotices(outcome).forEach(notifier.tell);
    const publisher = await this.#openPublisher(runDir, plan, place, tellPublished);
    let outcome: TrainOutcome | null = null;
    let published: UploadOutcome | null;
    let rehearsed: UploadPlan | null = null;
    let report: string | null = null;
    try {
      outcome = await this.#train({ ...settings, offline }, flags, runDir, place, publisher?.offer);
      notifier.tell(endedNotice(outcome));
      published = await (publisher ? publisher.finish() : this.#publish(outcome, plan, place));
      if (published !== null && publisher === null) tellPublished(published);
      if (rehearsal !== null)
        rehearsed = await this.work(rehearseBest(rehearsal, outcome, place, this.signal));
    } catch (error) {
      notifier.tell(brokenNotice(runDir, error));
      throw error;
    } finally {
      await publisher?.close();
      const warn = (text: string) => this.warning(text);
      report = await pages.end(runDir, { place, finished: outcome !== null, warn });
      lock?.release();
    }
    if (rehearsed !== null) showPlan(rehearsed, this.ui);
    await this.#tell(outcome, plan?.intent.repo ?? settings.hfRepoId, published);
    if (report !== null) this.note(`Report: ${report}`);
    return trainOutput(outcome, published, report);
  }

  /** The same command in the background, where it tells by itself what is wrong with it. */
  async #detach(flags: TrainFlags): Promise<Printed<'train'>> {
    const { detach } = await import('../jobs/index.ts');
    const { home, modelDir } = await this.settings(flags);
    const runsDir = runsFolder({ home, modelDir });
    const named = runName(flags.run);
    const runDir =
      flags.resume === undefined
        ? join(runsDir, named ?? newRunId())
        : await locateRun(runsDir, named ?? (flags.resume || null), '--resume');
    const command = [process.argv[1]!, 'train', ...detachedArgs(this.argv, runDir, flags)];
    const { env, signal } = { env: process.env, signal: this.signal };
    const detached = await this.work(detach({ command, runDir, cwd: process.cwd(), env, signal }));
    const word = runWord(runDir, home);
    this.success(`Run ${word} goes on in the background (process ${detached.pid}).`);
    this.nextSteps([`pt attach ${word}`, `pt logs ${word} -f`, `pt stop ${word}   # saves first`]);
    return detachedOutput(detached);
  }

  /** The settings, and the run to go on with; where it is published and as whom stays as that run was meant. */
  async #settings(flags: TrainFlags): Promise<{ settings: Settings; resumed: ResumedRun | null }> {
    if (flags.resume === undefined) return { settings: await this.settings(flags), resumed: null };
    // A password is read from its file descriptor once.
    const { 'wallet-password-fd': _, ...rest } = flags;
    const { home, modelDir, rows } = await this.settings(rest);
    const run = runName(flags.run);
    const resume = flags.resume || null;
    const several = needsOthers(flags.nnodes, run ?? resume);
    const resumed = await openResumed(runsFolder({ home, modelDir }), { resume, run, several, home });
    this.meant('resume', runCalled(resumed.runDir, home));
    for (const text of unfollowed(resumed, rows, process.cwd())) this.warning(text);
    return { settings: await this.settings({ ...keptFlags(resumed, flags, rows), ...flags }), resumed };
  }

  /** With `--publish-when`: what publishes while the training goes on. */
  async #openPublisher(
    runDir: string,
    plan: RunPublish | null,
    place: Place,
    onPublished: (outcome: UploadOutcome) => void,
  ) {
    if (plan === null || plan.intent.when === null) return null;
    const note = (text: string) => this.note(text);
    const warn = (text: string) => this.warning(text);
    return openForecastPublisher({ plan, runDir, signal: this.signal, note, warn, onPublished }, place);
  }

  /** Follows the trainer. The first Ctrl-C lets it save, the second ends it. */
  async #train(
    settings: Settings,
    flags: TrainFlags,
    runDir: string,
    place: Place,
    onBest: ForecastPublisher['offer'] | undefined,
  ): Promise<TrainOutcome> {
    const [stop, kill] = [new AbortController(), new AbortController()];
    this.onInterrupt((times, terminalClosed) => {
      if (terminalClosed) this.warning(`${TERMINAL_CLOSED} A checkpoint is saved, then pt ends.`);
      else if (times === 1) this.note('Stopping: a checkpoint is saved first. Ctrl-C again ends at once.');
      (times === 1 ? stop : kill).abort(terminalClosed ? new Cancelled(TERMINAL_CLOSED) : undefined);
    });
    const before = flags.resume === undefined ? null : (await summariseRun(runDir)).steps;
    const outcome = await this.work(
      train({
        runDir,
        python: await place.python(),
        resumed: flags.resume !== undefined,
        resumeWith: resumeCommand(runDir, settings.home),
        ...(onBest ? { onBest } : {}),
        stopEarly: flags['stop-early'] ?? true,
        env: settings.offline ? null : { ...place.childEnv, ...wandbKey(settings) },
        stop: stop.signal,
        kill: kill.signal,
        ...spreadOf(flags),
        hangSeconds: flags['hang-seconds'],
      }),
    );
    this.onInterrupt(null);
    if (!outcome.cancelled && outcome.steps === before)
      this.warning(
        'Nothing was trained: the run had come to its end. A larger --max-steps, --tokens or --epochs gives it more.',
      );
    if (!outcome.cancelled) return outcome;
    const why = stop.signal.reason instanceof Cancelled ? `${TERMINAL_CLOSED} ` : '';
    const saved = await hasCheckpoint(runDir);
    const kept = saved ? `everything is saved in ${runDir}` : 'nothing was trained yet';
    throw new Cancelled(`${why}Stopped after step ${formatWhole(outcome.steps)}; ${kept}.`, {
      nextSteps: [resumeCommand(runDir, settings.home) + (saved ? '' : ' --from-start')],
      details: { runDir, steps: outcome.steps, bestDir: outcome.bestDir, bestLoss: outcome.bestLoss },
    });
  }

  async #publish(
    outcome: TrainOutcome,
    plan: RunPublish | null,
    place: Place,
  ): Promise<UploadOutcome | null> {
    if (plan === null) return null;
    const published = await this.work(publishBest(plan, outcome, place, this.signal));
    if (published !== null)
      this.success(`${publishedName(published)} is on chain since block ${published.block}.`);
    return published;
  }

  async #tell(
    { bestDir, bestLoss, steps, tokens, unigramEntropy, duel }: TrainOutcome,
    repo: string | null,
    published: unknown,
  ): Promise<void> {
    const than =
      unigramEntropy === null ? '' : ` (unigram entropy of this text: ${formatLoss(unigramEntropy)})`;
    this.success(
      `${formatAmount(steps, 'steps')}, ${formatCount(tokens)} tokens; best held-out loss ${bestLoss === null ? 'none' : formatLoss(bestLoss)}${than}.`,
    );
    if (duel !== null) this.note(`Against ${duel.king} at step ${duel.step}: ${describeStanding(duel)}.`);
    if (bestDir === null) return;
    this.print(bestDir);
    if (published !== null) this.nextSteps(['pt status --mine']);
    else this.nextSteps([`pt check ${shellWord(bestDir)}`, await uploadStep(bestDir, repo)]);
  }
}

/** What was typed, for the run that was decided on; its result is the last line of its log. */
function detachedArgs(argv: string[], runDir: string, flags: TrainFlags): string[] {
  const typed = argv.filter((word) => word !== '--detach' && word !== '--json');
  const run = flags.resume === undefined && flags.run === undefined ? ['--run', basename(runDir)] : [];
  return [...typed, ...run, '--json'];
}

const TERMINAL_CLOSED = 'The terminal was closed (SIGHUP).';

const wandbKey = ({ wandb: { key } }: Settings): Record<string, string> =>
  key === null ? {} : { WANDB_API_KEY: key.reveal() };
