/** The duel that decides on a subnet, from both models' losses on the same sequences to a sentence. */
import { advise, CONFIDENT, duel as duels, type Profile, undecidedHere } from '../rules/index.ts';
import { formatChance } from '../text/format.ts';
import type { Duel, Evaluation } from './types.ts';

/** One side: its name and its losses, a sequence each. */
export interface Side {
  name: string;
  losses: ArrayLike<number>;
}

type Advice = Pick<Evaluation, 'pWin' | 'pWinLater' | 'advice' | 'sentence'>;

/** `found`: what the rule says; null: losses do not decide there. */
export function duelOf(challenger: Side, king: Side, found: duels.LossDuel | null, profile: Profile): Duel {
  const losses = { king: Array.from(king.losses), challenger: Array.from(challenger.losses) };
  const { n, mean, sd } = duels.sampleOf(duels.differences(losses));
  const margin = n > 1 ? (1.96 * sd) / Math.sqrt(n) : null;
  const chance = found && duels.predict(found.sample, found.trial);
  return {
    kind: found?.kind ?? profile.duel.kind,
    challenger: challenger.name,
    king: king.name,
    n,
    subnetN: found?.stated ? found.trial.n : null,
    mean,
    low: margin === null ? null : mean - margin,
    high: margin === null ? null : mean + margin,
    wins: found?.wins ?? null,
    bound: found?.bound ?? null,
    threshold: found?.threshold ?? null,
    p: chance?.p ?? null,
    pLow: chance?.low ?? null,
    pHigh: chance?.high ?? null,
    more: chance ? duels.moreToSettle(found.sample, found.trial) : null,
    notJudged: undecidedHere(profile),
    losses,
  };
}

/** A subnet's duel by its profile, and what to do. `later`: once a head start has decayed. */
export function liveDuel(
  challenger: Side,
  king: Side,
  profile: Profile,
  moment: duels.Moment,
): Advice & { duel: Duel } {
  const pair = { king: king.losses, challenger: challenger.losses };
  const found = duels.duelByLosses(profile.duel, pair, moment);
  const duel = duelOf(challenger, king, found, profile);
  if (found === null)
    return { duel, pWin: null, pWinLater: null, advice: null, sentence: notJudgedHere(duel) };
  const later = duels.duelByLosses(profile.duel, pair, { ...moment, block: Number.POSITIVE_INFINITY })!;
  const pWinLater = duels.predict(later.sample, later.trial)?.p ?? null;
  const { p, pHigh, more } = duel;
  if (p === null || pWinLater === null || duel.n < duels.FEWEST)
    return {
      ...{ duel, pWin: p, pWinLater, advice: 'wait' },
      sentence: `Wait: ${duel.n} ${duel.n === 1 ? 'sequence says' : 'sequences say'} nothing about a chance to win; score more${duel.n < duels.FEWEST ? ` (--sequences ${duels.FEWEST})` : ''}.`,
    };
  const byHeadStart = advise(p, pWinLater);
  const open = p < CONFIDENT && pHigh! >= CONFIDENT && more !== null && more > 0;
  const advice = byHeadStart === 'train' && open ? 'wait' : byHeadStart;
  return { duel, pWin: p, pWinLater, advice, sentence: sentenceOf(duel, advice, pWinLater) };
}

/** How many sequences, these among them, are to be scored before anything else; null: that is not what is waited for. */
export function sequencesToScore({
  advice,
  duel,
  pWinLater,
}: Advice & Pick<Evaluation, 'duel'>): number | null {
  if (advice !== 'wait' || duel === null) return null;
  if (duel.n < duels.FEWEST) return Math.max(duels.FEWEST, duel.n + (duel.more ?? 0));
  const forTheKing = pWinLater !== null && pWinLater >= CONFIDENT;
  return forTheKing || duel.more === null || duel.more === 0 ? null : duel.n + duel.more;
}

/** The duel in two columns, what and how much. */
export function describeDuel(duel: Duel): [string, string][] {
  const { mean, low, high, bound, threshold, wins, p, pLow, pHigh, more, n, subnetN } = duel;
  const nats = (value: number) => value.toFixed(5);
  const between = low === null ? '' : ` (95%: ${nats(low)} to ${nats(high!)})`;
  const rows: [string, string][] = [
    ['challenger', duel.challenger],
    ['king', duel.king],
    ['king − challenger', `${nats(mean)} nats a token${between}`],
  ];
  if (wins !== null)
    rows.push(
      ['rule', `${duel.kind}: ${nats(bound!)} must be above ${nats(threshold!)}`],
      ['on this sample', wins ? 'wins' : 'does not win'],
    );
  if (p !== null)
    rows.push(
      ['p(win)', `${formatChance(p)} (${formatChance(pLow!)} to ${formatChance(pHigh!)})`],
      ['fresh sequences', subnetN === null ? `${n}, as many as here` : `${subnetN}, the subnet's own`],
      ['more would settle it', more === null ? 'no number' : more === 0 ? 'settled' : String(more)],
    );
  return rows;
}

function lead({ mean, low, high, n, challenger, king, losses }: Duel): string {
  if (losses.king.every((loss, i) => loss === losses.challenger[i]))
    return `on each of ${n} sequences ${challenger} and ${king} have the very same loss: they are as good as one model`;
  const [better, worse, by] = mean >= 0 ? [challenger, king, mean] : [king, challenger, -mean];
  const between =
    low === null
      ? ''
      : ` (${(mean >= 0 ? low : -high!).toFixed(4)} to ${(mean >= 0 ? high! : -low).toFixed(4)})`;
  return `on ${n} sequences the loss of ${better} is ${by.toFixed(4)}${between} below that of ${worse}`;
}

/** Nothing here says yes. */
function notJudgedHere(duel: Duel): string {
  const what = duel.notJudged.length > 0 ? duel.notJudged.join('; ') : 'how validators decide';
  return `Not judged here: ${what}. For what it is worth, ${lead(duel)}.`;
}

function sentenceOf(duel: Duel, advice: 'publish' | 'wait' | 'train', later: number): string {
  const { p, pLow, pHigh, more, n, subnetN } = duel;
  const fresh = subnetN === null ? `${n} fresh sequences` : `the subnet's ${subnetN} fresh sequences`;
  const chance = `a chance of ${formatChance(p!)} (${formatChance(pLow!)} to ${formatChance(pHigh!)}) to win on ${fresh} of this text`;
  switch (advice) {
    case 'publish':
      return `Publish: ${lead(duel)}; ${chance}.`;
    case 'wait':
      return later >= CONFIDENT
        ? `Wait for the king's head start to decay: ${chance}, ${formatChance(later)} then; ${lead(duel)}.`
        : `Wait, and score ${more} more sequences first (--sequences ${n + more!}): ${chance}; ${lead(duel)}.`;
    case 'train': {
      const settle =
        more === null
          ? ' If the difference stays what it is, no number of sequences settles it.'
          : more > 0
            ? ` ${more} more sequences would settle it.`
            : '';
      return `Train on: ${lead(duel)}; ${chance}.${settle}`;
    }
  }
}
