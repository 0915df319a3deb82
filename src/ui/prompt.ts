import { Cancelled, UserError } from '../errors.ts';
import { Secret } from '../secret.ts';

const onTerminal = () => Boolean(process.stdin.isTTY && process.stderr.isTTY);

/** Runs a prompt on stderr; Ctrl-C there is a cancellation, not a bug. */
async function ask<T>(prompt: () => Promise<T>): Promise<T> {
  try {
    return await prompt();
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') throw new Cancelled();
    throw error;
  }
}

/** Yes or no. Without a terminal it fails and names the `flag` that answers yes. */
export async function askYesNo(question: string, flag: string): Promise<boolean> {
  if (!onTerminal()) {
    throw new UserError('usage.confirmation', `${question} There is no terminal to ask on.`, {
      nextSteps: [`Add ${flag} to say yes beforehand.`],
    });
  }
  const { default: confirm } = await import('@inquirer/confirm');
  return ask(() => confirm({ message: question, default: false }, { output: process.stderr }));
}

/** A password typed without echo; null without a terminal. */
export async function askPassword(question: string): Promise<Secret | null> {
  if (!onTerminal()) return null;
  const { default: password } = await import('@inquirer/password');
  return new Secret(await ask(() => password({ message: question }, { output: process.stderr })));
}
