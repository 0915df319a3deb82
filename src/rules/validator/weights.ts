/** From win rates to the weights a validator sets, in 32-bit floats as the reference computes them. */

/** softmax(win rate / temperature) over all evaluated uids, in the order given. */
export function stepWeights(winRates: number[], temperature: number): number[] {
  const scaled = winRates.map((rate) => Math.fround(Math.fround(rate) / Math.fround(temperature)));
  const top = Math.max(...scaled);
  const powers = scaled.map((x) => Math.fround(Math.exp(Math.fround(x - top))));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => Math.fround(p / sum));
}

/** Weights by neuron from a step's weights by uid; zero elsewhere. */
export function spread(uids: number[], weights: number[], neurons: number): number[] {
  const all = new Array<number>(neurons).fill(0);
  for (const [i, uid] of uids.entries()) all[uid] = weights[i]!;
  return all;
}

/** Sum made 1; NaN (a sum of zero) becomes 0. */
export function normalise(weights: number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => finite(Math.fround(w / sum)));
}

/** alpha × previous + (1 − alpha) × new, NaN → 0. */
export function movingAverage(previous: number[], step: number[], alpha: number): number[] {
  return step.map((w, i) => finite(Math.fround(alpha * previous[i]! + (1 - alpha) * w)));
}

/** `3.2`: the average starts from zeros. */
export function averageFromZero(previous: number[] | null, step: number[], alpha: number): number[] {
  return movingAverage(previous ?? step.map(() => 0), normalise(step), alpha);
}

/** `6.0`, one competition: the first record counts whole, later ones are averaged in. */
export function averageFromFirst(previous: number[] | null, step: number[], alpha: number): number[] {
  const now = normalise(step);
  return previous === null ? now : movingAverage(previous, now, alpha);
}

/**
 * `6.0`: one vector for the subnet from each competition's (normalised) weights and reward; competitions without a record give
 * their share to the others. Weights under `minWeight` of their competition count as 0.
 */
export function subnetWeights(
  competitions: { id: number; reward_percentage: number }[],
  recorded: Map<number, number[]>,
  neurons: number,
  minWeight = 0,
): number[] {
  const total = new Array<number>(neurons).fill(0);
  for (const { id, reward_percentage } of competitions) {
    const weights = recorded.get(id);
    if (!weights) continue;
    const kept = normalise(weights.map((w) => (w < minWeight ? 0 : w)));
    for (let i = 0; i < neurons; i++) total[i]! += kept[i]! * reward_percentage;
  }
  return normalise(total);
}

function finite(x: number): number {
  return Number.isNaN(x) ? 0 : x;
}
