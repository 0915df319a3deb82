/** How many sequences a duel takes for a power, by the profile's rule; what is not known of the gain is said to be assumed. */
import type { Place } from '../place.ts';
import { duel, namesCompetition } from '../rules/index.ts';
import { formatWhole } from '../text/format.ts';
import type { Power } from './types.ts';

/** What an earlier duel on this machine came to. */
export interface SeenGains {
  fought: duel.Fought;
  /** The run, as it is called, and its king. */
  of: string;
  king: string;
  /** Whether the model that is asked about is of that run, so that the gain is its own. */
  own: boolean;
}

export interface PowerRequest {
  wanted: number;
  /** Nats a token; null: not said. */
  gain: number | null;
  spread: number | null;
  seen: SeenGains | null;
}

/** `secondsFor`: what so many sequences take; null: not known. */
export function powerFor(
  request: PowerRequest,
  place: Pick<Place, 'profile' | 'profileName'>,
  secondsFor: (sequences: number) => number | null,
): Power {
  const none = {
    wanted: request.wanted,
    gain: null,
    spread: null,
    share: null,
    sequences: null,
    seconds: null,
  };
  const trialOf = ruleOf(place);
  if (trialOf === null)
    return {
      ...none,
      sentence: `Losses do not decide on ${place.profileName}: no number of sequences tells who wins.`,
    };
  const trial = trialOf(duel.FEWEST);
  const taken = trial.by === 'mean' ? gainsOf(request, trial.threshold) : sharesOf(request);
  if ('missing' in taken) return { ...none, ...taken.known, sentence: taken.missing };
  const sequences = duel.sequencesFor(taken.truth, request.wanted, trialOf);
  const percent = `${Math.round(request.wanted * 1000) / 10}%`;
  const own = trial.n === trialOf(2 * duel.FEWEST).n ? trial.n : null;
  const open =
    own === null ? 'so small a gain stays open' : `the subnet's own ${own} sequences leave it open`;
  const outcome =
    sequences === null
      ? `no number of sequences settles it with a chance of ${percent}: ${open}`
      : `${formatWhole(sequences)} sequences settle it with a chance of ${percent}`;
  return {
    ...none,
    ...taken.known,
    sequences,
    seconds: sequences === null ? null : secondsFor(sequences),
    sentence: `With ${taken.words}, ${outcome}.`,
  };
}

/** What a duel asks where so many of ours are scored; null: losses do not decide there. */
function ruleOf({ profile }: Pick<Place, 'profile'>): ((n: number) => duel.Trial) | null {
  if (profile.pretraining !== null) return namesCompetition(profile) ? duel.trialOfMeans : duel.trialOfWins;
  return duel.decidedByLosses(profile.duel) ? (n) => duel.trialOf(profile.duel, n)! : null;
}

type Taken =
  | { truth: duel.Truth; known: Partial<Power>; words: string }
  | { missing: string; known: Partial<Power> };

/** The gain of the model itself where it has fought, else twice what is needed; the spread of any duel here. Flags are stronger. */
function gainsOf({ gain: saidGain, spread: saidSpread, seen }: PowerRequest, threshold: number): Taken {
  const fought = seen?.fought;
  const own = seen?.own ? (fought?.mean ?? null) : null;
  const twice = threshold > 0 ? 2 * threshold : null;
  const gain = saidGain ?? own ?? twice;
  const spread = saidSpread ?? fought?.sd ?? null;
  const known = { gain, spread };
  if (gain === null || spread === null) {
    const [what, flag] = spread === null ? ['the spread of the gain', '--spread'] : ['the gain', '--gain'];
    const missing = `How many sequences it takes is not known: no duel here tells ${what}, and ${flag} NATS would assume one.`;
    return { missing, known };
  }
  const measured = `measured by the duel of run ${seen?.of} with ${seen?.king}`;
  const gainFrom = saidGain !== null ? 'assumed' : own !== null ? measured : 'assumed: twice what is needed';
  const spreadFrom = saidSpread !== null ? 'assumed' : measured;
  const shape = saidSpread === null ? { skew: fought?.skew ?? 0, excess: fought?.excess ?? 0 } : {};
  return {
    truth: { gain, sd: spread, ...shape },
    known,
    words: `a gain of ${gain.toFixed(5)} nats a token (${gainFrom}) that scatters by ${spread.toFixed(4)} from sequence to sequence (${spreadFrom})`,
  };
}

/** Where sequences are won one by one, only a duel tells how many of them. */
function sharesOf({ seen }: PowerRequest): Taken {
  const { won = 0, lost = 0, sequences = 0 } = seen?.fought ?? {};
  if (won + lost === 0)
    return {
      missing:
        'How many sequences it takes is not known: sequences are won one by one there, and no duel here tells how many of them.',
      known: {},
    };
  const share = won / (won + lost);
  return {
    truth: { won: won / sequences, lost: lost / sequences },
    known: { share },
    words: `${(100 * share).toFixed(1)}% of the sequences won (measured by the duel of run ${seen!.of} with ${seen!.king})`,
  };
}
