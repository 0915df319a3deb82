import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { keepPrivate } from '../../src/host/own-folder.ts';

const dir = mkdtempSync(join(tmpdir(), 'pt-own-'));
afterAll(() => rmSync(dir, { recursive: true }));
const mode = (path: string) => statSync(path).mode & 0o777;

test.skipIf(process.platform === 'win32')('a folder is taken out of others’ reach, and nothing else', () => {
  const [above, home, link] = [join(dir, 'above'), join(dir, 'above', 'home'), join(dir, 'link')];
  mkdirSync(home, { recursive: true });
  for (const folder of [above, home]) chmodSync(folder, 0o755);
  symlinkSync(above, link);
  for (const path of [home, link, join(dir, 'missing')]) keepPrivate(path);
  expect([mode(home), mode(above)]).toEqual([0o700, 0o755]);
});
