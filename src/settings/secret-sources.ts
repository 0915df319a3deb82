import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import { knowEnvironment, Secret } from '../secret.ts';

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
  knowEnvironment(parseDotenv(textOf(join(cwd, '.env'))));
  new Secret(textOf(hubTokenFile(env, userHome)).trim());
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
