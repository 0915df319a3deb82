/** From scored batches to who wins, what it takes, and what to do. */
import {
  advise,
  type Competition,
  competitiveSet,
  confidenceInterval,
  decayedAtBlock,
  lossToBeat,
  namesCompetition,
  type Profile,
  pretrainingDuel,
  type TaskRange,
  topUid,
  winMatrix,
  winProbability,
  winRates,
} from '../rules/index.ts';
import { formatChance } from '../text/format.ts';
import { duelOf, liveDuel } from './duel.ts';
import type { Duel, Evaluation, ScoredModel } from './types.ts';

/** A model with its batch losses; null losses: it could not be scored. */
export interface Contestant {
  name: string;
  dir: string;
  block: number;
  uid: number | null;
  /** One of the user's, as opposed to the one to beat. */
  mine: boolean;
  loss: number | null;
  losses: number[] | null;
  reasonable: boolean | null;
  notFinite: number;
  parameters: number | null;
  error: string | null;
}

type Verdict = Omit<Evaluation, 'block' | 'profile' | 'competition' | 'sample'>;

/** Why a model has lost whatever its rivals do; null when its losses count. */
export function whyLost(
  model: Pick<ScoredModel, 'loss' | 'notFinite' | 'reasonable' | 'error'>,
): string | null {
  if (model.error !== null) return model.error;
  // A model that computes NaN says nothing sensible either; that it does not compute is the reason.
  if (model.notFinite > 0) return `${model.notFinite} of its losses are NaN or infinite`;
  if (model.loss === null) return 'nothing was scored';
  return model.reasonable === false ? 'repeats itself: infinite loss' : null;
}

/** Whether none of the user's models (all, when the one to beat is theirs) has a loss. */
export function nothingScored(models: ScoredModel[]): boolean {
  const mine = models.filter((m) => m.mine);
  return (mine.length > 0 ? mine : models).every((m) => m.loss === null);
}

/** Contestants share the sample: the same batches in the same order, by `tasks`. */
export function verdictOf(
  contestants: Contestant[],
  tasks: TaskRange[],
  competition: Competition,
  profile: Profile,
  currentBlock: number,
): Verdict {
  const rule = competition.epsilon;
  // A model that fails the repetition check, or could not be scored, has lost everything.
  const effective = contestants.map((c, i) => {
    const lost = c.losses === null || c.reasonable === false;
    const batches = tasks.at(-1)?.end ?? 0;
    return {
      uid: i,
      block: c.block,
      score: lost || c.loss === null ? Number.POSITIVE_INFINITY : c.loss,
      losses: lost ? new Array<number>(batches).fill(Number.POSITIVE_INFINITY) : c.losses!,
    };
  });
  const scoreWise = namesCompetition(profile);
  const kept = scoreWise ? competitiveSet(effective, rule) : effective.map((e) => e.uid);
  const contenders = effective
    .filter((e) => kept.includes(e.uid))
    .map((e) => (scoreWise ? { ...e, losses: [e.score] } : e));
  const table = winRates(
    contenders,
    rule,
    currentBlock,
    profile.pretraining?.win_rate_without_opponents ?? 0,
  );
  // Elsewhere nobody counts wins among all miners: the duel decides.
  const counted = profile.pretraining !== null && contestants.length > 1;
  const rates = effective.map((e) => (counted ? (table.winRates.get(e.uid) ?? 0) : null));
  const models = contestants.map((c, i): ScoredModel => {
    const interval = c.losses && confidenceInterval(c.losses, tasks);
    return {
      name: c.name,
      dir: c.dir,
      mine: c.mine,
      loss: c.loss,
      low: interval?.low ?? null,
      high: interval?.high ?? null,
      winRate: rates[i]!,
      block: c.block,
      uid: c.uid,
      reasonable: c.reasonable,
      notFinite: c.notFinite,
      parameters: c.parameters,
      error: c.error,
    };
  });
  const winner = contestants.length < 2 ? 0 : (topUid(table.winRates) ?? -1);
  const usable = winner >= 0 && Number.isFinite(effective[winner]!.score);
  const first = usable ? contestants[winner]!.name : null;
  const said = forecast(contestants, effective, tasks, competition, profile, currentBlock);
  return {
    ...said,
    models,
    winner: profile.pretraining !== null || contestants.length < 2 ? first : winnerOf(said.duel),
    matrix: winMatrix(effective, rule, currentBlock),
  };
}

const winnerOf = (duel: Duel | null): string | null =>
  duel === null || duel.wins === null ? null : duel.wins ? duel.challenger : duel.king;

type Forecast = Omit<Verdict, 'models' | 'winner' | 'matrix'>;

/** The best of the user's models against the best of the others. */
function forecast(
  contestants: Contestant[],
  effective: { block: number; score: number; losses: ArrayLike<number> }[],
  tasks: TaskRange[],
  { epsilon: rule }: Competition,
  profile: Profile,
  currentBlock: number,
): Forecast {
  const best = (mine: boolean) =>
    contestants
      .map((c, i) => ({ ...effective[i]!, name: c.name, mine: c.mine }))
      .filter((e) => e.mine === mine && Number.isFinite(e.score))
      .sort((a, b) => a.score - b.score)[0];
  const own = best(true);
  const rival = best(false);
  const target = rival ?? own;
  // A rule of its own has no factor on the king's loss.
  const goal =
    target && profile.pretraining !== null
      ? lossToBeat(target.score, target.block, rule, currentBlock)
      : null;
  const live = profile.pretraining === null;
  const numbers = {
    duel: null,
    lossToBeat: goal?.now ?? null,
    lossToBeatLater: goal?.later ?? null,
    epsilon: goal?.epsilonNow ?? null,
    epsilonLater: goal?.epsilonLater ?? null,
    decayedAtBlock: target && !live ? decayedAtBlock(rule, target.block) : null,
  };
  if (!own) {
    const parrot = contestants.find(
      (c) => c.mine && c.reasonable === false && c.loss !== null && c.notFinite === 0,
    );
    const reasons = contestants.flatMap((c) => {
      const why = whyLost(c);
      return why === null ? [] : [`${c.name}: ${why}`];
    });
    return {
      ...numbers,
      pWin: rival ? 0 : null,
      pWinLater: rival ? 0 : null,
      advice: parrot ? 'train' : null,
      sentence: parrot
        ? `Train on: ${parrot.name} repeats itself in the sample outputs, for which validators give an infinite loss.`
        : contestants.some((c) => c.mine) || !rival
          ? `No model could be scored with a finite loss: ${reasons.join('; ')}.`
          : `${rival.name} is itself what is to be beaten.`,
    };
  }
  if (!rival)
    return {
      ...numbers,
      pWin: null,
      pWinLater: null,
      advice: null,
      sentence: `${own.name} has the lowest loss here (${own.score.toFixed(4)}); name a rival with --against to forecast a win.`,
    };
  if (live) {
    const moment = { kingBlock: rival.block, block: currentBlock };
    return { ...numbers, ...liveDuel(own, rival, profile, moment) };
  }
  const duel = duelOf(own, rival, pretrainingDuel(own, rival, tasks, rule, currentBlock, profile), profile);
  const pWin = duel.p ?? 0;
  const pWinLater = winProbability(own, rival, tasks, rule, Number.MAX_SAFE_INTEGER, profile);
  const advice = advise(pWin, pWinLater);
  return {
    ...numbers,
    duel,
    pWin,
    pWinLater,
    advice,
    sentence: sentenceOf(own, rival, advice, pWin, pWinLater, numbers),
  };
}

function sentenceOf(
  own: { name: string; score: number },
  rival: { name: string; score: number },
  advice: 'publish' | 'wait' | 'train',
  pWin: number,
  pWinLater: number,
  goal: { lossToBeat: number | null; lossToBeatLater: number | null; decayedAtBlock: number | null },
): string {
  const losses = `${own.name} has a loss of ${own.score.toFixed(4)}, ${rival.name} ${rival.score.toFixed(4)}`;
  const later =
    goal.decayedAtBlock === null
      ? ''
      : `, or ${goal.lossToBeatLater!.toFixed(4)} from block ${goal.decayedAtBlock} on`;
  const needed = `to win it needs less than ${goal.lossToBeat!.toFixed(4)}${later}`;
  switch (advice) {
    case 'publish':
      return `Publish: ${losses}; ${formatChance(pWin)} chance to win now.`;
    case 'wait':
      return `Wait, or publish early for the earlier block: ${losses}; ${formatChance(pWin)} chance now, ${formatChance(pWinLater)} once the head start has decayed (${needed}).`;
    case 'train':
      return `Train on: ${losses}; ${formatChance(pWin)} chance to win now; ${needed}.`;
  }
}
