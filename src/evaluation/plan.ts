/** Which text, which tokenizer and which length models are scored with. */
import { UserError } from '../errors.ts';
import type { ModelFacts } from '../model/types.ts';
import { type Competition, type Profile, positionsOf, type TokenizerFacts } from '../rules/index.ts';

/** One data set of the sample, as python/evaluate.py takes it. */
export interface Task {
  name: string;
  data: string;
  weight: number;
  pages: number;
  /** Exactly so many sequences where the data hold them, whatever the pages. Null: all of the pages. */
  sequences: number | null;
  /** Sequences before those that are left out. */
  skip: number;
}

/** Pages a model is scored on where the competition does not say: release 3.2.0's number. */
const PAGES = 18;
/** Blocks between two changes of the sample, as the newest releases do. */
const SEED_BLOCKS = 150;

/** The competition's data sets, those named by `--data`, or (offline) the built-in text. */
export function tasksOf(
  competition: Competition,
  asked: {
    data: string[];
    pages: number | null;
    sequences?: number | null;
    skip?: number;
    offline: boolean;
  },
): Task[] {
  const { sequences = null, skip = 0 } = asked;
  const plain = (data: string): Task => ({
    ...{ name: data, data, weight: 1 },
    ...{ pages: asked.pages ?? PAGES, sequences, skip },
  });
  if (asked.data.length > 0) return asked.data.map(plain);
  const builtin = plain('builtin');
  if (asked.offline || competition.tokenizer === 'builtin') return [builtin];
  const text = (competition.eval_tasks ?? []).filter((t) => t.method === 'TEXT_LOSS');
  if (text.length > 0)
    return text.map((t) => ({
      name: t.name,
      data: t.name,
      weight: t.weight,
      pages: asked.pages ?? Number(t.dataset_kwargs.num_pages ?? PAGES),
      ...{ sequences, skip },
    }));
  const named = [competition.primary_dataset, competition.additional_dataset].filter(
    (d) => typeof d === 'string',
  );
  return named.length === 0 ? [builtin] : named.map(plain);
}

/**
 * The competition's tokenizer when every model has room for its ids; otherwise each model's own (then losses of models with
 * different tokenizers cannot be compared, which is said).
 */
export function tokenizerFor(
  competition: Competition,
  known: TokenizerFacts | undefined,
  models: ModelFacts[],
): string | null {
  const fits = models.every((m) => {
    const size = m.config.vocab_size;
    return typeof size !== 'number' || known === undefined || size >= known.vocab_size;
  });
  return fits ? competition.tokenizer : null;
}

/** The competition's length, or the shortest that every model can take. */
export function lengthFor(competition: Competition, asked: number | null, models: ModelFacts[]): number {
  const limits = models.map(positionsOf).filter((n) => n !== null);
  const wanted = asked ?? competition.sequence_length ?? 1024;
  if (asked !== null && limits.some((n) => n < asked))
    throw new UserError(
      'evaluate.length',
      `--sequence-length ${asked}: a model has only ${Math.min(...limits)} positions.`,
      {
        nextSteps: [`--sequence-length ${Math.min(...limits)}`],
      },
    );
  return Math.min(wanted, ...limits);
}

/** Sequences asked for, or (unless pages are) as many as the profile's duel takes; null: what the pages hold. */
export function sequencesFor(
  { duel }: Profile,
  asked: { sequences?: number | null; pages?: number | null },
): number | null {
  const stated = duel.kind === 'bootstrap_lcb' ? duel.n : undefined;
  return asked.sequences ?? (asked.pages == null ? (stated ?? null) : null);
}

/** What to say where the text holds fewer sequences than asked for; null: it does not. */
export function shortOf(tasks: Task[], found: number): string | null {
  const wanted = tasks.reduce((sum, { sequences }) => sum + (sequences ?? 0), 0);
  return found > 0 && found < wanted
    ? `The text holds ${found} of ${wanted} sequences; name more with --data.`
    : null;
}

/** The same sample for everybody until the next change. */
export function seedAt(block: number): number {
  return Math.floor(block / SEED_BLOCKS) * SEED_BLOCKS;
}
