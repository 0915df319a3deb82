import { existsSync, readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { UserError } from '../errors.ts';
import { writeWhole } from '../host/write-file.ts';
import { hint } from './definitions.ts';
import { configFile, readConfigFile } from './sources.ts';
import type { Settings } from './types.ts';

/** What `pt use` keeps. */
export type Choice = { key: 'network' | 'profile'; value: string };

/** What a name means: a network (or an address of one), or a profile. Throws UserError `usage.choice`. */
export function choiceOf(name: string, { constants }: Pick<Settings, 'constants'>): Choice {
  if (Object.hasOwn(constants.networks, name) || /^wss?:\/\//.test(name))
    return { key: 'network', value: name };
  if (Object.hasOwn(constants.profiles, name)) return { key: 'profile', value: name };
  const known = [...Object.keys(constants.networks), ...Object.keys(constants.profiles)];
  throw new UserError('usage.choice', `${name} is neither a network nor a profile${hint(name, known)}.`, {
    nextSteps: ['pt profiles', `pt use ${Object.keys(constants.networks)[0]}`],
  });
}

/** Writes a choice into `config.yaml`, or takes all choices out (null); comments and other settings stay. Gives the file. */
export async function keepChoice(home: string, choice: Choice | null): Promise<string> {
  // What is wrong with the file is said before it is touched.
  readConfigFile(home);
  const file = configFile(home);
  const document = parseDocument(existsSync(file) ? readFileSync(file, 'utf8') : '');
  if (choice !== null) document.set(choice.key, choice.value);
  else for (const key of ['network', 'profile']) document.delete(key);
  await writeWhole(
    file,
    String(document) === '{}\n' || String(document) === 'null\n' ? '' : String(document),
  );
  return file;
}
