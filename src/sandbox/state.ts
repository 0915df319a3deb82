import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { isAlive } from '../host/process.ts';
import { jsonLines, writeWholeSync } from '../host/write-file.ts';

/** The subnet that it plays: the small form of a profile, and the king to beat (src/sandbox/play/). */
const playsSchema = z.object({
  /** Name of the small form, and the folder that its file lies in. */
  profile: z.string(),
  profiles: z.string(),
  /** The profile that it stands in for. */
  of: z.string(),
  /** Who held the throne when it began; null where no king can be made. */
  king: z.object({ hotkey: z.string(), repo: z.string(), commit: z.string() }).nullable(),
});
export type Plays = z.infer<typeof playsSchema>;

/** What a sandbox says about itself while it runs; `state.json` in its folder, mode 600. */
const stateSchema = z.object({
  pid: z.number().int().positive(),
  /** `processIdentity(pid)`, so that another process under the same id is not taken for the sandbox. */
  identity: z.string(),
  startedAt: z.string(),
  chain: z.string(),
  hub: z.string(),
  netuid: z.number().int(),
  /** Of the embedded chain's runtime; null with `fork`. */
  spec: z.number().int().nullable().default(null),
  /** The network whose state the chain was forked from; null for the embedded chain. */
  fork: z.string().nullable().default(null),
  /** A throwaway token of the sandbox's own Hub. */
  token: z.string(),
  plays: playsSchema.nullable().default(null),
  wallet: z.object({ path: z.string(), name: z.string(), hotkey: z.string(), ss58: z.string() }),
});

export type SandboxState = z.infer<typeof stateSchema>;

/** The sandbox's folder under PT_HOME. */
export const sandboxDir = (home: string): string => join(home, 'sandbox');
export const stateFile = (dir: string): string => join(dir, 'state.json');

/** The state of the sandbox that runs from `dir`; null when there is none, or when its process is gone. */
export function readSandboxState(dir: string): SandboxState | null {
  const file = stateFile(dir);
  if (!existsSync(file)) return null;
  try {
    const state = stateSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return isAlive(state.pid, state.identity) ? state : null;
  } catch {
    return null;
  }
}

/** Writes the state of this process, in one piece. */
export const writeSandboxState = (dir: string, state: SandboxState): void =>
  writeWholeSync(stateFile(dir), jsonLines(state));
