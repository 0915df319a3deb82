import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { cleanEnv, root } from './run-pt.ts';

export interface Typed {
  columns?: number;
  env?: Record<string, string>;
  /** Pairs of a pattern and what is typed once it has been shown. */
  type?: [string, string][];
}

/** Runs `pt` in a real terminal of `columns`, with `home` as PT_HOME and working folder. */
export function pseudoTerminal(
  args: string[],
  home: string,
  { columns = 80, env = {}, type = [] }: Typed = {},
): Promise<{ code: number; shown: string }> {
  const request = {
    command: [process.execPath, join(root, 'bin/run.js'), ...args],
    cwd: home,
    env: cleanEnv({ PT_HOME: home, TERM: 'xterm-256color', LANG: 'C.UTF-8', ...env }),
    columns,
    type,
    seconds: 40,
  };
  return new Promise((done, reject) => {
    const script = join(import.meta.dirname, 'pty_run.py');
    execFile('python3', [script, JSON.stringify(request)], (error, stdout) =>
      error ? reject(error) : done(JSON.parse(stdout)),
    );
  });
}
