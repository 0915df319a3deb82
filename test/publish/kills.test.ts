import { expect, it } from 'vitest';
import { again, cases, patience, tell } from '../support/attack.ts';
import { killPublishes } from './kill-harness.ts';

const KILLS = cases(8);

it(
  `ends in one commitment and one verified public repository after kill -9 at ${KILLS} random moments`,
  async () => {
    const report = await killPublishes(KILLS);
    tell(
      'kill -9 of pt upload at random moments, then resumed',
      report.kills - report.wrong.length,
      report.kills,
    );
    tell('publishes that were killed: one commitment, loadable', report.consistent, report.publishes);
    expect(report.wrong, again).toEqual([]);
    expect(report.consistent).toBe(report.publishes);
    expect(report.kills).toBeGreaterThanOrEqual(KILLS);
  },
  patience(240_000),
);
