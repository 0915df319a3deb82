import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { choiceOf, keepChoice, resolveSettings } from '../../src/settings/index.ts';
import { tempDir } from '../model/support.ts';

const settingsIn = (home: string, env: Record<string, string> = {}) =>
  resolveSettings({ env: { PT_HOME: home, ...env }, cwd: home, home });

test('a choice holds until another one, and config show says where it stands; the rest of the file stays', async () => {
  const home = tempDir();
  const file = join(home, 'config.yaml');
  writeFileSync(file, '# mine\ndevice: cpu # slow\n');
  for (const name of ['test', '6.0', '3.2']) await keepChoice(home, choiceOf(name, settingsIn(home)));
  const { network, profile, device, rows } = settingsIn(home);
  expect([network.name, profile, device]).toEqual(['test', '3.2', 'cpu']);
  expect(rows.find(({ key }) => key === 'profile')).toMatchObject({ value: '3.2', origin: `${file}:4` });
  // The environment still wins.
  expect(settingsIn(home, { PT_NETWORK: 'finney' }).network.name).toBe('finney');
  await keepChoice(home, null);
  expect(readFileSync(file, 'utf8')).toBe('# mine\ndevice: cpu # slow\n');
});

test('a file that held nothing else holds nothing again; one that is broken is not touched', async () => {
  const home = tempDir();
  const file = await keepChoice(home, { key: 'network', value: 'ws://127.0.0.1:9944' });
  expect(settingsIn(home).network.endpoints).toEqual(['ws://127.0.0.1:9944']);
  await keepChoice(home, null);
  expect(existsSync(file) && readFileSync(file, 'utf8')).toBe('');
  writeFileSync(file, 'network: [\n');
  await expect(keepChoice(home, null)).rejects.toMatchObject({ code: 'settings.config_file' });
  expect(readFileSync(file, 'utf8')).toBe('network: [\n');
});

test('a name that is nothing is said with the nearest', () => {
  expect(() => choiceOf('finny', settingsIn(tempDir()))).toThrow(/did you mean finney\?/);
});
