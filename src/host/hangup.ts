import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Whether this process was started to outlive its terminal (`nohup`, or a shell that ignores SIGHUP). Node gives every signal back its default
 * before any script runs, so what the process itself would say is lost. What remains: the shell's note of which program it
 * started (`_`), the parent, which hands its own down, and what `nohup` does to a terminal at stdin and stdout.
 */
export function outlivesTerminal(env: NodeJS.ProcessEnv): boolean {
  return basename(env._ ?? '') === 'nohup' || parentIgnoresHangup() || nohupTookTheTerminal();
}

function parentIgnoresHangup(): boolean {
  const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(textOf(`/proc/${process.ppid}/status`))?.[1];
  return ignored !== undefined && (Number.parseInt(ignored.slice(-1), 16) & 1) === 1;
}

/** GNU's puts a /dev/null that can only be written in place of stdin, and `nohup.out` in place of stdout. */
function nohupTookTheTerminal(): boolean {
  const access = /^flags:\s*(\d+)$/m.exec(textOf('/proc/self/fdinfo/0'))?.[1];
  const onlyWritten = access !== undefined && (Number.parseInt(access, 8) & 3) === 1;
  if (onlyWritten && linkOf('/proc/self/fd/0') === '/dev/null') return true;
  return [1, 2].some((descriptor) => basename(linkOf(`/proc/self/fd/${descriptor}`)) === 'nohup.out');
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
