import { Config } from '@oclif/core';
import { EXIT, type PtError, reportOf, UserError } from './errors.ts';
import { didYouMean } from './ui/suggest.ts';
import { createUi } from './ui/terminal.ts';

const GLOBAL_SWITCHES = ['--json', '--quiet', '--no-color'];
const HELP = ['--help', '-h'];

/** What was typed, taken apart: the words that may name a command, and everything after them. */
interface Typed {
  words: string[];
  rest: string[];
}

/**
 * Runs one command line and sets the exit code. oclif finds, loads and parses commands; version, help, unknown commands and
 * errors are handled here, so that they follow --json and the exit codes.
 */
export async function main(argv: string[], root: string): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    // A reader that went away (`| head`) is no error.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  const dashes = argv.indexOf('--');
  const own = dashes === -1 ? argv : argv.slice(0, dashes);
  const fail = (error: unknown): void => {
    const ui = createUi({
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      json: own.includes('--json'),
      color: !own.includes('--no-color'),
    });
    const report = reportOf(error);
    ui.error(report);
    if (process.env.PT_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    if (ui.json) ui.object({ error: report });
    process.exitCode = report.exitCode;
  };
  const die = (error: unknown) => {
    fail(error);
    process.exit(process.exitCode ?? EXIT.bug);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  try {
    await dispatch(argv, own, root);
  } catch (error) {
    fail(error);
  }
}

async function dispatch(argv: string[], own: string[], root: string): Promise<void> {
  const config = await Config.load({ root });
  const { words, rest } = split(argv);
  if (own.includes('--version') && words.length === 0) {
    process.stdout.write(`${config.userAgent}\n`);
    return;
  }
  const helpWanted = words[0] === 'help' || own.some((token) => HELP.includes(token));
  if (words[0] === 'help') words.shift();
  const found = findCommand(config, words);
  if (helpWanted || (words.length === 0 && rest.length === 0)) {
    const { showHelp } = await import('./help.ts');
    const topic = config.findTopic(words[0] ?? '');
    if (words.length > 0 && !found && !topic) throw unknownCommand(config, words);
    await showHelp(config, found ? found.id : words.length > 0 ? words[0]! : null);
    return;
  }
  if (!found) {
    const topic = words.length === 1 && config.findTopic(words[0]!);
    if (topic && rest.length === 0) {
      const { showHelp } = await import('./help.ts');
      await showHelp(config, words[0]!);
      return;
    }
    throw unknownCommand(config, words);
  }
  await config.runCommand(found.id, [...found.args, ...rest]);
}

/** Global switches may stand before the command; words end at the first flag. */
function split(argv: string[]): Typed {
  const leading: string[] = [];
  let at = 0;
  while (GLOBAL_SWITCHES.includes(argv[at] ?? '')) leading.push(argv[at++]!);
  const words: string[] = [];
  while (at < argv.length && !argv[at]!.startsWith('-')) words.push(argv[at++]!);
  return { words, rest: [...leading, ...argv.slice(at)] };
}

/** The longest run of words that is a command; `load_best` is `load-best`. */
function findCommand(config: Config, words: string[]): { id: string; args: string[] } | null {
  for (const count of [2, 1]) {
    if (words.length < count) continue;
    const name = words.slice(0, count).join(':').replaceAll('_', '-');
    const command = config.findCommand(name);
    if (command) return { id: command.id, args: words.slice(count) };
  }
  return null;
}

function unknownCommand(config: Config, words: string[]): PtError {
  const ids = config.commandIDs.filter((id) => !config.findCommand(id)?.hidden);
  const names = ids.map((id) => id.replaceAll(':', ' '));
  const typed = words.slice(0, 2).join(' ');
  if (words.length === 0) {
    return new UserError('usage.missing_command', 'No command given.', { nextSteps: ['pt --help'] });
  }
  if (config.findTopic(words[0]!)) {
    const subcommands = ids.filter((id) => id.startsWith(`${words[0]}:`)).map((id) => id.split(':')[1]!);
    const problem =
      words.length === 1
        ? `pt ${words[0]} needs a subcommand: ${subcommands.join(', ')}.`
        : `Unknown command: pt ${typed}.${didYouMean(words[1]!, subcommands)}`;
    return new UserError(words.length === 1 ? 'usage.missing_command' : 'usage.unknown_command', problem, {
      nextSteps: [`pt ${words[0]} --help`],
    });
  }
  const hint = didYouMean(words[0]!, names) || didYouMean(typed, names);
  return new UserError('usage.unknown_command', `Unknown command: pt ${words[0]}.${hint}`, {
    nextSteps: ['pt --help'],
  });
}
