import { styleText } from 'node:util';
import type { ErrorReport } from '../errors.ts';
import { knowEnvironment, mask, maskAll } from '../secret.ts';
import { harmless, isAsciiLocale, presentable, toAscii } from '../text/harmless.ts';
import { jsonText } from '../text/json-text.ts';
import { type Column, layTable } from '../text/table.ts';
import { ProgressRenderer } from './progress.ts';

export interface UiOptions {
  /** Data: what a person or a pipe asked for. Nothing goes here with `json` except the object. */
  stdout: NodeJS.WriteStream;
  /** For people: progress, notes, errors. */
  stderr: NodeJS.WriteStream;
  env: NodeJS.ProcessEnv;
  json?: boolean;
  quiet?: boolean;
  color?: boolean;
  /** Data on stdout as it is, secrets too; for a command that exists to print one. */
  reveal?: boolean;
}

export type Ui = ReturnType<typeof createUi>;

type Style = Parameters<typeof styleText>[0];

/** Everything that `pt` shows goes through one of these. Text is made harmless and secrets are masked here; streams that are not terminals get no escape sequence. */
export function createUi({
  stdout,
  stderr,
  env,
  json = false,
  quiet = false,
  color = true,
  reveal = false,
}: UiOptions) {
  knowEnvironment(env);
  const ascii = isAsciiLocale(env);
  const dumb = env.TERM === 'dumb';
  const colored = color && !env.NO_COLOR && !dumb;
  let progress: ProgressRenderer | null = null;

  const send = (stream: NodeJS.WriteStream, text: string) => {
    if (stream.writable) stream.write(text);
  };
  const write = (stream: NodeJS.WriteStream, text: string) => send(stream, ascii ? toAscii(text) : text);
  const paint = (stream: NodeJS.WriteStream, style: Style, text: string) =>
    colored && stream.isTTY ? styleText(style, text, { validateStream: false }) : text;
  const columns = (stream: NodeJS.WriteStream) =>
    stream.isTTY ? Math.max(10, stream.columns || 80) : Number.POSITIVE_INFINITY;
  /** A line for people; the progress bar steps aside for it. */
  const tell = (text: string) => {
    progress?.clear();
    write(stderr, `${text}\n`);
  };

  return {
    json,
    quiet,
    /** A line of data on stdout (nothing with --json). */
    print(text = ''): void {
      if (json) return;
      progress?.clear();
      write(stdout, `${(reveal ? harmless : presentable)(text, { lines: true })}\n`);
    },
    /** Begins anew at the top of the screen, for what is shown again and again; where stdout is no terminal the next one follows the last. */
    redraw(): void {
      if (json || !stdout.isTTY || dumb) return;
      progress?.clear();
      send(stdout, '\u001b[2J\u001b[H');
    },
    /** A table on stdout, as wide as the terminal (nothing with --json). */
    table(columnsOf: Column[], rows: unknown[][]): void {
      if (json) return;
      progress?.clear();
      const lines = layTable(columnsOf, rows, columns(stdout));
      const [head, ...body] = lines;
      const hasHead = head !== undefined && columnsOf.every(({ title }) => head.includes(title));
      write(stdout, `${[hasHead ? paint(stdout, 'bold', head) : head, ...body].join('\n')}\n`);
    },
    note(text: string): void {
      progress?.finishWhole();
      if (!quiet) tell(presentable(text, { lines: true }));
    },
    warn(text: string): void {
      tell(`${paint(stderr, 'yellow', 'Warning:')} ${presentable(text, { lines: true })}`);
    },
    success(text: string): void {
      if (!quiet) tell(`${paint(stderr, 'green', '✓')} ${presentable(text, { lines: true })}`);
    },
    /** What to type next, one command or sentence a line. */
    nextSteps(steps: string[]): void {
      if (quiet || steps.length === 0) return;
      tell(paint(stderr, 'bold', 'Next:'));
      for (const step of steps) tell(`  ${presentable(step)}`);
    },
    error(report: ErrorReport): void {
      const message = presentable(report.message, { lines: true });
      // What somebody asked for is no error.
      const head = report.code === 'cancelled' ? '' : `${paint(stderr, 'red', 'Error:')} `;
      tell(`${head}${message} ${paint(stderr, 'dim', `[${report.code}]`)}`);
      for (const step of report.nextSteps) {
        tell(`  ${paint(stderr, 'cyan', '→')} ${presentable(step, { lines: true })}`);
      }
    },
    /** Where an unforeseen error came from; for PT_DEBUG. */
    stack(error: unknown): void {
      if (error instanceof Error) tell(mask(error.stack ?? ''));
    },
    /** The one JSON object of --json; `line`: one of several, each on a line. */
    object(value: object, { line = false } = {}): void {
      const indent = stdout.isTTY && !line ? 2 : undefined;
      send(stdout, `${jsonText(reveal ? value : maskAll(value), { indent, ascii })}\n`);
    },
    /** A renderer for one piece of work, or null when nobody wants to see it. */
    startProgress(): ProgressRenderer | null {
      if (quiet) return null;
      progress = new ProgressRenderer({
        write: (text) => write(stderr, text),
        live: Boolean(stderr.isTTY) && !dumb,
        columns: () => columns(stderr),
        ascii,
        now: () => performance.now(),
      });
      return progress;
    },
    endProgress(): void {
      progress?.clear();
      progress = null;
    },
  };
}
