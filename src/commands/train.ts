import { basename, join } from 'node:path';
import { type Interfaces, networkArgs, PtCommand, publishedDtype } from '../cli/base.ts';
import { resumeMayStandAlone, trainFlags } from '../cli/train-flags.ts';
import { Cancelled, PtError } from '../errors.ts';
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
  asksToPublish,
  branchRun,
  type Given,
  givenOptions,
  goOn,
  holdRun,
  type IntentFlags,
  idlePublishFlags,
  ignoredSources,
  isUnchosen,
  joinRun,
  keptFlags,
  needsOthers,
  newRun,
  openResumed,
  type PublishIntent,
  publishIntent,
  type ResumedRun,
  refuseImpossible,
  resumeCommand,
  runName,
  staysOffline,
  type TrainOutcome,
  thisMachine,
  train,
  unfollowed,
  updateState,
  withDefaults,
} from '../training/index.ts';

/** A run's folder, ready for the trainer. */
interface ReadyRun {
  runDir: string;
  plan: RunPublish | null;
  /** Whether the trainer is to open no connection. */
  offline: boolean;
}

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

  /** The run, held against another pt that would go on with it. */
  #held: { release(): void } | null = null;

  async run(): Promise<Printed<'train'>> {
    const { flags } = await this.parse(Train, resumeMayStandAlone(this.argv));
    if (flags['list-competitions'])
      return this.config.runCommand<Printed<'competitions'>>('competitions', networkArgs(flags));
    const { settings, resumed } = await this.#settings(flags);
    const device = settings.device ?? resumed?.config.device;
    refuseImpossible({ ...spreadOf(flags), device: String(device ?? 'auto') }, thisMachine(process.env));
    const place = await this.place(settings);
    await place.python(); // without it nothing can be trained: said before anything is made
    const pages = await openRunPages(flags);
    const { runDir, plan, offline } = await (resumed === null
      ? this.#newRun(settings, flags, place)
      : this.#resume(settings, flags, resumed, place));
    this.note(`Run folder: ${runDir}`);
    if (pages.url !== null) this.note(`Live page: ${pages.url}`);
    pages.show(runDir);
    const publisher = await this.#openPublisher(runDir, plan, place);
    let outcome: TrainOutcome | null = null;
    let published: UploadOutcome | null;
    let report: string | null = null;
    try {
      outcome = await this.#train({ ...settings, offline }, flags, runDir, place, publisher?.offer);
      published = await (publisher ? publisher.finish() : this.#publish(outcome, plan, place));
    } finally {
      await publisher?.close();
      const warn = (text: string) => this.warning(text);
      report = await pages.end(runDir, { place, finished: outcome !== null, warn });
      this.#held?.release();
    }
    this.#tell(outcome, plan?.intent.repo ?? settings.hfRepoId, published);
    if (report !== null) this.note(`Report: ${report}`);
    return trainOutput(outcome, published, report);
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
    const resumed = await openResumed(modelDir ?? join(home, 'runs'), { resume, run, several, home });
    for (const text of unfollowed(resumed, rows, process.cwd())) this.warning(text);
    return { settings: await this.settings({ ...keptFlags(resumed, flags, rows), ...flags }), resumed };
  }

  /** Makes a run ready to go on; refuses what it cannot go on with before anything of it is changed. */
  async #resume(settings: Settings, flags: TrainFlags, resumed: ResumedRun, place: Place): Promise<ReadyRun> {
    const { runDir } = resumed;
    const offline = staysOffline(resumed, settings.rows);
    const asked = intentFlags(flags);
    const publishesNothing = settings.offline || (offline && !asksToPublish(asked));
    const publishing = [asked, resumed.intent, standingAim(settings), publishesNothing] as const;
    const intent = publishIntent(...publishing);
    this.#warnOf(ignoredSources(startFlags(flags)));
    this.#warnOf(idlePublishFlags(flags, ...publishing));
    const { config, changes, write } = await goOn(resumed, givenWith(settings, flags, offline), {
      fromStart: flags['from-start'] ?? false,
      rows: settings.rows,
    });
    // One of several machines publishes; here nothing else tells them apart.
    const mine = needsOthers(flags.nnodes, basename(runDir)) && flags['node-rank'] !== 0 ? null : intent;
    const plan = this.#plan(mine, flags);
    if (plan !== null) await this.work(checkEarly(plan, place, this.signal));
    await place.close();
    this.#hold(runDir, flags);
    await write();
    if (mine !== null) await updateState(runDir, { intent: mine });
    this.note(`Going on with run ${basename(runDir)}.`);
    for (const change of changes) this.note(change);
    if (intent === null && resumed.intent !== null)
      this.note(`Offline: nothing is published to ${resumed.intent.repo} this time.`);
    return { runDir, plan, offline: config.offline === true };
  }

  /** The folder of a new run. What could not be published is refused now, not after hours of training. */
  async #newRun(settings: Settings, flags: TrainFlags, place: Place): Promise<ReadyRun> {
    const runsDir = settings.modelDir ?? join(settings.home, 'runs');
    const name = runName(flags.run);
    const several = needsOthers(flags.nnodes, name);
    const { offline } = settings;
    const options = withDefaults(givenOptions({ ...flags, device: settings.device ?? undefined }));
    const publishing = [intentFlags(flags), null, standingAim(settings), offline] as const;
    const intent = publishIntent(...publishing);
    this.#warnOf(idlePublishFlags(flags, ...publishing));
    const plan = this.#plan(intent, flags);
    const block = plan === null ? null : await this.work(checkEarly(plan, place, this.signal));
    // Nothing is kept open for hours; what is needed then is opened again.
    await place.close();
    let runDir: string;
    const branch = flags['decay-from'];
    if (branch !== undefined) {
      const given = givenWith(settings, flags, offline);
      runDir = await this.work(
        branchRun({
          runsDir,
          home: settings.home,
          from: branch,
          name,
          given,
          settings: settings.rows,
          intent,
        }),
      );
      this.#hold(runDir, flags);
      return { runDir, plan, offline };
    }
    try {
      runDir = await this.work(
        newRun({
          runsDir,
          home: settings.home,
          name,
          cwd: process.cwd(),
          constants: settings.constants,
          schedule: place.schedule,
          profile: place.profile,
          competition: settings.competition,
          start: startFlags(flags),
          recipe: settings.recipe,
          data: flags.data ?? [],
          options,
          machine: thisMachine(process.env),
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
      return {
        runDir: await this.work(joinRun(runsDir, name, this.signal, settings.home)),
        plan: null,
        offline,
      };
    }
    this.#hold(runDir, flags);
    if (plan !== null && block !== null) {
      const recipes = Object.keys(settings.constants.recipes);
      await refuseUnpublishable(plan, runDir, { block, recipes }, place);
    }
    return { runDir, plan, offline };
  }

  #hold(runDir: string, flags: TrainFlags): void {
    // Machines that train together share the folder on purpose.
    if (needsOthers(flags.nnodes, basename(runDir))) return;
    this.#held = holdRun(runDir);
    if (this.#held === null)
      this.warning(
        `The file system of ${runDir} cannot lock files: nothing keeps another pt from going on with this run.`,
      );
  }

  #warnOf(text: string | null): void {
    if (text !== null) this.warning(text);
  }

  #plan(intent: PublishIntent | null, flags: TrainFlags): RunPublish | null {
    if (intent === null || flags['dry-run']) return null;
    return planPublish(intent, ({ text }) => this.confirm(text, { yes: flags.yes ?? false }));
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
    this.onInterrupt((times, terminalClosed) => {
      if (terminalClosed) this.warning(`${TERMINAL_CLOSED} A checkpoint is saved, then pt ends.`);
      else if (times === 1) this.note('Stopping: a checkpoint is saved first. Ctrl-C again ends at once.');
      (times === 1 ? stop : kill).abort(terminalClosed ? new Cancelled(TERMINAL_CLOSED) : undefined);
    });
    const outcome = await this.work(
      train({
        runDir,
        python: await place.python(),
        resumed: flags.resume !== undefined,
        resumeWith: resumeCommand(runDir, settings.home),
        ...(onBest ? { onBest } : {}),
        env: settings.offline ? null : { ...place.childEnv, ...wandbKey(settings) },
        stop: stop.signal,
        kill: kill.signal,
        ...spreadOf(flags),
        hangSeconds: flags['hang-seconds'],
      }),
    );
    this.onInterrupt(null);
    if (!outcome.cancelled) return outcome;
    const why = stop.signal.reason instanceof Cancelled ? `${TERMINAL_CLOSED} ` : '';
    throw new Cancelled(`${why}Stopped after step ${outcome.steps}; everything is saved in ${runDir}.`, {
      nextSteps: [resumeCommand(runDir, settings.home)],
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

const TERMINAL_CLOSED = 'The terminal was closed (SIGHUP).';

const wandbKey = ({ wandb: { key } }: Settings): Record<string, string> =>
  key === null ? {} : { WANDB_API_KEY: key.reveal() };

const standingAim = (settings: Settings) => ({
  repo: settings.hfRepoId,
  threshold: settings.avgLossUploadThreshold,
});

const spreadOf = (flags: TrainFlags) => ({
  gpus: flags.gpus,
  nnodes: flags.nnodes,
  rdzvEndpoint: flags['rdzv-endpoint'],
  nodeRank: flags['node-rank'],
});

function startFlags(flags: TrainFlags) {
  return {
    loadBest: flags['load-best'] ?? false,
    loadUid: flags['load-uid'] ?? null,
    loadModelDir: flags['load-model-dir'] ?? null,
    loadModel: flags['load-model'] ?? null,
    loadModelConfig: flags['load-model-config'] ?? null,
  };
}

/** What was given that run.json has a place for. */
function givenWith(settings: Settings, flags: TrainFlags, offline: boolean | null): Given {
  const endpoint = settings.rows.find(({ key }) => key === 'hub-endpoint');
  return {
    options: givenOptions({ ...flags, device: settings.device ?? undefined }),
    start: startFlags(flags),
    recipe: flags.recipe ?? null,
    data: flags.data ?? [],
    cwd: process.cwd(),
    competition: flags.competition ?? null,
    offline,
    hubEndpoint: endpoint && isUnchosen(endpoint.origin) ? null : settings.hub.endpoint,
    defaultHubEndpoint: settings.hub.endpoint,
    reportTo: flags['report-to'] ?? null,
    wandb: { entity: flags['wandb-entity'] ?? null, project: flags['wandb-project'] ?? null },
  };
}

function intentFlags(flags: TrainFlags): IntentFlags {
  const said = flags.dtype !== undefined || flags['upload-b16'] !== undefined;
  return {
    repo: flags['hf-repo-id'] ?? null,
    threshold: flags['avg-loss-upload-threshold'] ?? null,
    when: flags['publish-when'] ?? null,
    dtype: said ? publishedDtype(flags) : null,
    useHotkeyInHash: flags['use-hotkey-in-hash'] ?? null,
    makePublic: flags['update-repo-visibility'] ?? null,
  };
}

const sourceOf = (which: 'best' | number): LoadSource =>
  which === 'best' ? { kind: 'best' } : { kind: 'uid', uid: which };
