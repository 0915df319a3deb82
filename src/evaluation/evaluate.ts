/** `pt evaluate`: models on one sample, as validators score them, and what follows. */
import { blockFor } from '../check/index.ts';
import type { ModelFacts } from '../model/index.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import { type Competition, whyNoLoss } from '../rules/index.ts';
import { type Find, type Located, locate, openChain } from './locate.ts';
import { requireScoringFits } from './require-fit.ts';
import { competitionOf, refuseEmpty, scoreOn } from './score.ts';
import type { EvaluateRequest, Evaluation } from './types.ts';
import { type Contestant, verdictOf } from './verdict.ts';

/** Throws `UserError` (2) for what is not there, `OutsideError` (5, 7) for chain, Hub and Python; a model that cannot be scored is in the result. */
export async function* evaluate(request: EvaluateRequest, place: Place): Work<Evaluation> {
  const fits = (name: string, facts: ModelFacts) => requireScoringFits(name, facts, null, request, place);
  const find: Find<Located> = (ref, mine, asked, ...where) => locate(ref, mine, { ...asked, fits }, ...where);
  const { located, ...at } = yield* gather(request, place, find);
  return yield* scoreAll(located, at, request, place);
}

/** The models that are asked about, each once, as `find` gives them; the block, and the competition that they are in. */
export async function* gather<Model extends Located>(
  request: EvaluateRequest,
  place: Place,
  find: Find<Model>,
): Work<{ located: Model[]; block: number; competition: Competition }> {
  const { against = null } = request;
  refuseEmpty(request.data ?? []);
  const needsChain = [...request.models, against].some((m) => m?.kind === 'uid' || m?.kind === 'best');
  const chain = yield* openChain(request, place, needsChain);
  const located: Model[] = [];
  for (const ref of request.models)
    located.push(yield* find(ref, true, { request, competition: place.competition }, place, chain));
  const { block } = blockFor(
    place.schedule,
    place.profile,
    request.block ?? null,
    chain ? await chain.block() : null,
  );
  const competition = competitionOf(located, block, place);
  if (against) {
    // What is to be beaten competes where the models do.
    const id = competition.id === null ? place.competition : String(competition.id);
    located.push(yield* find(against, false, { request, competition: id }, place, chain));
  }
  return { located: distinct(located), block, competition };
}

async function* scoreAll(
  located: Located[],
  { block, competition }: { block: number; competition: Competition },
  request: EvaluateRequest,
  place: Place,
): Work<Evaluation> {
  const { raw, ranges, sample } = yield* scoreOn(located, { block, competition }, request, place);
  const contestants = located.map((l, i): Contestant => {
    const { tasks: parts, error, loss } = raw[i]!;
    // What validators cannot compute a loss of has lost, whatever it computes here.
    const noLoss = whyNoLoss(l.facts.architecture, place.profile);
    const why = error?.message ?? (noLoss === null ? null : `infinite loss: ${noLoss}`);
    return {
      name: l.name,
      dir: l.dir,
      // Ours could be committed in the next block at the earliest; what is to be beaten counts as there before it.
      block: l.block ?? (l.mine ? block + 1 : block),
      uid: l.uid,
      mine: l.mine,
      loss: noLoss === null ? loss : null,
      losses: why !== null ? null : parts.flatMap((t) => t.losses.map((loss) => loss ?? Number.NaN)),
      reasonable: raw[i]!.reasonable,
      notFinite: raw[i]!.not_finite,
      parameters: l.facts.parameters,
      error: why,
    };
  });
  return {
    ...verdictOf(contestants, ranges, competition, place.profile, block),
    block,
    profile: place.profileName,
    competition,
    sample,
  };
}

/** Every model once (what is to be beaten is not ours as well), under a name of its own. */
function distinct<Model extends Located>(located: Model[]): Model[] {
  const byDir = new Map<string, Model>();
  for (const l of located) byDir.set(l.dir, { ...l, mine: l.mine && (byDir.get(l.dir)?.mine ?? true) });
  const models = [...byDir.values()];
  return models.map((l) => {
    const clash = models.filter((o) => o.name === l.name).length > 1;
    return clash ? { ...l, name: l.dir } : l;
  });
}
