import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, type PtError, UserError } from './errors.ts';
import type { HelpStyle } from './help.ts';
import { type Manifest, readManifest, topicsOf, visibleIds } from './manifest.ts';

const GLOBAL_SWITCHES = ['--json', '--quiet', '--no-color'];
const HELP = ['--help', '-h'];

/**
 * Runs one command line and sets the exit code. oclif loads, parses and runs commands; version, help, unknown commands and errors
 * are handled here from the manifest alone, so that they are fast and follow --json and the exit codes.
 */
export async function main(argv: string[], root: string): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    // A reader that went away (`| head`) is no error, nor is a terminal that was closed; and nothing ends because it could not be told.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'EPIPE' || error.code === 'EIO' || error.code === 'ENXIO';
      if (!gone && stream === process.stdout) throw error;
    });
  }
  const dashes = argv.indexOf('--');
  const own = dashes === -1 ? argv : argv.slice(0, dashes);
  const fail = async (error: unknown): Promise<void> => {
    const [{ publicReport }, { createUi }, { thisCaller, typedHere }] = await Promise.all([
      import('./ui/report.ts'),
      import('./ui/terminal.ts'),
      import('./cli/next-steps.ts'),
    ]);
    const ui = createUi({
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      json: own.includes('--json'),
      color: !own.includes('--no-color'),
    });
    const told = publicReport(error, process.env, process.cwd());
    const caller = thisCaller();
    const here = (step: string) => typedHere(step, caller);
    const report = { ...told, nextSteps: told.nextSteps.map(here) };
    ui.error(report);
    if (process.env.PT_DEBUG) ui.stack(error);
    if (ui.json) ui.object({ error: report });
    process.exitCode = report.exitCode;
  };
  const die = (error: unknown) => {
    fail(error).finally(() => process.exit(process.exitCode ?? EXIT.bug));
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  try {
    await dispatch(argv, own, root);
  } catch (error) {
    await fail(error);
  }
}

async function dispatch(argv: string[], own: string[], root: string): Promise<void> {
  const { words, rest } = split(argv);
  if (words.length === 0 && own.includes('--version')) {
    process.stdout.write(`${versionLine(root)}\n`);
    return;
  }
  const manifest = readManifest(root);
  if (argv[0] === '__complete') return completeWords(manifest, argv.slice(1));
  const asksHelp = words[0] === 'help' || own.some((token) => HELP.includes(token));
  if (words[0] === 'help') words.shift();
  const found = findCommand(manifest, words);
  const topic = words.length === 1 && topicsOf(manifest).includes(words[0]!) ? words[0]! : null;
  const bare = rest.length === 0 && (words.length === 0 || topic !== null);
  if (asksHelp || (bare && !found)) {
    if (words.length > 0 && !found && !topic) throw await unknownCommand(manifest, words);
    const [{ describeCommand, listCommands }, { calledAs }] = await Promise.all([
      import('./help.ts'),
      import('./host/called-as.ts'),
    ]);
    const program = calledAs({ env: process.env, cwd: process.cwd(), script: process.argv[1] });
    const style = { ...helpStyle(own), program };
    await show(found ? describeCommand(manifest[found.id]!, style) : listCommands(manifest, topic, style));
    return;
  }
  if (!found) throw await unknownCommand(manifest, words);
  const { Config } = await import('@oclif/core');
  const config = await Config.load({ root });
  await config.runCommand(found.id, [...found.args, ...rest]);
}

function versionLine(root: string): string {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  return `${name}/${version} ${process.platform}-${process.arch} node-${process.version}`;
}

/** Global switches may stand before the command; words end at the first flag. */
function split(argv: string[]): { words: string[]; rest: string[] } {
  const leading: string[] = [];
  let at = 0;
  while (GLOBAL_SWITCHES.includes(argv[at] ?? '')) leading.push(argv[at++]!);
  const words: string[] = [];
  while (at < argv.length && !argv[at]!.startsWith('-')) words.push(argv[at++]!);
  return { words, rest: [...leading, ...argv.slice(at)] };
}

/** The longest run of words that is a command; `load_best` is `load-best`. */
function findCommand(manifest: Manifest, words: string[]): { id: string; args: string[] } | null {
  for (const count of [2, 1]) {
    if (words.length < count) continue;
    const id = words.slice(0, count).join(':').replaceAll('_', '-');
    if (Object.hasOwn(manifest, id)) return { id, args: words.slice(count) };
  }
  return null;
}

async function unknownCommand(manifest: Manifest, words: string[]): Promise<PtError> {
  const { didYouMean } = await import('./text/suggest.ts');
  const [first, second] = words;
  const ids = visibleIds(manifest);
  if (first === undefined) {
    return new UserError('usage.missing_command', 'No command given.', { nextSteps: ['pt --help'] });
  }
  const topics = topicsOf(manifest);
  if (!topics.includes(first)) {
    const names = [...ids.map((id) => id.replaceAll(':', ' ')), ...topics];
    const hint = didYouMean(first, names) || didYouMean(words.slice(0, 2).join(' '), names);
    return new UserError('usage.unknown_command', `Unknown command: pt ${first}.${hint}`, {
      nextSteps: ['pt --help'],
    });
  }
  const below = ids.filter((id) => id.startsWith(`${first}:`)).map((id) => id.slice(first.length + 1));
  const nextSteps = [`pt ${first} --help`];
  return second === undefined
    ? new UserError('usage.missing_command', `pt ${first} needs one of: ${below.join(', ')}.`, { nextSteps })
    : new UserError(
        'usage.unknown_command',
        `Unknown command: pt ${first} ${second}.${didYouMean(second, below)}`,
        {
          nextSteps,
        },
      );
}

/** What the completion scripts ask: the words before the cursor and the begun one; one candidate a line. */
async function completeWords(manifest: Manifest, typed: string[]): Promise<void> {
  const { complete, described } = await import('./completion/complete.ts');
  const words = typed.slice(typed[0] === '--described' ? 1 : 0);
  const [before, current] = [words.slice(0, -1), words.at(-1) ?? ''];
  const candidates = await complete(manifest, before, current, async (kind, words) => {
    const { dynamicValues } = await import('./completion/dynamic.ts');
    return dynamicValues(kind, words, process.env, process.cwd());
  });
  const lines = typed[0] === '--described' ? described(manifest, before, candidates) : candidates;
  for (const line of lines) process.stdout.write(`${line}\n`);
}

function helpStyle(own: string[]): Omit<HelpStyle, 'program'> {
  const { stdout, env } = process;
  return {
    width: stdout.isTTY ? Math.max(20, Math.min(stdout.columns || 80, 120)) : 100,
    color: Boolean(stdout.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb' && !own.includes('--no-color'),
  };
}

async function show(text: string): Promise<void> {
  const { isAsciiLocale, toAscii } = await import('./text/harmless.ts');
  process.stdout.write(`${isAsciiLocale(process.env) ? toAscii(text) : text}\n`);
}
