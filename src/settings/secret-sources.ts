import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { knowEnvironment, Secret } from '../secret.ts';
import { parseDotenv } from './dotenv.ts';

/** Where `hf auth login` saved its token. */
export function hubTokenFile(env: NodeJS.ProcessEnv, userHome: string): string {
  const cache = env.XDG_CACHE_HOME || join(userHome, '.cache');
  return env.HF_TOKEN_PATH || join(env.HF_HOME || join(cache, 'huggingface'), 'token');
}

/**
 * Makes every secret known that settings could take here, for an error that ended a command before they were resolved: what a person
 * mistyped as an argument may well be one of them. Never throws: another error is being told.
 */
export function knowSecretSources(env: NodeJS.ProcessEnv, cwd: string, userHome = homedir()): void {
  knowEnvironment(env);
  const { assignments } = parseDotenv(contentOf(join(cwd, '.env')), env);
  for (const { name, value } of assignments) knowEnvironment({ [name]: value });
  new Secret(contentOf(hubTokenFile(env, userHome)).toString('utf8').trim());
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
