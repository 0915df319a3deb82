import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../host/write-file.ts';

/** What a sandbox keeps between starts, so that addresses and token that a shell or a client remembers stay good. */
const identitySchema = z.object({
  token: z.string(),
  chainPort: z.number().int().nullable(),
  hubPort: z.number().int().nullable(),
  /** Name of the profile that it plays. */
  plays: z.string().nullable().default(null),
});

export type SandboxIdentity = z.infer<typeof identitySchema>;

const identityFile = (dir: string) => join(dir, 'sandbox.json');

/** The kept identity; a fresh one on first use or when the file is damaged. Makes the folder (mode 700). */
export function readIdentity(dir: string): SandboxIdentity {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = identityFile(dir);
  if (existsSync(file)) {
    try {
      return identitySchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch {
      // Damaged: a new token does no harm, nothing outside this folder knows the old one.
    }
  }
  return {
    token: `hf_sandbox${randomBytes(16).toString('hex')}`,
    chainPort: null,
    hubPort: null,
    plays: null,
  };
}

/** Name of the profile that the sandbox of `dir` played last; null: none. */
export const playsLast = (dir: string): string | null =>
  existsSync(identityFile(dir)) ? readIdentity(dir).plays : null;

export const writeIdentity = (dir: string, identity: SandboxIdentity): Promise<void> =>
  writeJson(identityFile(dir), identity);
