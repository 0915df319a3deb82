import { existsSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';
import { writeWholeSync } from '../host/write-file.ts';
import { SHELLS, type Shell } from './scripts.ts';

const BEGIN = '# >>> pt completion >>>';
const END = '# <<< pt completion <<<';

/** What a shell reads at its start. Where there is no pt, nothing happens. */
const LINES: Record<Shell, (program: string) => string> = {
  bash: (program) => `command -v ${program} > /dev/null && eval "$(${program} completion bash)"`,
  zsh: (program) =>
    `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }\ncommand -v ${program} > /dev/null && eval "$(${program} completion zsh)"`,
  fish: (program) => `command -v ${program} > /dev/null; and ${program} completion fish | source`,
};

/** The shell of `$SHELL`. Throws UserError `usage.shell` when it is none that pt completes. */
export function shellOf(env: NodeJS.ProcessEnv): Shell {
  const name = basename(env.SHELL ?? '');
  const known = SHELLS.find((shell) => shell === name);
  if (known !== undefined) return known;
  throw new UserError('usage.shell', `SHELL is ${env.SHELL ?? 'not set'}: name bash, zsh or fish.`, {
    nextSteps: SHELLS.map((shell) => `pt completion ${shell} --install`),
  });
}

/** The file that the shell reads at its start. */
export function startFile(shell: Shell, env: NodeJS.ProcessEnv, home: string): string {
  if (shell === 'bash') return join(home, '.bashrc');
  if (shell === 'zsh') return join(env.ZDOTDIR || home, '.zshrc');
  return join(env.XDG_CONFIG_HOME || join(home, '.config'), 'fish', 'conf.d', 'pt.fish');
}

/** Puts the lines of a program into the file, or (null) takes them out; whether that changed anything. The rest of the file stays as it is. */
export function installCompletion(shell: Shell, file: string, program: string | null): boolean {
  try {
    // A link into somebody's dotfiles stays one.
    const target = existsSync(file) ? realpathSync(file) : file;
    const before = existsSync(target) ? readFileSync(target, 'utf8') : '';
    const after = changed(before, program === null ? null : LINES[shell](program));
    if (after === before) return false;
    if (after === '') rmSync(target);
    else writeWholeSync(target, after, { mode: existsSync(target) ? statSync(target).mode & 0o777 : 0o644 });
    return true;
  } catch (error) {
    throw diskError(error, file);
  }
}

/** Exported for its test. */
export function changed(text: string, lines: string | null): string {
  const start = text.indexOf(`${BEGIN}\n`);
  const end = text.indexOf(`${END}\n`, start);
  const there = start !== -1 && end !== -1;
  const block = lines === null ? '' : `${BEGIN}\n${lines}\n${END}\n`;
  if (there) return text.slice(0, start) + block + text.slice(end + END.length + 1);
  const gap = text === '' || text.endsWith('\n') || block === '' ? '' : '\n';
  return `${text}${gap}${block}`;
}
