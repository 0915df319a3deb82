/** Which competition is meant: one answer for check, publish, training, load, status, evaluate and the API. */
import { UserError } from '../errors.ts';
import { namesCompetition } from './commitment.ts';
import type { Competition, Profile } from './types.ts';

/** Who means a competition: by its id or name, or only by the model at hand. */
export interface Wanted {
  id?: string | number | null;
  parameters?: number | null;
}

export interface Meant {
  /** Null only when the one named is not among them. */
  competition: Competition | null;
  /**
   * `named`; `only`: no other is open; `fits`: the only one whose parameter range holds the model; `nearest`: a guess, the first whose
   * range lies nearest (or the first of several, without a model); `absent`: named, but not there.
   */
  how: 'named' | 'only' | 'fits' | 'nearest' | 'absent';
  /** Those that a model can be committed to. */
  open: Competition[];
}

/** Names a competition for people: `B7_MODEL (0)`, or its size when it has no name. */
export function competitionLabel(competition: Competition): string {
  if (competition.name !== null && competition.id !== null) return `${competition.name} (${competition.id})`;
  return competition.name ?? `up to ${Math.round(competition.max_model_parameters / 1e6)}M parameters`;
}

/** The competition meant among those in force (`competitionsAt`). Never throws: what a guess is worth is up to the caller. */
export function meantCompetition(competitions: Competition[], { id, parameters }: Wanted): Meant {
  const open = competitions.filter((c) => c.virtual === undefined);
  if (id !== undefined && id !== null) {
    const competition = named(competitions, open, String(id));
    return { competition, how: competition === null ? 'absent' : 'named', open };
  }
  if (open.length === 1) return { competition: open[0]!, how: 'only', open };
  const distance = (c: Competition): number =>
    parameters === undefined || parameters === null
      ? 0
      : Math.max(c.min_model_parameters - parameters, parameters - c.max_model_parameters, 0);
  const nearest = open.reduce((best, c) => (distance(c) < distance(best) ? c : best));
  const holding = open.filter((c) => distance(c) === 0);
  return { competition: nearest, how: holding.length === 1 ? 'fits' : 'nearest', open };
}

function named(competitions: Competition[], open: Competition[], id: string): Competition | null {
  const found = competitions.find((c) => String(c.id) === id || c.name?.toLowerCase() === id.toLowerCase());
  if (found) return found;
  // A single unnamed competition is what any id means under a profile that names none, and any name under one that names its own.
  const [only] = open.length === 1 ? open : [];
  return only?.id === null && (only.named_in_text === true || /^\d+$/.test(id)) ? only : null;
}

/** The competition meant, when that is certain. Throws `UserError` `competition.unknown` or `competition.ambiguous`, listing what there is. */
export function chooseCompetition(competitions: Competition[], wanted: Wanted): Competition {
  const { competition, how, open } = meantCompetition(competitions, wanted);
  const list = open.map(competitionLabel).join(', ');
  if (competition === null)
    throw new UserError(
      'competition.unknown',
      `--competition ${wanted.id} does not exist at this block; there is: ${list}.`,
      { nextSteps: ['pt competitions   # without --competition'] },
    );
  if (how !== 'nearest') return competition;
  throw new UserError(
    'competition.ambiguous',
    `Several competitions are open; --competition must name one of: ${list}.`,
    { nextSteps: [`--competition ${open[0]!.id}`, 'pt competitions'] },
  );
}

/** The dtype that its validators load a model in: what is published in more is rounded by them, in less it is lost. */
export function loadedDtype({ from_pretrained_kwargs: { torch_dtype } }: Competition): 'bf16' | 'fp32' {
  return torch_dtype === 'bfloat16' ? 'bf16' : 'fp32';
}

/**
 * Ids that a commitment may carry to be in what `id` means: the one named, or every open one when none is. So "the best model" without a
 * competition is the best of them all, as the guide's `best_uid()` has it. Null: commitments carry none (profile, or an unnamed
 * competition), and all are meant. Throws `competition.unknown`.
 */
export function meantIds(
  competitions: Competition[],
  profile: Profile,
  id: string | null,
): readonly number[] | null {
  // One that does not exist is refused where texts name none too.
  const { open } = meantCompetition(competitions, {});
  const ids = (id === null ? open : [chooseCompetition(competitions, { id })]).map((c) => c.id);
  if (!namesCompetition(profile)) return null;
  return ids.every((each) => each !== null) ? ids : null;
}
