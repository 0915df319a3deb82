/** A win is confirmed on text that nothing was chosen by, also of a run that was not meant to publish when it was made. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { refuseUnconfirmable } from '../../src/runs/prepare-duel.ts';
import type { PublishIntent } from '../../src/training/index.ts';

let home: string;
let runDir: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-prepare-duel-'));
  runDir = join(home, 'run');
  await mkdir(join(home, 'text'), { recursive: true });
  await mkdir(runDir);
  for (const name of ['text/trained.txt', 'other.txt']) await writeFile(join(home, name), 'x');
  await symlink(join(home, 'text', 'trained.txt'), join(home, 'again.txt'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const when: PublishIntent = {
  ...{ repo: 'me/x', threshold: null, when: { pWin: 0.9, orEqual: false } },
  ...{ dtype: null, useHotkeyInHash: false, makePublic: true },
};
async function going(duelled: string[], intent: PublishIntent | null): Promise<string | null> {
  const data = [{ name: join(home, 'text'), weight: 1 }];
  const duel = { against: 'king', data: duelled, sequences: 8 };
  await writeFile(join(runDir, 'run.json'), JSON.stringify({ version: 1, data, duel }));
  return refuseUnconfirmable(runDir, intent).then(
    () => null,
    (error) => error.code,
  );
}

it('refuses text that is trained on, by whichever name, and only where a win would be published', async () => {
  const [trained, link, other] = ['text/trained.txt', 'again.txt', 'other.txt'].map((name) =>
    join(home, name),
  ) as [string, string, string];
  expect(await going([trained], when)).toBe('usage.duel_data');
  expect(await going([link], when)).toBe('usage.duel_data');
  expect(await going([other], when)).toBeNull();
  // The competition's own, of which fresh pages are drawn.
  expect(await going([], when)).toBeNull();
  expect(await going([trained], null)).toBeNull();
  expect(await going([trained], { ...when, when: null })).toBeNull();
});
