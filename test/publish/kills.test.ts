import { expect, it } from 'vitest';
import { killPublishes } from './kill-harness.ts';

const KILLS = process.env.PT_SLOW ? 40 : 8;

it(`ends in one commitment and one verified public repository after kill -9 at ${KILLS} random moments`, async () => {
  const report = await killPublishes(KILLS);
  expect(report.wrong).toEqual([]);
  expect(report.consistent).toBe(report.publishes);
  expect(report.kills).toBeGreaterThanOrEqual(KILLS);
}, 240_000);
