import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
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
