import { join } from 'node:path';
import { findPython, type PythonEnv } from '../bridge/index.ts';
import { Cancelled, PtError, UserError } from '../errors.ts';
import { load, openLoadPlace } from '../load/index.ts';
import type { Printed } from '../output/index.ts';
import { trainOutput } from '../output/train.ts';
import type { Work } from '../progress.ts';
import { type PublishRequest, publish, type UploadOutcome } from '../publish/index.ts';
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
  updateState,
} from '../training/index.ts';
import { type Interfaces, networkArgs, PtCommand, publishedDtype } from './base.ts';
import { checkEarly, openPlace, refuseUnpublishable, requestFor } from './publish-best.ts';
import { openForecastPublisher } from './publish-on-forecast.ts';
import { openRunPages } from './run-pages.ts';
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
    const python = await findPython({ ...process.env, PT_PYTHON: settings.python ?? undefined });
    const pages = await openRunPages(flags);
    const { runDir, intent } = await this.#openRun(settings, flags);
    this.note(`Run folder: ${runDir}`);
    if (pages.url !== null) this.note(`Live page: ${pages.url}`);
    pages.show(runDir);
    const publisher = await this.#openPublisher(settings, flags, runDir, python, intent);
    let outcome: TrainOutcome | null = null;
    let published: UploadOutcome | null;
    let report: string | null = null;
    try {
      outcome = await this.#train(settings, flags, runDir, python, publisher?.offer);
      published = await (publisher ? publisher.finish() : this.#publish(settings, flags, outcome, intent));
    } finally {
      await publisher?.close();
      const warn = (text: string) => this.warning(text);
      report = await pages.end(runDir, { settings, finished: outcome !== null, warn });
    }
    this.#tell(outcome, intent, published);
    if (report !== null) this.note(`Report: ${report}`);
    return trainOutput(outcome, published, report);
  }

  /** The folder of a new run, or of the one to go on with. What could not be published is refused now, not after hours of training. */
  async #openRun(
    settings: Settings,
    flags: TrainFlags,
  ): Promise<{ runDir: string; intent: PublishIntent | null }> {
    const runsDir = settings.modelDir ?? join(settings.home, 'runs');
    const name = runName(flags.run);
    const several = needsOthers(flags.nnodes, name ?? flags.resume ?? null);
    const options = trainingOptions(flags, settings.device);
    const intent = publishIntent(settings, publishedDtype(flags), flags['publish-when']);
    const block =
      intent !== null && !flags['dry-run']
        ? await checkEarly(settings, intent, { ...flags, ask: this.#ask(flags) })
        : null;
    if (flags.resume !== undefined) {
      const given = {
        ...options,
        epochs: flags.epochs,
        device: settings.device ?? undefined,
        compile: flags.compile,
        attention: undefined,
      };
      const fromStart = flags['from-start'] ?? false;
      const resumed = await resumeRun(runsDir, flags.resume || null, given, { several, fromStart });
      const wanted = intent ?? (settings.offline ? null : resumed.intent);
      // One of several machines publishes; here nothing else tells them apart.
      return { runDir: resumed.runDir, intent: several && flags['node-rank'] !== 0 ? null : wanted };
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
          fetchRemote: (which, dir) => fetchRemote(settings, which, dir, this.signal),
        }),
      );
    } catch (error) {
      if (!several || name === null || !(error instanceof PtError) || error.code !== 'run.exists')
        throw error;
      // The machine that made the folder publishes.
      return { runDir: await this.work(joinRun(runsDir, name, this.signal)), intent: null };
    }
    if (intent !== null && block !== null) await refuseUnpublishable(settings, intent, runDir, block);
    return { runDir, intent };
  }

  /** With `--publish-when`: what publishes while the training goes on. */
  async #openPublisher(
    settings: Settings,
    flags: TrainFlags,
    runDir: string,
    python: PythonEnv,
    intent: PublishIntent | null,
  ) {
    if (intent === null || intent.when === null || flags['dry-run']) return null;
    return openForecastPublisher({
      settings,
      intent: { ...intent, when: intent.when },
      switches: { ...flags, ask: this.#ask(flags) },
      runDir,
      python,
      signal: this.signal,
      note: (text) => this.note(text),
      warn: (text) => this.warning(text),
    });
  }

  /** Follows the trainer. The first Ctrl-C lets it save, the second ends it. */
  async #train(
    settings: Settings,
    flags: TrainFlags,
    runDir: string,
    python: PythonEnv,
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
        python,
        resumed: flags.resume !== undefined,
        ...(onBest ? { onBest } : {}),
        env: {
          ...(settings.hub.token === null || settings.offline
            ? {}
            : { HF_TOKEN: settings.hub.token.reveal() }),
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

  #ask(flags: TrainFlags): PublishRequest['ask'] {
    return ({ text }) => this.confirm(text, { yes: flags.yes ?? false });
  }

  async #publish(
    settings: Settings,
    flags: TrainFlags,
    { bestDir, bestLoss, runDir }: TrainOutcome,
    intent: PublishIntent | null,
  ): Promise<UploadOutcome | null> {
    if (intent === null || bestDir === null || bestLoss === null || flags['dry-run']) return null;
    if (intent.threshold === null || bestLoss >= intent.threshold) {
      this.note(
        `Not published: the best held-out loss ${bestLoss.toFixed(4)} is not under the threshold ${intent.threshold}.`,
      );
      return null;
    }
    const place = await openPlace(settings);
    try {
      const ask = this.#ask(flags);
      const request = requestFor(settings, intent, bestDir, { ...flags, ask }, this.signal);
      const outcome = await this.work(publish(request, place));
      await updateState(runDir, { published: outcome });
      this.success(`${outcome.repo}@${outcome.commit.slice(0, 8)} is on chain since block ${outcome.block}.`);
      return outcome;
    } finally {
      await place.close();
    }
  }

  #tell(
    { bestDir, bestLoss, steps, tokens, unigramEntropy }: TrainOutcome,
    intent: PublishIntent | null,
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
        `pt upload --load-model-dir ${shellWord(bestDir)} --hf-repo-id ${intent?.repo ?? 'NAME/MODEL'}`,
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

async function* fetchRemote(
  settings: Settings,
  which: 'best' | number,
  dir: string,
  signal: AbortSignal,
): Work<unknown> {
  const source = which === 'best' ? ({ kind: 'best' } as const) : ({ kind: 'uid', uid: which } as const);
  const place = await openLoadPlace(settings, source);
  try {
    const { netuid, competition } = settings;
    return yield* load({ source, netuid, competition, dir, modelsDir: dir, force: false, signal }, place);
  } finally {
    await place.close();
  }
}
