import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Longest first, where no earlier run says how long each takes: what begins last must not be what the others wait for. Minutes of 2 cores, in this order. */
const LONG = [
  'docs/commands',
  'package/install',
  'end-to-end/duel',
  'end-to-end/train',
  'end-to-end/resume',
  'training/data-flags',
  'training/own-recipe',
  'end-to-end/profiles',
  'end-to-end/publish',
  'end-to-end/seal-risks',
  'end-to-end/long-jobs',
  'end-to-end/branch',
  'end-to-end/dashboard',
  'check/fix',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/** Rooms whose tests change nothing of their process (no mocks, no environment, no folder of it): several files share one, and what it has imported. */
const SHARED =
  'test/{check,cli,completion,merging,model,notify,output,report,rules,runs,settings,text,training}/**/*.test.ts';

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: [SHARED] } },
      { extends: true, test: { name: 'shared', include: [SHARED], isolate: false } },
    ],
    sequence: { sequencer: LongestFirst },
    // Real processes and real servers on 2 shared cores: generous limits, few workers.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Threads of several trainers that spin while they wait for each other double what a training costs.
    env: { OMP_NUM_THREADS: '1' },
    // What is polled for is a process that starts or ends: a second is nothing on a loaded machine.
    expect: { poll: { timeout: 30_000 } },
    // Real processes on shared, noisy CI machines: a second try there, so that a late wake-up is no verdict; none at a desk.
    retry: process.env.CI ? 1 : 0,
    reporters: ['default'],
  },
});
