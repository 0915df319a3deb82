import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { processIdentity } from '../host/process-identity.ts';

/** Makes sure that one process at a time serves `dir`. A claim of a process that is gone is taken over. */
export function claim(dir: string): () => void {
  const file = join(dir, 'claim');
  const draft = `${file}.${process.pid}`;
  const mine = JSON.stringify([process.pid, processIdentity(process.pid)]);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      // Linked into place whole: half a claim would look like one of nobody.
      writeFileSync(draft, mine, { mode: 0o600 });
      linkSync(draft, file);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (isHeld(file)) break;
      rmSync(file, { force: true });
    } finally {
      rmSync(draft, { force: true });
    }
  }
  throw alreadyRunning(dir);
}

function isHeld(file: string): boolean {
  try {
    const [pid, identity] = JSON.parse(readFileSync(file, 'utf8')) as [number, string];
    return processIdentity(pid) === identity;
  } catch {
    return false;
  }
}

/** Whether a living process serves `dir`, or is about to. */
export const isClaimed = (dir: string): boolean => isHeld(join(dir, 'claim'));

export const alreadyRunning = (dir: string): UserError =>
  new UserError('sandbox.running', `Another process runs the sandbox of ${dir}.`, {
    nextSteps: ['pt sandbox status', 'pt sandbox stop'],
  });
