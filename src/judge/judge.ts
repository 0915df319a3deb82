/** One round of the stand-in validator: what the chain has opened is taken in or refused, duelled with the king, and the winner is paid. */
import type { CommitmentStore, Neuron, StoredCommitments } from '../chain/types.ts';
import { CheckError, UserError } from '../errors.ts';
import { evaluate, isTextOver, whyLost } from '../evaluation/index.ts';
import type { Place } from '../place.ts';
import { note, type Work } from '../progress.ts';
import { countedTexts, unreadTexts } from '../publish/held.ts';
import { asHubRepo, modelIdOf } from '../rules/index.ts';
import { type Plays, type PlayVerdict, pay, readThrone, type Throne, writeThrone } from '../sandbox/index.ts';
import { type Challenge, type Entrant, entrantIn, takeIn } from './intake.ts';

export interface JudgeRequest {
  /** The sandbox's folder, its chain's address, and what it plays. */
  dir: string;
  chain: string;
  plays: Plays;
  pages: number | null;
  signal?: AbortSignal;
}

/** As many sequences as two cores score in seconds, and as long as the sandbox's own competition has them. */
const [SEQUENCES, LENGTH] = [64, 256];
/** Where a challenger must win more than once: sequences of all rounds together. */
const [SHARED, SHORT] = [32, 128];

/**
 * Judges every text that was not judged yet, oldest first. A text is judged once; what is too young is looked at again. Throws what scoring
 * throws for want of Python (7); a model that cannot be scored has lost.
 */
export async function* judge(request: JudgeRequest, place: Place): Work<Throne> {
  const { dir, plays } = request;
  const chain = await place.chain();
  const [block, neurons, store] = await Promise.all([
    chain.block(),
    chain.neurons(place.netuid),
    chain.store(place.netuid),
  ]);
  let throne = readThrone(dir, plays);
  const unread = unreadOf(neurons, store, place).filter((verdict) => !isJudged(throne, verdict));
  if (unread.length > 0) {
    throne = { ...throne, verdicts: [...throne.verdicts, ...unread] };
    await writeThrone(dir, plays, throne);
    for (const { uid, reason } of unread) yield note(`uid ${uid}: unreadable, ${reason}`);
  }
  for (const challenge of challengesOf(neurons, store, place)) {
    // The first king has had his say; whoever won since has a verdict.
    const { hotkey, text } = challenge;
    if (hotkey === plays.king?.hotkey || isJudged(throne, { hotkey, ...text })) continue;
    const { min_age_blocks: age = 0 } = place.profile.limits;
    if (block < challenge.text.block + age) {
      yield note(`uid ${challenge.uid}: judged when its commitment is ${age} blocks old`);
      continue;
    }
    const verdict = yield* judgeOne(challenge, throne, { neurons, store, block }, request, place);
    const crowned = verdict.outcome === 'won' || verdict.outcome === 'taken';
    throne = { king: crowned ? challenge.hotkey : throne.king, verdicts: [...throne.verdicts, verdict] };
    await writeThrone(dir, plays, throne);
    if (crowned) await pay(request.chain, challenge.uid);
    yield note(`uid ${verdict.uid} ${verdict.repo ?? ''}: ${verdict.outcome}, ${verdict.reason}`);
  }
  return throne;
}

function challengesOf(neurons: Neuron[], { entries }: CommitmentStore, { profile }: Place): Challenge[] {
  const found = neurons.flatMap(({ uid, hotkey }) => {
    const stored = entries.get(hotkey);
    const texts = stored ? (countedTexts(stored, profile) ?? []) : [];
    return texts.map((text) => ({ uid, hotkey, text, stored: stored! }));
  });
  return found.sort((a, b) => a.text.block - b.text.block || a.uid - b.uid);
}

/** What nobody there can read is told too: its miner waits for a verdict. */
function unreadOf(neurons: Neuron[], { entries }: CommitmentStore, { profile }: Place): PlayVerdict[] {
  return neurons.flatMap(({ uid, hotkey }) =>
    unreadTexts(entries.get(hotkey) ?? NOTHING, profile).map(
      ({ block, text }): PlayVerdict => ({
        ...{ uid, hotkey, block, text, repo: null, outcome: 'unreadable' },
        reason: `its text is none of this subnet's: ${JSON.stringify(text.slice(0, 80))}`,
      }),
    ),
  );
}

const NOTHING: StoredCommitments = { entry: null, revealed: [], lastBlock: null };

const isJudged = (
  { verdicts }: Throne,
  { hotkey, block, text }: Pick<PlayVerdict, 'hotkey' | 'block' | 'text'>,
): boolean => verdicts.some((each) => each.hotkey === hotkey && each.block === block && each.text === text);

async function* judgeOne(
  challenge: Challenge,
  { king, verdicts }: Throne,
  { neurons, store, block }: { neurons: Neuron[]; store: CommitmentStore; block: number },
  { pages, signal }: JudgeRequest,
  place: Place,
): Work<PlayVerdict> {
  const { uid, hotkey, text } = challenge;
  const holder = neurons.find((each) => each.hotkey === king) ?? null;
  const { namespace, name } = modelIdOf(place.profile, text.fields);
  const told = (outcome: PlayVerdict['outcome'], reason: string): PlayVerdict => ({
    uid,
    hotkey,
    block: text.block,
    text: text.text,
    repo: asHubRepo(namespace, name),
    outcome,
    reason,
  });
  const found = yield* takeIn(challenge, place, {
    king: holder && kingsModel(store, holder.hotkey, place),
    block,
    earlier: verdicts,
  });
  if ('refused' in found) return told('refused', found.refused);
  if (holder === null)
    return told('taken', 'there is nobody to beat, and how it is scored is not played here');
  const [outcome, reason] = yield* fight(uid, holder.uid, { pages, ...(signal ? { signal } : {}) }, place);
  return told(outcome, reason);
}

type Fought = [outcome: 'won' | 'lost', reason: string];

/** As many rounds as the profile wants won in a row, each on text of its own; what is lost once is lost. */
async function* fight(uid: number, king: number, asked: Asked, place: Place): Work<Fought> {
  const { duel } = place.profile;
  const rounds = 'wins' in duel ? Math.max(1, duel.wins ?? 1) : 1;
  const reasons: string[] = [];
  for (let skip = 0, round = 1; round <= rounds; round++) {
    const fought = yield* fightOnce(uid, king, { ...asked, skip, rounds }, place);
    if (fought === null) {
      reasons.push(`no text is left for round ${round} of ${rounds}`);
      break;
    }
    const [outcome, reason] = fought.fought;
    skip += fought.batches;
    reasons.push(rounds === 1 ? reason : `round ${round} of ${rounds}: ${reason}`);
    if (outcome === 'lost') return ['lost', reasons.join('; ')];
  }
  return ['won', reasons.join('; ')];
}

interface Asked {
  pages: number | null;
  signal?: AbortSignal;
}

/**
 * What losses on the sandbox's text come to, by the profile's rule where it goes by losses. A model that cannot be loaded or is too short has
 * lost. Null: the text has no more sequences after those of the rounds before.
 */
async function* fightOnce(
  uid: number,
  king: number,
  { rounds, ...asked }: Asked & { skip: number; rounds: number },
  place: Place,
): Work<{ fought: Fought; batches: number } | null> {
  const ref = (which: number) => ({ kind: 'uid', name: `uid ${which}`, uid: which }) as const;
  // The built-in text is short: several rounds share it.
  const sequences = asked.pages !== null ? null : rounds === 1 ? SEQUENCES : Math.ceil(SHARED / rounds);
  const sequenceLength = rounds === 1 ? LENGTH : SHORT;
  try {
    const { models, winner, duel, sample } = yield* evaluate(
      { models: [ref(uid)], against: ref(king), ...asked, sequences, sequenceLength },
      place,
    );
    const told = (outcome: Fought[0], reason: string) => ({
      fought: [outcome, reason] as Fought,
      batches: sample.batches,
    });
    const [own, theirs] = models;
    const lost = own ? whyLost(own) : 'nothing was scored';
    if (lost !== null) return told('lost', lost);
    if (duel?.wins != null) {
      const [bound, threshold] = [duel.bound, duel.threshold].map((value) => value?.toFixed(4));
      const what = `on ${duel.n} sequences ${bound} must be above ${threshold} (${duel.kind})`;
      return told(duel.wins ? 'won' : 'lost', what);
    }
    const losses = `loss ${own!.loss!.toFixed(4)}, the king's ${theirs?.loss?.toFixed(4) ?? 'none'}`;
    return told(winner === own!.name ? 'won' : 'lost', losses);
  } catch (error) {
    if (asked.skip > 0 && isTextOver(error)) return null;
    if (error instanceof CheckError || (error instanceof UserError && error.code === 'evaluate.length'))
      return { fought: ['lost', error.message], batches: 0 };
    throw error;
  }
}

/** The king's own text may be one of several. */
function kingsModel({ entries }: CommitmentStore, king: string, { profile }: Place): Entrant | null {
  const stored = entries.get(king);
  const text = stored ? countedTexts(stored, profile)?.at(-1) : undefined;
  return text === undefined ? null : entrantIn({ profile }, text);
}
