import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PtError, UserError } from '../errors.ts';
import type { Lock } from '../host/lock.ts';
import { type LoadSource, load } from '../load/index.ts';
import type { ModelFacts } from '../model/index.ts';
import type { Place } from '../place.ts';
import { note, type Progress, type Work, warning } from '../progress.ts';
import { type PublishOrder, refuseHash } from '../publish/index.ts';
import { fieldsIn } from '../publish/source.ts';
import { chooseCompetition, duel, newestPeriod, parseRepoId } from '../rules/index.ts';
import { runsFolder, type Settings } from '../settings/index.ts';
import { shellWord } from '../text/shell-word.ts';
import {
  asksToPublish,
  branchRun,
  type DuelRequest,
  type Given,
  givenOptions,
  goOn,
  holdRun,
  type IntentFlags,
  idlePublishFlags,
  ignoredSources,
  isUnchosen,
  joinRun,
  type Machine,
  needsOthers,
  newRun,
  type PublishIntent,
  publishIntent,
  type ResumedRun,
  refuseLoneFlags,
  retargeted,
  type SourceFlags,
  staysOffline,
  updateState,
  withDefaults,
} from '../training/index.ts';
import { whyRefused } from './check-start.ts';
import { prepareDuel, refuseDuel, refuseUnconfirmable } from './prepare-duel.ts';
import { checkEarly, planPublish, type RunPublish, refuseUnpublishable } from './publish-best.ts';
import { requireRunFits } from './require-fit.ts';

/** What `pt train` was asked for, beside the settings. */
export interface TrainOrder {
  /** The flags as they were given, by name: knobs are read from them, and what does nothing is named. */
  flags: Readonly<Record<string, unknown>>;
  start: SourceFlags;
  aim: IntentFlags;
  recipe: string | null;
  data: string[];
  duel: DuelRequest;
  competition: string | null;
  /** Null: not said. */
  reportTo: string[] | null;
  wandb: { entity: string | null; project: string | null };
  /** `--run` */
  name: string | null;
  /** `RUN[@STEP]` to branch off. */
  decayFrom: string | null;
  fromStart: boolean;
  nnodes: string | undefined;
  nodeRank: number | undefined;
  /** Train only: publish nothing, and ask nothing about it. */
  dryRun: boolean;
  ask: PublishOrder['ask'];
  cwd: string;
  machine: Machine;
  signal: AbortSignal;
}

/** A run's folder, ready for the trainer. */
export interface ReadyRun {
  runDir: string;
  /** Null: nothing is published. */
  plan: RunPublish | null;
  /** With `--dry-run`: what would be published; null: nothing. */
  rehearsal: RunPublish | null;
  /** Whether the trainer is to open no connection. */
  offline: boolean;
  /** Held against another pt that would go on with it; null: shared with other machines, or the file system cannot lock. */
  lock: Lock | null;
}

/** The folder of a new run, or of a branch. What could not be published is refused now, not after hours of training. */
export async function* beginRun(order: TrainOrder, settings: Settings, place: Place): Work<ReadyRun> {
  const { name, start, flags, signal, decayFrom } = order;
  const { home, offline } = settings;
  const runsDir = runsFolder(settings);
  const options = withDefaults(optionsOf(order, settings));
  refuseAim(order, place);
  // A branch has its run's king and teacher.
  if (decayFrom === null) refuseLoneFlags(flags);
  refuseDuel(order.duel, place);
  const publishing = [order.aim, null, standingAim(settings), offline] as const;
  const intent = publishIntent(...publishing);
  yield* warnings(idlePublishFlags(flags, ...publishing), idleHub(order, offline));
  // A branch has its run's king.
  refuseUnforeseeable(intent, order.duel.against !== null || decayFrom !== null, place);
  const { plan, rehearsal } = planOf(intent, order, place);
  const block = plan === null ? null : yield* checkEarly(plan, place, signal);
  // Nothing is kept open for hours; what is needed then is opened again.
  await place.close();
  if (decayFrom !== null) {
    const given = givenOf(order, settings, offline);
    const { rows } = settings;
    const runDir = yield* branchRun({ runsDir, home, from: decayFrom, name, given, settings: rows, intent });
    return { runDir, plan, rehearsal, offline, lock: yield* hold(runDir, order) };
  }
  let runDir: string;
  try {
    runDir = yield* newRun({
      runsDir,
      home,
      name,
      cwd: order.cwd,
      constants: settings.constants,
      schedule: place.schedule,
      profile: place.profile,
      competition: settings.competition,
      start,
      recipe: settings.recipe,
      data: order.data,
      duel: order.duel,
      options,
      machine: order.machine,
      offline,
      hubEndpoint: settings.hub.endpoint,
      reportTo: order.reportTo ?? (settings.wandb.project === null ? [] : ['wandb']),
      wandb: { entity: settings.wandb.entity, project: settings.wandb.project },
      settings: settings.rows,
      intent,
      fetchRemote: (which, dir, run) => {
        const before = (facts: ModelFacts) => requireRunFits(run, facts, processesOf(order), signal, place);
        return load({ source: sourceOf(which), dir, modelsDir: dir, signal, before }, place);
      },
    });
  } catch (error) {
    const several = needsOthers(order.nnodes, name);
    if (!several || name === null || !(error instanceof PtError) || error.code !== 'run.exists') throw error;
    // The machine that made the folder publishes.
    return {
      runDir: yield* joinRun(runsDir, name, signal, home),
      plan: null,
      rehearsal,
      offline,
      lock: null,
    };
  }
  const lock = yield* hold(runDir, order);
  yield* warnings(yield* whyRefused(runDir, start.loadBest, place));
  if (plan !== null && block !== null) {
    const recipes = Object.keys(settings.constants.recipes);
    await refuseUnpublishable(plan, runDir, { block, recipes }, place);
  }
  try {
    yield* prepareDuel(runDir, intent, order.signal, place);
  } catch (error) {
    lock?.release();
    await rm(runDir, { recursive: true, force: true });
    throw error;
  }
  return { runDir, plan, rehearsal, offline, lock };
}

/** Makes a run ready to go on; refuses what it cannot go on with before anything of it is changed. */
export async function* resumeRun(
  order: TrainOrder,
  resumed: ResumedRun,
  settings: Settings,
  place: Place,
): Work<ReadyRun> {
  const { runDir } = resumed;
  refuseAim(order, place);
  const offline = staysOffline(resumed, settings.rows);
  const publishesNothing = settings.offline || (offline && !asksToPublish(order.aim));
  const publishing = [order.aim, resumed.intent, standingAim(settings), publishesNothing] as const;
  const intent = publishIntent(...publishing);
  yield* warnings(
    ignoredSources(order.start),
    idlePublishFlags(order.flags, ...publishing),
    idleHub(order, offline),
    otherCompetition(order, resumed, place),
  );
  const { config, changes, write } = await goOn(resumed, givenOf(order, settings, offline), {
    fromStart: order.fromStart,
    rows: settings.rows,
  });
  // One of several machines publishes; here nothing else tells them apart.
  const mine = needsOthers(order.nnodes, basename(runDir)) && order.nodeRank !== 0 ? null : intent;
  refuseUnforeseeable(mine, (config.duel as Partial<DuelRequest> | null)?.against != null, place);
  await refuseUnconfirmable(runDir, mine);
  const planned = planOf(mine, order, place);
  const heard = planned.plan === null || (yield* isHeard(planned.plan, runDir, order, place));
  const { plan, rehearsal } = heard ? planned : { plan: null, rehearsal: null };
  await place.close();
  const lock = yield* hold(runDir, order);
  await write();
  yield* prepareDuel(runDir, mine, order.signal, place);
  // A dry run publishes nothing, and so does not say where later ones do.
  if (mine !== null && !order.dryRun) await updateState(runDir, { intent: mine });
  yield note(`Going on with run ${basename(runDir)}.`);
  for (const change of [...changes, ...retargeted(resumed, settings.rows, mine)]) yield note(change);
  if (mine !== null && order.dryRun) yield note(`Dry run: nothing is published to ${mine.repo}.`);
  if (intent === null && resumed.intent !== null)
    yield note(`Offline: nothing is published to ${resumed.intent.repo} this time.`);
  return { runDir, plan, rehearsal, offline: config.offline === true, lock };
}

/**
 * Whether a run that goes on may still publish. Its own publish may have been the only one that its hotkey has: it trains on without. Who asks
 * for another is refused.
 */
async function* isHeard(
  plan: RunPublish,
  runDir: string,
  { aim, signal }: TrainOrder,
  place: Place,
): Work<boolean> {
  try {
    yield* checkEarly(plan, place, signal);
    return true;
  } catch (error) {
    const spent = error instanceof PtError && ['seal.spent', 'seal.pending'].includes(error.code);
    if (!spent || asksToPublish(aim)) throw error;
    yield warning(`Nothing more of this run is published. ${error.message}${unfinished(plan, runDir)}`);
    return false;
  }
}

/** What is left of a publish that was killed: a sealed text whose repository may still be private when it is opened. */
function unfinished({ intent: { repo } }: RunPublish, runDir: string): string {
  const left = join(runDir, 'best.candidate');
  if (!existsSync(left)) return '';
  return ` Its publish was interrupted; this ends it: pt upload --load-model-dir ${shellWord(left)} --hf-repo-id ${repo} --resume`;
}

/**
 * Refuses a repository, a hash or a field that could not be, whether anything is published this time or not.
 *
 * @throws UserError `repo.invalid`, `usage.hash`, `usage.field`
 */
function refuseAim({ aim }: TrainOrder, place: Place): void {
  fieldsIn(aim.fields ?? [], place);
  if (aim.repo !== null) parseRepoId(place.profile, aim.repo);
  refuseHash(aim.useHotkeyInHash, place);
}

/**
 * Refuses `--publish-when` where no chance can be told: it would never be met, or by a model that nobody judged, or judged on another text than
 * the subnet's, which only `--duel-data` can name (`fought`: with `--against`).
 *
 * @throws UserError `usage.publish_when`
 */
function refuseUnforeseeable(
  intent: PublishIntent | null,
  fought: boolean,
  { profile, profileName }: Place,
): void {
  if (intent?.when == null || profile.pretraining !== null) return;
  const byLosses = duel.decidedByLosses(profile.duel);
  if (byLosses && fought) return;
  if (byLosses)
    throw new UserError(
      'usage.publish_when',
      `--publish-when: ${profileName} is a duel with its king, on text that is not known here.`,
      {
        nextSteps: ['pt train --against king --duel-data FILE   # text like what validators score on'],
      },
    );
  throw new UserError(
    'usage.publish_when',
    `--publish-when: losses do not decide on ${profileName}, so there is no p(win) to tell.`,
    { nextSteps: [`pt profiles show ${profileName}   # what decides`, 'pt upload   # once you know'] },
  );
}

function planOf(
  intent: PublishIntent | null,
  { dryRun, ask }: TrainOrder,
  place: Place,
): Record<'plan' | 'rehearsal', RunPublish | null> {
  if (intent === null) return { plan: null, rehearsal: null };
  // A rehearsal asks nothing: there is nothing to say yes to.
  return dryRun
    ? { plan: null, rehearsal: planPublish(intent, async () => {}, place) }
    : { plan: planPublish(intent, ask, place), rehearsal: null };
}

async function* hold(runDir: string, { nnodes }: TrainOrder): Work<Lock | null> {
  // Machines that train together share the folder on purpose.
  if (needsOthers(nnodes, basename(runDir))) return null;
  const lock = holdRun(runDir);
  if (lock === null)
    yield* warnings(
      `The file system of ${runDir} cannot lock files: nothing keeps another pt from going on with this run.`,
    );
  return lock;
}

/** A Hub that was named where the trainer asks none. It stands in settings.json, where a start that is online finds it. */
function idleHub({ flags, start }: TrainOrder, offline: boolean): string | null {
  const named = flags['hub-endpoint'];
  if (!offline || named === undefined || start.loadBest || start.loadUid !== null) return null;
  return '--hub-endpoint is kept for a start that is online: this one is offline, and nothing is read from a Hub.';
}

/**
 * A competition that is named for a run which is made for none: its model may still be published for it.
 *
 * @throws UserError `competition.*` when there is no such competition.
 */
function otherCompetition(
  { competition: id }: TrainOrder,
  { config }: ResumedRun,
  place: Place,
): string | null {
  if (id === null || config.competition !== null) return null;
  chooseCompetition(newestPeriod(place.schedule, place.profile).competitions, { id });
  return `--competition ${id} is where its model would be published: the run itself is made for none, with its recipe's own tokenizer and length.`;
}

/** What was given that run.json has a place for. */
function givenOf(order: TrainOrder, settings: Settings, offline: boolean): Given {
  const endpoint = settings.rows.find(({ key }) => key === 'hub-endpoint');
  const { start, recipe, data, duel: fought, competition, reportTo, wandb } = order;
  return {
    options: optionsOf(order, settings),
    start,
    recipe,
    data,
    duel: fought,
    cwd: order.cwd,
    competition,
    offline,
    hubEndpoint: endpoint && isUnchosen(endpoint.origin) ? null : settings.hub.endpoint,
    defaultHubEndpoint: settings.hub.endpoint,
    reportTo,
    wandb,
  };
}

const optionsOf = ({ flags }: TrainOrder, { device }: Settings) =>
  givenOptions({ ...flags, device: device ?? undefined });

const standingAim = (settings: Settings) => ({
  repo: settings.hfRepoId,
  threshold: settings.avgLossUploadThreshold,
});

/** Processes that train together, and of them on this machine; of `--nnodes MIN:MAX` as many as there are at least. */
function processesOf({ flags, nnodes = '1' }: TrainOrder): { processes: number; here: number } {
  const here = typeof flags.gpus === 'number' ? flags.gpus : 1;
  return { processes: here * Number(nnodes.split(':')[0]), here };
}

const sourceOf = (which: 'best' | number): LoadSource =>
  which === 'best' ? { kind: 'best' } : { kind: 'uid', uid: which };

function* warnings(...texts: (string | null)[]): Generator<Progress, void, void> {
  for (const text of texts) if (text !== null) yield warning(text);
}
