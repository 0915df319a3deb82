import { join } from 'node:path';
import { Cancelled, PtError, UserError } from '../errors.ts';
import { type LoadSource, load } from '../load/index.ts';
import type { Printed } from '../output/index.ts';
import { trainOutput } from '../output/train.ts';
import type { Place } from '../place.ts';
import type { UploadOutcome } from '../publish/index.ts';
import {
  checkEarly,
  openForecastPublisher,
  openRunPages,
  planPublish,
  publishBest,
  type RunPublish,
  refuseUnpublishable,
} from '../runs/index.ts';
import type { Settings } from '../settings/index.ts';
import { shellWord } from '../text/shell-word.ts';
import {
  joinRun,
  needsOthers,
  newRun,
  type PublishIntent,
  parseCondition,
  resumeRun,
  runName,
  type TrainOutcome,
  train,
  trainingOptions,
} from '../training/index.ts';
import { type Interfaces, networkArgs, PtCommand, publishedDtype } from './base.ts';
import { resumeMayStandAlone, trainFlags } from './train-flags.ts';

type TrainFlags = Interfaces.InferredFlags<typeof trainFlags>;

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

  async run(): Promise<Printed<'train'>> {
    const { flags } = await this.parse(Train, resumeMayStandAlone(this.argv));
    if (flags['list-competitions'])
      return this.config.runCommand<Printed<'competitions'>>('competitions', networkArgs(flags));
    const settings = await this.settings(flags);
    const place = await this.place(settings);
    await place.python(); // without it nothing can be trained: said before anything is made
    const pages = await openRunPages(flags);
    const { runDir, plan } = await this.#openRun(settings, flags, place);
    this.note(`Run folder: ${runDir}`);
    if (pages.url !== null) this.note(`Live page: ${pages.url}`);
    pages.show(runDir);
    const publisher = await this.#openPublisher(runDir, plan, place);
    let outcome: TrainOutcome | null = null;
    let published: UploadOutcome | null;
    let report: string | null = null;
    try {
      outcome = await this.#train(settings, flags, runDir, place, publisher?.offer);
      published = await (publisher ? publisher.finish() : this.#publish(outcome, plan, place));
    } finally {
      await publisher?.close();
      const warn = (text: string) => this.warning(text);
      report = await pages.end(runDir, { place, finished: outcome !== null, warn });
    }
    this.#tell(outcome, plan?.intent.repo ?? settings.hfRepoId, published);
    if (report !== null) this.note(`Report: ${report}`);
    return trainOutput(outcome, published, report);
  }

  /** The folder of a new run, or of the one to go on with. What could not be published is refused now, not after hours of training. */
  async #openRun(
    settings: Settings,
    flags: TrainFlags,
    place: Place,
  ): Promise<{ runDir: string; plan: RunPublish | null }> {
    const runsDir = settings.modelDir ?? join(settings.home, 'runs');
    const name = runName(flags.run);
    const several = needsOthers(flags.nnodes, name ?? flags.resume ?? null);
    const options = trainingOptions(flags, settings.device);
    const intent = publishIntent(settings, publishedDtype(flags), flags['publish-when']);
    const planned = (wanted: PublishIntent | null): RunPublish | null =>
      wanted === null || flags['dry-run']
        ? null
        : planPublish(wanted, flags, ({ text }) => this.confirm(text, { yes: flags.yes ?? false }));
    const plan = planned(intent);
    const block = plan === null ? null : await this.work(checkEarly(plan, place, this.signal));
    // Nothing is kept open for hours; what is needed then is opened again.
    await place.close();
    if (flags.resume !== undefined) {
      const given = {
        ...options,
        epochs: flags.epochs,
        skipBadRows: flags['skip-bad-rows'],
        device: settings.device ?? undefined,
        compile: flags.compile,
        attention: undefined,
      };
      const fromStart = flags['from-start'] ?? false;
      const resumed = await resumeRun(runsDir, flags.resume || null, given, { several, fromStart });
      const wanted = settings.offline ? null : resumed.intent;
      // One of several machines publishes; here nothing else tells them apart.
      const alone = !several || flags['node-rank'] === 0;
      return { runDir: resumed.runDir, plan: alone ? (plan ?? planned(wanted)) : null };
    }
    let runDir: string;
    try {
      runDir = await this.work(
        newRun({
          runsDir,
          name,
          cwd: process.cwd(),
          constants: settings.constants,
          network: settings.network.name,
          profile: settings.profile,
          competition: settings.competition,
          start: {
            loadBest: flags['load-best'] ?? false,
            loadUid: flags['load-uid'] ?? null,
            loadModelDir: flags['load-model-dir'] ?? null,
            loadModel: flags['load-model'] ?? null,
            loadModelConfig: flags['load-model-config'] ?? null,
          },
          recipe: settings.recipe,
          data: flags.data ?? [],
          options,
          offline: settings.offline,
          hubEndpoint: settings.hub.endpoint,
          reportTo: flags['report-to'] ?? (settings.wandb.project === null ? [] : ['wandb']),
          wandb: { entity: settings.wandb.entity, project: settings.wandb.project },
          settings: settings.rows,
          intent,
          fetchRemote: (which, dir) =>
            load({ source: sourceOf(which), dir, modelsDir: dir, signal: this.signal }, place),
        }),
      );
    } catch (error) {
      if (!several || name === null || !(error instanceof PtError) || error.code !== 'run.exists')
        throw error;
      // The machine that made the folder publishes.
      return { runDir: await this.work(joinRun(runsDir, name, this.signal)), plan: null };
    }
    if (plan !== null && block !== null) {
      const recipes = Object.keys(settings.constants.recipes);
      await refuseUnpublishable(plan, runDir, { block, recipes }, place);
    }
    return { runDir, plan };
  }

  /** With `--publish-when`: what publishes while the training goes on. */
  async #openPublisher(runDir: string, plan: RunPublish | null, place: Place) {
    if (plan === null || plan.intent.when === null) return null;
    const note = (text: string) => this.note(text);
    const warn = (text: string) => this.warning(text);
    return openForecastPublisher({ plan, runDir, signal: this.signal, note, warn }, place);
  }

  /** Follows the trainer. The first Ctrl-C lets it save, the second ends it. */
  async #train(
    settings: Settings,
    flags: TrainFlags,
    runDir: string,
    place: Place,
    onBest: ((loss: number) => void) | undefined,
  ): Promise<TrainOutcome> {
    const [stop, kill] = [new AbortController(), new AbortController()];
    this.onInterrupt((times) => {
      if (times === 1) this.note('Stopping: a checkpoint is saved first. Ctrl-C again ends at once.');
      (times === 1 ? stop : kill).abort();
    });
    const outcome = await this.work(
      train({
        runDir,
        python: await place.python(),
        resumed: flags.resume !== undefined,
        ...(onBest ? { onBest } : {}),
        env: {
          ...place.childEnv,
          ...(settings.wandb.key === null ? {} : { WANDB_API_KEY: settings.wandb.key.reveal() }),
        },
        stop: stop.signal,
        kill: kill.signal,
        gpus: flags.gpus,
        nnodes: flags.nnodes,
        rdzvEndpoint: flags['rdzv-endpoint'],
        nodeRank: flags['node-rank'],
        hangSeconds: flags['hang-seconds'],
      }),
    );
    this.onInterrupt(null);
    if (!outcome.cancelled) return outcome;
    throw new Cancelled(`Stopped after step ${outcome.steps}; everything is saved in ${runDir}.`, {
      nextSteps: ['pt train --resume'],
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
      this.success(
        `${published.repo}@${published.commit.slice(0, 8)} is on chain since block ${published.block}.`,
      );
    return published;
  }

  #tell(
    { bestDir, bestLoss, steps, tokens, unigramEntropy }: TrainOutcome,
    repo: string | null,
    published: unknown,
  ): void {
    const than =
      unigramEntropy === null ? '' : ` (unigram entropy of this text: ${unigramEntropy.toFixed(3)})`;
    this.success(
      `${steps} steps, ${tokens} tokens; best held-out loss ${bestLoss?.toFixed(4) ?? 'none'}${than}.`,
    );
    if (bestDir === null) return;
    this.print(bestDir);
    if (published !== null) this.nextSteps(['pt status --mine']);
    else
      this.nextSteps([
        `pt check ${shellWord(bestDir)}`,
        `pt upload --load-model-dir ${shellWord(bestDir)} --hf-repo-id ${repo ?? 'NAME/MODEL'}`,
      ]);
  }
}

/** Publishing is asked for by a repository and a threshold or a condition; one without the other trains only. */
function publishIntent(
  settings: Settings,
  dtype: 'bf16' | 'fp32',
  condition: string | undefined,
): PublishIntent | null {
  const { hfRepoId: repo, avgLossUploadThreshold: threshold } = settings;
  const when = condition === undefined ? null : parseCondition(condition);
  if (when !== null && (settings.offline || repo === null))
    throw new UserError(
      'usage.publish_when',
      settings.offline
        ? '--publish-when: --offline publishes nothing.'
        : '--publish-when: where to is missing.',
      { nextSteps: ['pt train --hf-repo-id NAMESPACE/NAME --publish-when "p(win) > 0.9"'] },
    );
  if (settings.offline || repo === null || (threshold === null && when === null)) return null;
  return { repo, threshold, when, dtype };
}

const sourceOf = (which: 'best' | number): LoadSource =>
  which === 'best' ? { kind: 'best' } : { kind: 'uid', uid: which };
