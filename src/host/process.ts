import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Who a process is, as text that only this process has under its id: when it started, and in which boot of the machine. Null when there
 * is none. An id alone may by now belong to somebody else, after a reboot in particular.
 */
export function processIdentity(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return null;
  }
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

/**
 * Whether the process that wrote down `pid` and `identity` (its `processIdentity` then) still runs. Without an identity, as files of an
 * older pt have none, the id has to do.
 */
export function isAlive(pid: number, identity?: string | null): boolean {
  const now = processIdentity(pid);
  return now !== null && (identity == null || now === identity);
}

function fromProc(pid: number): string | null {
  try {
    // The command name may hold spaces and parentheses: count fields after the last ")". Field 22 is the start in clock ticks since boot.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    if (fields[0] === 'Z' || fields[19] === undefined) return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return null;
  }
}

function fromPs(pid: number): string | null {
  try {
    // The C locale, so that two shells with different languages read the same date.
    const env = { ...process.env, LC_ALL: 'C' };
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env }).trim() || null;
  } catch (error) {
    // Without `ps` (Windows) nothing more than its being there is known.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'started at an unknown time' : null;
  }
}
