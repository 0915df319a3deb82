/** What a look on text that no choice was made by comes to. */
import { describe, expect, it } from 'vitest';
import { duel } from '../../../src/rules/index.ts';

const trial = { by: 'mean', threshold: 0.0015, sds: 3.09, n: 10_000, times: 1 } as const;
const lookAt = (sample: duel.Sample): duel.FreshLook => {
  const found = duel.predict(sample, trial);
  return {
    chance: found?.p ?? null,
    high: found?.high ?? null,
    more: found && duel.moreToSettle(sample, trial),
  };
};
const look = (mean: number, n = 400) => duel.confirm(lookAt({ n, mean, sd: 0.02 }), (p) => p > 0.95);

describe('a confirmation', () => {
  it('publishes what holds on fresh text, and not what was luck', () => {
    expect(look(0.01)).toEqual({ publish: true, why: 'confirmed' });
    expect(look(-0.01)).toEqual({ publish: false, why: 'not_confirmed' });
  });

  it('says where more sequences could still confirm it', () => {
    expect(look(0.01, 1)).toEqual({ publish: false, why: 'too_few' });
    expect(look(0.0035, 100)).toEqual({ publish: false, why: 'too_few' });
    const { more } = lookAt({ n: 100, mean: 0.0035, sd: 0.02 });
    expect(look(0.0035, 100 + more!)).toEqual({ publish: true, why: 'confirmed' });
    // At the edge the subnet's own sample leaves it open, however many more are scored.
    expect(look(0.0015 + (3.09 * 0.02) / 100, 40)).toEqual({ publish: false, why: 'not_confirmed' });
  });

  it('takes the promise as it is where no text is left', () => {
    expect(duel.confirm(null, () => false)).toEqual({ publish: true, why: 'no_text' });
  });
});
