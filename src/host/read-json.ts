import { readFile } from 'node:fs/promises';

/** The value of a JSON file; null when it is missing, unreadable or not JSON. Whose file it is decides what its content may be trusted for. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
}
