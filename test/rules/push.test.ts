import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PtError } from '../../src/errors.ts';
import { afterStep, MAX_SENDS, nextStep, startPush } from '../../src/rules/index.ts';

type Answer = 'same' | 'other' | 'none' | 'failed';

/** Plays a publish against answers; returns the steps taken and whether it gave up. */
function play(sends: boolean[], reads: Answer[], wantPublic: boolean) {
  const steps: string[] = [];
  let state = startPush('text', wantPublic);
  try {
    for (let i = 0; ; i++) {
      expect(i).toBeLessThan(50);
      const step = nextStep(state);
      steps.push(step);
      if (step === 'done') return { steps, state, failed: null };
      if (step === 'commit')
        state = afterStep(state, { step, ok: sends[steps.filter((s) => s === 'commit').length - 1] ?? true });
      else if (step === 'readBack')
        state = afterStep(state, {
          step,
          found: reads[steps.filter((s) => s === 'readBack').length - 1] ?? 'none',
        });
      else state = afterStep(state, { step });
    }
  } catch (error) {
    if (!(error instanceof PtError)) throw error;
    return { steps, state, failed: error };
  }
}

const answers = fc.array(fc.constantFrom<Answer>('same', 'other', 'none', 'failed'), { maxLength: 12 });

describe('push', () => {
  it('always ends, in a committed model or a typed error, whatever chain and Hub answer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 4 }),
        answers,
        fc.boolean(),
        (sends, reads, wantPublic) => {
          const { steps, state, failed } = play(sends, reads, wantPublic);
          const sent = steps.filter((s) => s === 'commit').length;
          expect(sent).toBeLessThanOrEqual(MAX_SENDS);
          expect(steps[0]).toBe('upload');
          if (failed) {
            expect(failed.exitCode).toBe(5);
            expect(steps).not.toContain('makePublic');
          } else {
            expect(state.readBack).toBe('same');
            expect(state.isPublic).toBe(wantPublic);
          }
          // Between two sends the chain was read, successfully.
          const between = steps.join(' ').split('commit').slice(1, -1);
          for (const part of between) expect(part).toContain('readBack');
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('reads before it sends again, because a failed send may have gone through', () => {
    expect(play([false], ['same'], false).steps).toEqual(['upload', 'commit', 'readBack', 'done']);
  });

  it('does not send again because reading fails', () => {
    const { steps, failed } = play([true], ['failed', 'failed', 'failed'], true);
    expect(steps.filter((s) => s === 'commit')).toHaveLength(1);
    expect(failed?.code).toBe('publish.unreadable');
  });

  it('gives up where the reference goes on for ever', () => {
    expect(play([false, false, false], ['none', 'none', 'none'], false).failed?.code).toBe(
      'publish.not_committed',
    );
  });
});
