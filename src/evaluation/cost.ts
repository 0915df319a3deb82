/** `pt evaluate --plan`: what scoring takes on this machine, before anything but headers is downloaded. */
import { runPython } from '../check/index.ts';
import { freeSpace } from '../host/free-space.ts';
import type { Place } from '../place.ts';
import { note, type Work } from '../progress.ts';
import { gather } from './evaluate.ts';
import { look, type Seen } from './locate.ts';
import { lengthFor, sequencesFor, tasksOf } from './plan.ts';
import { type PowerRequest, powerFor } from './power.ts';
import type { Cost, CostOfModel, EvaluateRequest } from './types.ts';

/** `signal` and the rest as `evaluate` takes them; null: no power was asked for. */
export type CostRequest = EvaluateRequest & { power: PowerRequest | null };

/** What python/needs.py says of a model; null: not known. */
interface RawNeeds {
  weights: number;
  memory: number;
  memory_host: number | null;
  rate: {
    tokens_per_second: number;
    model: string | null;
    tokens: number | null;
    /** Seconds since the epoch. */
    at: number | null;
    same: boolean;
  } | null;
  problem: string | null;
}

/** What that script says of this machine; bytes, null: the machine does not say. */
interface Machine {
  device: string;
  device_name: string;
  dtype: string;
  free: number | null;
  free_host: number | null;
}

/** Throws as `evaluate` does for what is known without a model's weights. */
export async function* costOf(request: CostRequest, place: Place): Work<Cost> {
  const { located, block, competition } = yield* gather(request, place, look);
  const tasks = tasksOf(competition, {
    data: request.data ?? [],
    pages: null,
    sequences: sequencesFor(place.profile, request),
    offline: place.offline,
  });
  const facts = located.map((model) => model.facts);
  const length = lengthFor(competition, request.sequenceLength ?? null, facts);
  const each = tasks[0]!.sequences;
  const sequences = each === null ? null : each * tasks.length;
  const countable = located.filter((model) => model.facts.parameters !== null);
  yield note('Nothing is downloaded but configs and headers.');
  const result = yield* runPython(
    'needs.py',
    {
      models: countable.map(({ name, facts: { config, parameters } }) => ({
        name,
        config,
        elements: parameters,
      })),
      sequence_length: length,
      device: request.device ?? place.device,
      cache_dir: `${place.home}/cache`,
    },
    place,
    request.signal,
  );
  const machine = result as unknown as Machine;
  const needs = new Map(countable.map(({ dir }, i) => [dir, (result.models as RawNeeds[])[i]!]));
  const models = located.map((model) =>
    costOfModel(model, needs.get(model.dir) ?? null, machine, { sequences, length }),
  );
  const download = models.reduce((sum, model) => sum + model.download, 0);
  const diskFree = download === 0 ? null : await freeSpace(request.modelsDir ?? place.modelsDir);
  const rates = models.map(({ tokensPerSecond }) => tokensPerSecond);
  return {
    plan: true,
    models,
    ...{ device: machine.device, deviceName: machine.device_name, dtype: machine.dtype },
    memoryFree: machine.free,
    hostMemoryFree: machine.free_host,
    download,
    diskFree,
    fitsOnDisk: diskFree === null || download <= diskFree,
    sample: { sequences, sequenceLength: length, data: tasks.map(({ data }) => data) },
    seconds: secondsOf(sequences === null ? null : sequences * length, rates),
    power: request.power && powerFor(request.power, place, (n) => secondsOf(n * length, rates)),
    block,
    profile: place.profileName,
    competition,
  };
}

/** Seconds that so many tokens take all models, one after another. Null: the tokens or a rate are not known. */
function secondsOf(tokens: number | null, rates: (number | null)[]): number | null {
  if (tokens === null || rates.some((rate) => rate === null)) return null;
  return rates.reduce<number>((sum, rate) => sum + tokens / rate!, 0);
}

function costOfModel(
  { name, mine, dir, onHub, uid, download, facts }: Seen,
  needs: RawNeeds | null,
  { free, free_host }: Machine,
  { sequences, length }: { sequences: number | null; length: number },
): CostOfModel {
  const tokensPerSecond = needs?.rate?.tokens_per_second ?? null;
  const fits = (need: number | null, has: number | null): boolean | null =>
    need === null || has === null ? null : need <= has;
  const both = [
    fits(needs?.memory ?? null, free),
    ...(needs?.memory_host == null ? [] : [fits(needs.memory_host, free_host)]),
  ];
  const { rate = null } = needs ?? {};
  return {
    ...{ name, mine, dir, onHub, uid, parameters: facts.parameters, download },
    weights: needs?.weights ?? null,
    memory: needs?.memory ?? null,
    hostMemory: needs?.memory_host ?? null,
    fits: both.includes(false) ? false : both.includes(null) ? null : true,
    tokensPerSecond,
    seconds: secondsOf(sequences === null ? null : sequences * length, [tokensPerSecond]),
    speed:
      rate === null
        ? null
        : {
            from: rate.model === null ? 'bound' : rate.same ? 'measured' : 'scaled',
            model: rate.model,
            tokens: rate.tokens,
            at: rate.at === null ? null : new Date(rate.at * 1000).toISOString(),
          },
    problem: needs === null ? facts.problems.map(({ message }) => message).join(' ') || null : needs.problem,
  };
}
